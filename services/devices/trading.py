"""Whether a trade that names a device may go on (product DEV-7). The caller's key is proven before.

A `device_id` is the merchant's own word and counts in one shop; most tills of the old service call
themselves "1" and were never registered here. So an id that is no device of the shop says nothing,
and only the key decides, unless the merchant wants registered devices alone. Two things give
a machine away that names another shop or device than its own: its serial number, which is bound
once in a merchant, and an id that we made, which is given to one device alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text

from models.device import ShiftType
from models.merchant import DeviceRule
from services.deps import Deps
from services.devices.changing import MADE_ID
from services.devices.problems import DeviceRefused
from services.devices.reading import serial
from services.single import Single

_NOTED_EVERY: Final = timedelta(minutes=1)


class TradeRefusal(StrEnum):
    """Why a trade is refused; as `device.refused_why`."""

    UNBOUND = "unbound"  # bound before, and not since
    DELETED = "deleted"
    NO_SERIAL = "no_serial"  # bound, and the call does not say to which machine
    OTHER_SERIAL = "other_serial"  # bound to another machine
    ELSEWHERE = "elsewhere"  # the machine is bound to another device of the merchant
    NOT_HERE = "not_here"  # a device of another shop of the merchant
    UNREGISTERED = "unregistered"  # no device of the shop, where it has to be one


@dataclass(frozen=True, slots=True)
class Named:
    """What a call says of its device; "" where it says nothing."""

    provider_id: int
    merchant_id: int
    store_id: int
    device_id: str
    sn_code: str
    only_asks: bool = False  # a query: it moves nothing


def as_kept(sn: str) -> str:
    """A serial number that a call says, as it would be kept; what can be none stays as it is."""
    try:
        return serial(sn) if sn.strip() else ""
    except DeviceRefused:
        return sn


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known here of the device and the machine that a call names."""

    own: Any | None = None  # the shop's device of that id, deleted or not
    bound: Any | None = None  # what the serial number is bound to, where that is not `own`
    is_elsewhere: bool = False  # an id that we made, for another shop of the merchant


_OWN: Final = Single(
    text("""
    SELECT id, sn_code, shift_type, deleted_at IS NOT NULL AS is_deleted,
        unbound_at IS NOT NULL AS is_unbound
    FROM device WHERE provider_id = :p AND store_id = :s AND device_id = :d
    """)
)
_BOUND: Final = Single(
    text("""
    SELECT store_id FROM device WHERE provider_id = :p AND merchant_id = :m AND sn_code = :sn
    """)
)
_ELSEWHERE: Final = Single(
    text("""
    SELECT id FROM device WHERE provider_id = :p AND merchant_id = :m AND device_id = :d
        AND store_id <> :s LIMIT 1
    """)
)
_NOTE: Final = Single(
    text("""
    UPDATE device SET refused_at = :now, refused_why = :why WHERE provider_id = :p AND id = :id
        AND (refused_at IS NULL OR refused_at <= :before OR refused_why <> :why) RETURNING id
    """)
)


def refusal(deps: Deps, named: Named, rule: DeviceRule) -> TradeRefusal | None:
    """None: it may trade. A refusal is remembered at the device, for its owner's page."""
    standing = find(deps, named)
    why = judge(standing, named, rule)
    if why is not None and standing.own is not None:
        _note(deps, named.provider_id, standing.own.id, why)
    return why


def find(deps: Deps, named: Named) -> Standing:
    """One read for a device of ours; that there is nothing of ours is kept for some seconds."""
    found = Standing()

    def look() -> Standing | None:
        nonlocal found
        found = _look(deps, named)
        return found if found == Standing() else None

    key = ("no device", named.provider_id, named.store_id, named.device_id, named.sn_code)
    deps.cpay_kept.get(key, deps.settings.cpay_caller_kept_s, look)
    return found


def _look(deps: Deps, named: Named) -> Standing:
    keys = {
        "p": named.provider_id, "m": named.merchant_id, "s": named.store_id,
        "d": named.device_id, "sn": named.sn_code,
    }  # fmt: skip
    own = _OWN.first(deps, keys) if named.device_id else None
    if own is not None and own.sn_code is not None:
        return Standing(own)
    bound = _BOUND.first(deps, keys) if named.sn_code else None
    is_made = own is None and re.fullmatch(MADE_ID, named.device_id) is not None
    return Standing(own, bound, is_made and _ELSEWHERE.first(deps, keys) is not None)


def judge(standing: Standing, named: Named, rule: DeviceRule) -> TradeRefusal | None:
    own = standing.own
    if own is None:
        return _of_stranger(standing, named, rule)
    if own.is_deleted:
        return TradeRefusal.DELETED
    if own.sn_code is None:
        if own.is_unbound and own.shift_type != ShiftType.PC_CASHIER:  # which is bound never
            return TradeRefusal.UNBOUND
        return None if standing.bound is None else TradeRefusal.ELSEWHERE
    if named.sn_code == own.sn_code:
        return None
    if named.sn_code:
        return TradeRefusal.OTHER_SERIAL
    return None if rule is DeviceRule.IF_TOLD else TradeRefusal.NO_SERIAL


def _of_stranger(standing: Standing, named: Named, rule: DeviceRule) -> TradeRefusal | None:
    """An id that is no device of the shop, or none at all."""
    if standing.bound is not None:
        is_its_own = not named.device_id and standing.bound.store_id == named.store_id
        return None if is_its_own else TradeRefusal.ELSEWHERE
    if rule is DeviceRule.REGISTERED and (named.device_id or not named.only_asks):
        return TradeRefusal.UNREGISTERED
    return TradeRefusal.NOT_HERE if standing.is_elsewhere else None


def _note(deps: Deps, provider_id: int, device_row: int, why: TradeRefusal) -> None:
    now = deps.now()
    keys = {
        "p": provider_id, "id": device_row, "now": now, "before": now - _NOTED_EVERY,
        "why": why.value,
    }  # fmt: skip
    _NOTE.first(deps, keys)
