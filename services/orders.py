"""Orders as people see them: one word per state, for payers and for merchants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import CloseReason, OrderStatus, PayAttempt, PayOrder
from models.provider import Provider
from services.deps import Deps

FINAL = frozenset({"paid", "late_paid", "part_refunded", "refunded", "closed", "failed", "void"})


def state_of(order: PayOrder) -> str:
    """The word of the one table of states, with `unknown` and `late_paid` shown apart.

    A row of a plain statement with the same columns serves as well.
    """
    if order.status == OrderStatus.PAID:
        if order.refunded_fen >= order.amount_fen:
            return "refunded"
        if order.refunded_fen:
            return "part_refunded"
        return "late_paid" if order.is_late else "paid"
    if order.status == OrderStatus.CLOSED:
        if order.close_reason == CloseReason.VOID:
            return "void"
        return "failed" if order.close_reason == CloseReason.REJECTED else "closed"
    if order.is_unknown or order.is_frozen:
        return "unknown"
    if order.reject_code:  # the wallet refused the last attempt; a further one clears this
        return "failed"
    return "created" if order.status == OrderStatus.CREATED else "pending"


def find_order(session: Session, out_mch_id: str, public_id: str) -> PayOrder:
    """By the random id of its URL, inside the provider that the URL names."""
    order = session.scalar(
        select(PayOrder).where(
            PayOrder.public_id == public_id,
            PayOrder.provider_id
            == select(Provider.id).where(Provider.out_mch_id == out_mch_id).scalar_subquery(),
        )
    )
    if order is None:
        raise NotFound(public_id)
    return order


def may_still_be_paid(session: Session, order: PayOrder) -> bool:
    """It closed, and a wallet is yet to be asked once more: a payment may have crossed our closing.

    Until then nobody may say that no money moved.
    """
    return order.status is OrderStatus.CLOSED and (
        session.scalar(
            select(PayAttempt.id)
            .where(
                PayAttempt.provider_id == order.provider_id,
                PayAttempt.order_id == order.id,
                PayAttempt.due_at.is_not(None),
            )
            .limit(1)
        )
        is not None
    )


@dataclass(frozen=True, slots=True)
class Stuck:
    """An attempt or a refund that nobody will look at."""

    number: str
    status: str
    due_at: datetime | None
    polls: int


_STUCK = text("""
SELECT out_trade_no AS number, status, due_at, polls FROM pay_attempt
WHERE (status IN ('created', 'payable', 'closing') AND due_at IS NULL) OR due_at < :limit
UNION ALL
SELECT out_refund_no, status, due_at, polls FROM refund
WHERE (status IN ('created', 'processing', 'unknown') AND due_at IS NULL) OR due_at < :limit
UNION ALL
SELECT out_freeze_no, status, due_at, polls FROM deposit_freeze WHERE due_at < :limit
UNION ALL
SELECT number, status, due_at, polls FROM deposit_move WHERE due_at < :limit
ORDER BY number
""")


def stuck(deps: Deps) -> list[Stuck]:
    """What is not final and nobody will look at: no due time, or 60 s past it."""
    limit = deps.now() - timedelta(seconds=60)
    return deps.transact(
        lambda s: [
            Stuck(r.number, r.status, r.due_at, r.polls)
            for r in s.execute(_STUCK, {"limit": limit})
        ]
    )
