"""Till login by a QR code: who works at this till (product LOG-1, PCC-2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from models.merchant import Staff, StaffRole
from models.provider import Provider
from services.cloudpay.call import Answer, Call
from services.cloudpay.devices.refusing import in_numbers
from services.cloudpay.shapes import Asked, Name32, Text, Text32, Told, Whole
from services.cloudpay.shops.told import DeviceTold, StaffTold, device_told, staff_told
from services.cloudpay.statuses import Internal, Refused
from services.devices import reading, setting, tills
from services.devices.tills import Decided
from services.stores.reading import name_of

MANAGER_TYPES = {StaffRole.OWNER: 1, StaffRole.MANAGER: 2, StaffRole.CLERK: 3}  # ManagerType


class InitializeAsked(Asked):
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    authorize_terminal_type: Annotated[int, Whole(1, 2)] = Field(
        default=tills.PC, description="1电脑，2安卓 / 1 PC, 2 Android"
    )
    nonce_str: Text32 = ""


class InitializeTold(Told):
    activator: str
    token: str
    qr_code_url: str
    ttl: int


def initialize(call: Call, asked: InitializeAsked) -> Answer:
    caller = call.caller
    shop = call.shop(asked.out_shop_id, "out_shop_id")
    merchant = (caller.provider_id, caller.merchant_id, caller.out_mch_id)
    begun = tills.begin(call.deps, merchant, shop.store_id, asked.authorize_terminal_type)
    told = InitializeTold(
        activator=begun.activator,
        token=begun.token,
        qr_code_url=begun.url,
        ttl=call.deps.settings.cpay_shown_code_s,
    )
    return Answer(told, "请店员用微信扫码，允许这台收银机登录")


class InitializersAsked(Asked):
    out_sub_mch_id: Text32 = ""
    token: Annotated[str, Text(64, least=1)]
    nonce_str: Text32 = ""


class EntityTold(Told):
    manager_type: int
    out_id: str
    staff_id: str


class MchTold(Told):
    company_name: str
    out_mch_id: str
    merchant_name: str


class SubMchTold(Told):
    """The ciphers of the old product stay empty: no key leaves by this call."""

    company_name: str
    cloud_cashier_id: str
    out_sub_mch_id: str
    merchant_name: str
    client_configuration_ciphers: tuple[()] = ()


class LoginShopTold(Told):
    out_shop_id: str
    shop_name: str
    devices: tuple[DeviceTold, ...]
    staffs: tuple[StaffTold, ...]


class InitializersTold(Told):
    initialization_granted: bool
    identity: str | None = None
    staff_id: str | None = None
    manager_types: tuple[int, ...] | None = None
    manager_entities: tuple[EntityTold, ...] | None = None
    mch_info: MchTold | None = None
    sub_mch_info: SubMchTold | None = None
    shop_infos: tuple[LoginShopTold, ...] | None = None


def try_get_initializers(call: Call, asked: InitializersAsked) -> Answer:
    def unit(session: Session) -> InitializersTold | None:
        caller = call.caller
        found = tills.state(
            session, call.deps, (caller.provider_id, caller.merchant_id), asked.token
        )
        if found is None:
            return None
        if not found.is_granted:
            raise Refused("店员没有允许这台收银机登录", internal=Internal.PERMISSION)
        return _told(session, found)

    with in_numbers():
        told = call.deps.transact(unit)
    if told is None:
        return Answer(InitializersTold(initialization_granted=False), "等待店员扫码允许")
    return Answer(told)


def _told(session: Session, found: Decided) -> InitializersTold:
    kind, merchant = MANAGER_TYPES[found.staff.role], found.merchant
    provider = session.get_one(Provider, merchant.provider_id)
    number = reading.staff_no(found.staff)
    out_id = {1: merchant.out_sub_mch_id, 2: found.store.out_shop_id, 3: found.staff.public_id}
    return InitializersTold(
        initialization_granted=True,
        identity=found.staff.role.value,
        staff_id=number,
        manager_types=(kind,),
        manager_entities=(EntityTold(manager_type=kind, out_id=out_id[kind], staff_id=number),),
        mch_info=MchTold(
            company_name=provider.name,
            out_mch_id=provider.out_mch_id,
            merchant_name=provider.short_name or provider.name,
        ),
        sub_mch_info=SubMchTold(
            company_name=merchant.name,
            cloud_cashier_id=setting.prefix_of(merchant),
            out_sub_mch_id=merchant.out_sub_mch_id,
            merchant_name=merchant.short_name,
        ),
        shop_infos=(_shop(session, found),),
    )


def _shop(session: Session, found: Decided) -> LoginShopTold:
    people: list[Staff] = list(reading.workers(session, found.store))
    return LoginShopTold(
        out_shop_id=found.store.out_shop_id,
        shop_name=name_of(found.store),
        devices=tuple(device_told(one) for one in reading.of_store(session, found.store)),
        staffs=tuple(staff_told(one) for one in people),
    )
