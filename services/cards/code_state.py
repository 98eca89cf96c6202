"""What became of the code that a member's phone shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import CardCode
from models.order import PayOrder


@dataclass(frozen=True, slots=True)
class CodeState:
    """`word` is waiting, used or over; `public_id` names the order that it paid."""

    word: str
    public_id: str | None = None


def newest(session: Session, provider_id: int, card_id: int, now: datetime) -> CodeState:
    """Of the card's newest code."""
    code = session.scalar(
        select(CardCode)
        .where(CardCode.provider_id == provider_id, CardCode.card_id == card_id)
        .order_by(CardCode.id.desc())
        .limit(1)
    )
    if code is None:
        return CodeState("over")
    if code.used_at is None:
        return CodeState("waiting" if code.expires_at > now else "over")
    order = session.get(PayOrder, (provider_id, code.order_id)) if code.order_id else None
    return CodeState("used", order.public_id if order is not None else None)
