"""What makes two submissions the same intention to pay.

For a printed code the intention is the form that was rendered for one payer: it is named by the
code, the payer and the payer's last finished order there, so a refresh, a second tab or a re-scan
renders the same one, and a finished order starts the next. For a one-off number it is the number.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.order import OrderPurpose, OrderStatus, PayOrder
from secretbox.ring import KeyRing
from services.problems import PayProblem

UNPAID = (OrderStatus.CREATED, OrderStatus.PAYING)


@dataclass(frozen=True, slots=True)
class Intent:
    """`generation` is the id of the payer's last finished order at this code, or 0."""

    provider_id: int
    code_id: int
    person_id: int
    generation: int

    @property
    def key(self) -> str:
        return f"c{self.code_id}:{self.person_id}:{self.generation}"


def sign(ring: KeyRing, intent: Intent, at: datetime) -> str:
    """The hidden field of the form: when it was rendered, for whom, and that we rendered it."""
    issued = int(at.timestamp())
    return f"{issued}.{intent.generation}.{_mac(ring, intent, issued)}"


def read(
    ring: KeyRing,
    token: str,
    *,
    provider_id: int,
    code_id: int,
    person_id: int,
    now: datetime,
    lives_s: int,
) -> Intent:
    """The form's intention; PAYER_CHANGED when it was rendered for somebody else or edited."""
    issued_text, _, rest = token.partition(".")
    generation_text, _, mac = rest.partition(".")
    if not (issued_text.isascii() and issued_text.isdigit() and generation_text.isdigit()):
        raise PayProblem("PAYER_CHANGED", status=400)
    if len(token) > 120 or not generation_text.isascii():
        raise PayProblem("PAYER_CHANGED", status=400)
    intent = Intent(provider_id, code_id, person_id, int(generation_text))
    if not hmac.compare_digest(mac.encode(), _mac(ring, intent, int(issued_text)).encode()):
        raise PayProblem("PAYER_CHANGED", status=400)
    if int(now.timestamp()) - int(issued_text) > lives_s:
        raise PayProblem("PAGE_EXPIRED", status=409)
    return intent


def _mac(ring: KeyRing, intent: Intent, issued: int) -> str:
    return ring.blind(f"{intent.provider_id}:{intent.key}:{issued}", "intent")[:32]


def latest_order(
    session: Session, provider_id: int, code_id: int, person_id: int
) -> PayOrder | None:
    """The payer's newest purchase at this code; a recharge is an intention of its own."""
    return session.scalar(
        select(PayOrder)
        .where(
            PayOrder.provider_id == provider_id,
            PayOrder.pay_code_id == code_id,
            PayOrder.person_id == person_id,
            PayOrder.purpose == OrderPurpose.SALE,
        )
        .order_by(PayOrder.id.desc())
        .limit(1)
    )


def next_intent(
    provider_id: int, code_id: int, person_id: int, latest: PayOrder | None, now: datetime
) -> Intent:
    """The live order's own intention, or the one after the last finished order."""
    generation = 0
    if latest is not None:
        live = latest.status in UNPAID and latest.expires_at > now
        generation = int(latest.intent_key.rsplit(":", 1)[1]) if live else latest.id
    return Intent(provider_id, code_id, person_id, generation)
