"""Unbinding, and the three calls of devices that prove themselves by their init key."""

from __future__ import annotations

import hmac
from typing import Annotated

from pydantic import AliasChoices, Field
from sqlalchemy.orm import Session

from models.device import Device, DeviceKey
from models.merchant import Merchant, Store
from services.cloudpay.authen import HMAC_SHA256, code_of
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.devices.refusing import in_numbers
from services.cloudpay.shapes import Asked, Name32, Text, Text32, Text128, Told
from services.cloudpay.statuses import Internal, Refused, foreign
from services.devices import binding, changing, keys, reading, setting
from services.devices.binding import Bound
from services.devices.problems import DeviceBound, DeviceUnbound
from services.merchants.keys import live_keys
from services.stores.reading import name_of

INTERVAL_S = 1  # between two questions of a device that waits
Serial = Annotated[str, Text(127, least=1)]
Id64 = Annotated[str, Text(64, least=1)]
# vendors' samples of one time say `sn`, the tables `sn_code`
SN = Field(validation_alias=AliasChoices("sn_code", "sn"), description="序列号 / serial number")


class UnbindAsked(Asked):
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    device_id: Id64
    sn_code: Serial = SN
    nonce_str: Text32 = ""


def unbind(call: Call, asked: UnbindAsked) -> Answer:
    """By the machine itself, when an admin of the merchant does it in its app (product DEV-6)."""
    shop = call.shop(asked.out_shop_id, "out_shop_id")

    def unit(session: Session) -> None:
        caller = call.caller
        sn_code = reading.serial(asked.sn_code)
        reading.hold_merchant(session, caller.provider_id, caller.merchant_id)
        device = reading.in_store(
            session, caller.provider_id, shop.store_id, asked.device_id, lock=True
        )
        if device is None or device.deleted_at is not None:
            raise foreign("device_id")
        if device.sn_code is None:
            raise DeviceUnbound
        if device.sn_code != sn_code:
            raise DeviceBound("该设备绑定的是另一台机器，请在那台机器上解绑，或由商户管理员解绑")
        changing.free(session, device, actor="api", now=call.now, is_forced=False)

    with in_numbers():
        call.deps.transact(unit)
    return Answer(None, "解绑成功")


class QrAsked(Asked):
    """Where a device stands (mcc, mnc, lac, cellid, rss) is taken and not kept."""

    sn_code: Serial = SN
    app_cpay_version: Text32 = Field(
        default="", validation_alias=AliasChoices("app_cpay_version", "app_version")
    )
    nonce_str: Text32 = ""


class QrTold(Told):
    activator: str
    token: str
    ttl: int
    mini_program_url: str
    interval: int
    nonce_str: str


def generate_qr(call: Call, asked: QrAsked) -> Answer:
    begun = binding.begin(call.deps, _key_row(call, asked.sn_code), asked.app_cpay_version)
    told = QrTold(
        activator=begun.activator,
        token=begun.token,
        ttl=call.deps.settings.cpay_shown_code_s,
        mini_program_url=f"{call.deps.settings.base_url}{binding.PAGE}",
        interval=INTERVAL_S,
        nonce_str=asked.nonce_str[:8] or fresh_nonce()[:8],
    )
    return Answer(told, "请显示二维码，由商户管理员用微信扫码绑定")


def _key_row(call: Call, sn: str) -> tuple[int, int]:
    def unit(session: Session) -> DeviceKey | None:
        return keys.find_at(session, call.caller.provider_id, reading.serial(sn))

    row = call.deps.transact(unit)
    if row is None:
        raise foreign("sn_code")
    return row.provider_id, row.id


class BindInfoAsked(Asked):
    sn_code: Serial = SN
    token: Id64
    nonce_str: Text32 = ""


class BindInfoTold(Told):
    """Without the rest while nobody has chosen. The key is sealed for this device alone."""

    activated: int
    out_mch_id: str | None = None
    out_sub_mch_id: str | None = None
    cloud_cashier_id: str | None = None
    authen_type: int | None = None
    e_authen_key: str | None = Field(default=None, repr=False)
    out_shop_id: str | None = None
    shop_name: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    staff_id: str | None = None
    staff_name: str | None = None
    device_shift_type: int | None = None
    nonce_str: str


def bind_info(call: Call, asked: BindInfoAsked) -> Answer:
    with in_numbers():
        bound = binding.state(call.deps, _key_row(call, asked.sn_code), asked.token)
    nonce = asked.nonce_str[:8] or fresh_nonce()[:8]
    if bound is None:
        return Answer(BindInfoTold(activated=0, nonce_str=nonce), "等待商户管理员扫码绑定")
    return Answer(_bound_told(bound, call.caller.key, nonce))


def _bound_told(bound: Bound, init_key: str, nonce: str) -> BindInfoTold:
    return BindInfoTold(
        activated=1,
        out_mch_id=bound.provider.out_mch_id,
        out_sub_mch_id=bound.merchant.out_sub_mch_id,
        cloud_cashier_id=setting.prefix_of(bound.merchant),
        authen_type=HMAC_SHA256,
        e_authen_key=binding.sealed_key(init_key, bound.key),
        out_shop_id=bound.store.out_shop_id,
        shop_name=name_of(bound.store),
        device_id=bound.device.device_id,
        device_name=bound.device.name,
        staff_id=reading.staff_no(bound.staff),
        staff_name=bound.staff.name,
        device_shift_type=bound.device.shift_type,
        nonce_str=nonce,
    )


class CheckAsked(Asked):
    sn_code: Serial = SN
    out_shop_id: Name32
    device_id: Id64
    nonce_str: Annotated[str, Text(64, least=1)]
    hash_content: Text128 = Field(description="HMAC(交易密钥, nonce_str) / HMAC(trade key, nonce)")


def check_bind(call: Call, asked: CheckAsked) -> Answer:
    """Whether the machine is still bound as it believes, and knows the merchant's key of now."""

    def unit(session: Session) -> None:
        device = _bound_device(session, call, asked)
        merchant = session.get_one(Merchant, (device.provider_id, device.merchant_id))
        known = [code_of(key, asked.nonce_str) for key in live_keys(call.deps, merchant, call.now)]
        given = asked.hash_content.upper().encode()
        if not any(hmac.compare_digest(code.encode(), given) for code in known):
            raise Refused("密钥已重置，请重新绑定", internal=Internal.AUTHEN)
        device.seen_at = call.now

    call.deps.transact(unit)
    return Answer(None)


def _bound_device(session: Session, call: Call, asked: CheckAsked) -> Device:
    """Another merchant's shop, an unknown one, a machine bound elsewhere: all are unbound."""
    sn_code = reading.serial(asked.sn_code)
    device = keys.bound_device(session, call.caller.provider_id, sn_code)
    store = None
    if device is not None:
        store = session.get_one(Store, (device.provider_id, device.store_id))
    if (
        device is None
        or store is None
        or store.out_shop_id != asked.out_shop_id
        or device.device_id != asked.device_id
    ):
        raise Refused("设备未绑定，请重新绑定", internal=Internal.UNBOUND)
    return device
