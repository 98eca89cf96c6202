"""ShopInfo, DeviceInfo, StaffInfo of replies (Cloud Pay 4.8). Nobody's openid or phone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.device import Device
from models.merchant import Merchant, Staff, StaffRole, Store
from models.paycode import PayCode
from services.cloudpay.shapes import Told
from services.devices import reading

COORDINATES = 1  # GCJ-02, as the maps of China write them


class DeviceTold(Told):
    device_id: str
    device_name: str
    remark: str
    device_shift_type: int
    sn_code: str | None = None
    bind_status: int  # 0 or 1
    out_device_id: str


class StaffTold(Told):
    staff_id: str
    staff_name: str
    remark: str
    shop_manager: bool
    receive_one_code_pay_notify: bool
    refund_auth: bool
    out_staff_id: str


class QrcodeTold(Told):
    qrcode_id: str
    qrcode_name: str


class WxpayShopTold(Told):
    ext_sub_mch_id: str


class ShopTold(Told):
    shop_id: str
    shop_name: str
    branch_name: str
    province: str
    city: str
    district: str
    address: str
    coordinate_type: int | None = None
    longitude: str
    latitude: str
    phone: str
    out_shop_id: str
    out_shop_id_url: str
    fee_type: str = "CNY"
    device_infos: tuple[DeviceTold, ...]
    staff_infos: tuple[StaffTold, ...]
    create_time: int
    goods_tag: str | None = None
    receive_notify_after_duty: bool
    send_micro_pay_notify: bool
    disable_membership_card: bool
    qrcode_infos: tuple[QrcodeTold, ...]
    wxpay_shop_info_ext: WxpayShopTold | None = None


def device_told(device: Device) -> DeviceTold:
    return DeviceTold(
        device_id=device.device_id,
        device_name=device.name,
        remark=device.remark,
        device_shift_type=device.shift_type,
        sn_code=device.sn_code,
        bind_status=int(device.sn_code is not None),
        out_device_id=device.out_device_id,
    )


def staff_told(staff: Staff) -> StaffTold:
    return StaffTold(
        staff_id=reading.staff_no(staff),
        staff_name=staff.name,
        remark=staff.remark,
        shop_manager=staff.role is not StaffRole.CLERK,
        receive_one_code_pay_notify=staff.wants_notices,
        refund_auth=staff.can_refund,
        out_staff_id=staff.public_id,
    )


def shops_told(
    session: Session, base_url: str, merchant: Merchant, stores: Sequence[Store]
) -> tuple[ShopTold, ...]:
    """In the order given; three questions however many there are."""
    ids = [store.id for store in stores]
    devices = reading.of_stores(session, merchant.provider_id, ids)
    people: dict[int, list[StaffTold]] = {}
    for one in session.scalars(
        select(Staff)
        .where(Staff.provider_id == merchant.provider_id, Staff.store_id.in_(ids), Staff.is_active)
        .order_by(Staff.id)
    ):
        people.setdefault(one.store_id or 0, []).append(staff_told(one))
    codes: dict[int, list[QrcodeTold]] = {}
    for code in session.scalars(
        select(PayCode)
        .where(
            PayCode.provider_id == merchant.provider_id,
            PayCode.store_id.in_(ids),
            PayCode.is_active,
        )
        .order_by(PayCode.id)
    ):
        told = QrcodeTold(qrcode_id=code.code, qrcode_name=code.name)
        codes.setdefault(code.store_id or 0, []).append(told)
    return tuple(
        _shop(
            store,
            base_url,
            tuple(device_told(one) for one in devices.get(store.id, ())),
            tuple(people.get(store.id, ())),
            tuple(codes.get(store.id, ())),
        )
        for store in stores
    )


def _shop(
    store: Store,
    base_url: str,
    devices: tuple[DeviceTold, ...],
    people: tuple[StaffTold, ...],
    codes: tuple[QrcodeTold, ...],
) -> ShopTold:
    own = store.wechat_sub_mchid
    return ShopTold(
        shop_id=store.own_number or store.out_shop_id,
        shop_name=store.name,
        branch_name=store.branch_name,
        province=store.province,
        city=store.city,
        district=store.district,
        address=store.address,
        coordinate_type=COORDINATES if store.longitude else None,
        longitude=store.longitude,
        latitude=store.latitude,
        phone=store.phone,
        out_shop_id=store.out_shop_id,
        out_shop_id_url=f"{base_url}/cpay/qrcode_shop?id={store.out_shop_id}",
        device_infos=devices,
        staff_infos=people,
        create_time=int(store.created_at.timestamp()),
        goods_tag=store.goods_tag,
        receive_notify_after_duty=store.receive_notify_after_duty,
        send_micro_pay_notify=store.send_micro_pay_notify,
        disable_membership_card=store.disable_membership_card,
        qrcode_infos=codes,
        wxpay_shop_info_ext=WxpayShopTold(ext_sub_mch_id=own) if own else None,
    )
