"""Marks that stand for an order or a payer where no person may be kept, and the signed addresses.

A mark is a keyed hash for one purpose; the payer's changes with the day.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

from models.order import PayOrder
from secretbox.ring import KeyRing
from services.totals import china_day

_TOKEN: Final = re.compile(r"([0-9A-Za-z]{8,24})-([0-9A-Za-z]{8,24})-([0-9a-f]{24})")


def of_order(ring: KeyRing, order: PayOrder) -> str:
    return ring.blind(f"{order.provider_id}:{order.id}", "ad-order")[:32]


def of_payer(ring: KeyRing, order: PayOrder, now: datetime) -> str | None:
    """None where the order has no payer that we know."""
    if order.person_id is None:
        return None
    day = china_day(now).isoformat()
    return ring.blind(f"{order.provider_id}:{order.person_id}:{day}", "ad-payer")[:32]


def token(ring: KeyRing, version_id: str, order_id: str) -> str:
    """Names a version on an order's page; both are public ids. Only we can write one."""
    return f"{version_id}-{order_id}-{_sign(ring, version_id, order_id)}"


def read_token(ring: KeyRing, said: str) -> tuple[str, str] | None:
    """The version's and the order's public id; None for what we did not write."""
    found = _TOKEN.fullmatch(said)
    if found is None:
        return None
    version_id, order_id, mac = found.groups()
    right = hmac.compare_digest(mac, _sign(ring, version_id, order_id))
    return (version_id, order_id) if right else None


def _sign(ring: KeyRing, version_id: str, order_id: str) -> str:
    return ring.blind(f"{version_id}-{order_id}", "ad-token")[:24]
