"""What makes two submissions of the recharge page the same intention.

It is named by the card, the store and the card's last finished recharge there, as the pay page's
is (`services/intents.py`): a refresh or a second tap is the same order, a finished one starts the
next.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import Recharge
from models.order import PayOrder
from secretbox.ring import KeyRing
from services.intents import UNPAID
from services.problems import PayProblem


def latest(session: Session, provider_id: int, card_id: int, store_id: int) -> PayOrder | None:
    """The card's newest recharge at this store."""
    return session.scalar(
        select(PayOrder)
        .join(
            Recharge,
            (Recharge.provider_id == PayOrder.provider_id) & (Recharge.order_id == PayOrder.id),
        )
        .where(
            Recharge.provider_id == provider_id,
            Recharge.card_id == card_id,
            PayOrder.store_id == store_id,
        )
        .order_by(Recharge.id.desc())
        .limit(1)
    )


def next_key(card_id: int, store_id: int, newest: PayOrder | None, now: datetime) -> str:
    """The live order's own intention, or the one after the last finished order."""
    if newest is not None and newest.status in UNPAID and newest.expires_at > now:
        return newest.intent_key
    return f"r{card_id}:{store_id}:{newest.id if newest is not None else 0}"


def sign(ring: KeyRing, provider_id: int, key: str, at: datetime) -> str:
    """The hidden field of the form: when it was rendered, for which card, and that we did."""
    issued = int(at.timestamp())
    return f"{issued}.{key.rsplit(':', 1)[1]}.{_mac(ring, provider_id, key, issued)}"


def read(
    ring: KeyRing,
    token: str,
    *,
    provider_id: int,
    card_id: int,
    store_id: int,
    now: datetime,
    lives_s: int,
) -> str:
    """The form's intention; PAYER_CHANGED when it was rendered for another card or edited."""
    parts = token.split(".")
    if len(token) > 120 or len(parts) != 3 or not all(p.isascii() for p in parts):
        raise PayProblem("PAYER_CHANGED", status=400)
    issued, generation, mac = parts
    if not (issued.isdigit() and generation.isdigit()):
        raise PayProblem("PAYER_CHANGED", status=400)
    key = f"r{card_id}:{store_id}:{int(generation)}"
    if not hmac.compare_digest(mac, _mac(ring, provider_id, key, int(issued))):
        raise PayProblem("PAYER_CHANGED", status=400)
    if int(now.timestamp()) - int(issued) > lives_s:
        raise PayProblem("PAGE_EXPIRED", status=409)
    return key


def _mac(ring: KeyRing, provider_id: int, key: str, issued: int) -> str:
    return ring.blind(f"{provider_id}:{key}:{issued}", "recharge-intent")[:32]
