"""Devices that are not bound yet prove themselves by their own init key, found by their number."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from models.provider import Provider
from services.cloudpay.callers import Caller
from services.deps import Deps
from services.devices import keys
from services.devices.problems import DeviceRefused
from services.devices.reading import serial

NO_MERCHANT = 0  # `merchant_id` of a device's caller: it is nobody's yet


def find_device_caller(deps: Deps, content: dict[str, Any]) -> Caller | None:
    """None: no such device is known here. Its reply is signed with its init key."""
    typed = content.get("sn_code", content.get("sn"))
    if not isinstance(typed, str):
        return None
    try:
        sn_code = serial(typed)
    except DeviceRefused:
        return None

    def read(session: Session) -> Caller | None:
        row = keys.find(session, sn_code)
        if row is None:
            return None
        provider = session.get_one(Provider, row.provider_id)
        return Caller(
            provider_id=provider.id,
            out_mch_id=provider.out_mch_id,
            merchant_id=NO_MERCHANT,
            out_sub_mch_id="",
            is_active=provider.is_active,
            prefixes=(),
            takes_md5=False,
            keys=(keys.plain(deps, row),),
        )

    return deps.transact(read)
