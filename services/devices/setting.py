"""Binding by a code that the merchant's admin shows: five minutes, one device, one machine (DEV-2).

The code is the secret: it is kept as a keyed hash alone and stands in no log. Whoever has it gets
the merchant's key once, for one serial number, which may ask again while the code is good (DEV-3).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.device import BoundBy, Device, DeviceSetting, ShiftType
from models.merchant import Merchant, Staff, Store
from models.provider import Provider
from services.accounts import seal_place
from services.deps import Deps
from services.devices import changing, reading
from services.devices.problems import (
    DeviceBound,
    DeviceQrExpired,
    DeviceStopped,
    DeviceType,
)
from services.people.acting import Acting

LIFE: Final = timedelta(minutes=5)
LENGTH: Final = 20
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OF_SHOP: Final = text("SELECT provider_id FROM route WHERE kind = 'shop' AND external_id = :shop")


@dataclass(frozen=True, slots=True)
class Offer:
    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """All that a machine needs to work as this device; `key` is the merchant's."""

    provider: Provider
    merchant: Merchant
    store: Store
    device: Device
    staff: Staff
    key: str = field(repr=False)


def make(deps: Deps, who: Acting, out_device_id: str, staff_public_id: str) -> Offer:
    """A code for the device, told this once; the ones before are over.

    Raises DeviceUnknown, DeviceType, DeviceRefused.
    """
    code = "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))

    def unit(session: Session) -> Offer:
        now = deps.now()
        line = reading.find(session, who, out_device_id, lock=True)
        if line.device.shift_type == ShiftType.PC_CASHIER:
            raise DeviceType("电脑收银台不用配置二维码：在收银软件里扫码登录")
        staff = reading.worker(session, line.store, staff_public_id)
        changing.end_settings(session, line.device, now)
        session.add(
            DeviceSetting(
                provider_id=line.device.provider_id,
                row_id=line.device.id,
                staff_id=staff.id,
                code_hash=_hash(deps, code),
                made_by=who.actor,
                created_at=now,
                expires_at=now + LIFE,
            )
        )
        changing.note(session, line.device, "device_setting_made", now, who.actor, staff=staff.id)
        query = urlencode({"osi": line.store.out_shop_id, "si": code})
        return Offer(f"{deps.settings.base_url}/cpay/use_device_setting?{query}", now + LIFE)

    return deps.transact(unit)


def _hash(deps: Deps, code: str) -> str:
    return deps.ring.blind(code, "device_setting")


def take(deps: Deps, out_shop_id: str, code: str, sn: str) -> Taken:
    """Bind the machine `sn` and tell it all; the same machine may ask again.

    Raises DeviceQrExpired for a code that is unknown, over, of another shop or taken by another
    machine, DeviceBound, DeviceStopped, DeviceRefused.
    """
    sn_code = reading.serial(sn)

    def unit(session: Session) -> Taken:
        now = deps.now()
        setting = _find(session, deps, out_shop_id, code)
        if setting is None or setting.expires_at <= now:
            raise DeviceQrExpired
        device = session.get_one(Device, (setting.provider_id, setting.row_id))
        merchant = reading.hold_merchant(session, device.provider_id, device.merchant_id)
        session.refresh(device, with_for_update=True)
        session.refresh(setting, with_for_update=True)
        store = session.get_one(Store, (device.provider_id, device.store_id))
        if setting.expires_at <= now or store.out_shop_id != out_shop_id or device.deleted_at:
            raise DeviceQrExpired
        if setting.used_by not in (None, sn_code):
            raise DeviceBound(f"{DeviceBound.title}（SN_CODE: {setting.used_by}）")
        provider = session.get_one(Provider, device.provider_id)
        refuse_stopped(provider, merchant, store)
        setting.used_by = sn_code
        changing.bind(
            session, device, sn_code, by=BoundBy.SETTING, staff_id=setting.staff_id,
            actor=setting.made_by, now=now,
        )  # fmt: skip
        staff = session.get_one(Staff, (device.provider_id, setting.staff_id))
        return Taken(provider, merchant, store, device, staff, newest_key(deps, merchant))

    return deps.transact(unit)


def _find(session: Session, deps: Deps, out_shop_id: str, code: str) -> DeviceSetting | None:
    if len(code) != LENGTH or not code.isascii():
        return None
    provider_id = session.execute(_OF_SHOP, {"shop": out_shop_id}).scalar()
    if provider_id is None:
        return None
    return session.scalar(
        select(DeviceSetting).where(
            DeviceSetting.provider_id == provider_id, DeviceSetting.code_hash == _hash(deps, code)
        )
    )


def refuse_stopped(provider: Provider, merchant: Merchant, store: Store) -> None:
    is_gone = merchant.deleted_at or store.deleted_at
    if is_gone or not (provider.is_active and merchant.is_active):
        raise DeviceStopped
    if not store.is_active and store.paused_at is None:
        raise DeviceStopped


def newest_key(deps: Deps, merchant: Merchant) -> str:
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    return deps.ring.open(merchant.authen_key_sealed, place)


def prefix_of(merchant: Any) -> str:
    """cloud_cashier_id: the prefix of eight digits where there is one, since it scans better."""
    prefixes = [p for p in (merchant.order_prefix, merchant.second_prefix) if p]
    eight = [p for p in prefixes if len(p) == 8 and p.isdigit()]
    return str((eight or prefixes)[0])
