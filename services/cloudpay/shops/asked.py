"""ShopInfo as programs write it: absent stays as it is, empty is cleared (Cloud Pay 5.17)."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from services.cloudpay.shapes import (
    Asked,
    Flag,
    Number,
    Text,
    Text32,
    Text64,
    Text127,
    Text128,
    Whole,
)

Text16 = Annotated[str, Text(16)]
ShiftNumber = Annotated[int, Whole(1, 4)]


class DeviceAsked(Asked):
    device_id: Annotated[str, Text(64, least=1)]
    device_name: Text32 | None = None
    remark: Text127 | None = None
    device_shift_type: ShiftNumber | None = Field(
        default=None, description="1移动收款机具，2收银台，3智能POS，4其他 / kind of device"
    )


class StaffAsked(Asked):
    staff_id: Annotated[str, Text(32, least=1)]
    staff_name: Text32 | None = None
    remark: Annotated[str, Text(80)] | None = None
    shop_manager: Flag | None = None
    receive_one_code_pay_notify: Flag | None = None


class ShopAsked(Asked):
    shop_id: Text64 = Field(
        default="", description="商户自己的门店编号 / the merchant's own number"
    )
    shop_name: Text32 | None = None
    branch_name: Text32 | None = None
    province: Text32 | None = None
    city: Text32 | None = None
    district: Text32 | None = None
    address: Text128 | None = None
    coordinate_type: Number | None = None
    longitude: Text16 | None = None
    latitude: Text16 | None = None
    height: Text16 | None = None  # taken, and not kept
    phone: Text64 | None = None
    out_shop_id: Text32 = Field(default="", description="空为新建 / empty for a new shop")
    fee_type: Annotated[str, Text(3, pattern="^(CNY)?$")] = "CNY"
    goods_tag: Text32 | None = None
    receive_notify_after_duty: Flag | None = None
    send_micro_pay_notify: Flag | None = None
    disable_membership_card: Flag | None = None
    device_infos: tuple[DeviceAsked, ...] | None = Field(default=None, max_length=100)
    staff_infos: tuple[StaffAsked, ...] | None = Field(default=None, max_length=100)


# member -> column, of those that the store's own form checks
TEXTS: Final = {
    "shop_name": "name",
    **{name: name for name in ("branch_name", "province", "city", "district", "address")},
    **{name: name for name in ("phone", "longitude", "latitude", "goods_tag")},
}
SWITCHES: Final = ("receive_notify_after_duty", "send_micro_pay_notify", "disable_membership_card")


def typed(shop: ShopAsked) -> dict[str, str]:
    """What was given, as the store's form has it."""
    given = {column: getattr(shop, member) for member, column in TEXTS.items()}
    return {column: value for column, value in given.items() if value is not None}


def switches(shop: ShopAsked) -> dict[str, Any]:
    given = {name: getattr(shop, name) for name in SWITCHES}
    return {name: value for name, value in given.items() if value is not None}
