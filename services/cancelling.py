"""A merchant takes an unpaid order back: closed at the wallet first, then here; nobody can pay it.

What a payment code started is not closed but reversed: `services/codepay/people.py`.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.orm import Session

from models.order import AttemptStatus, CloseReason, OrderStatus, PayOrder
from services import attempts, closing
from services.deps import Deps

_TURNS = 3  # a payer may begin again in between


class Cancelled(StrEnum):
    CLOSED = "closed"  # nobody can pay it
    PAID = "paid"  # somebody has
    UNSURE = "unsure"  # the wallet has not said; it goes on being closed


def cancel_order(deps: Deps, provider_id: int, order_id: int, *, actor: str) -> Cancelled:
    """Close an order that waits for a payer. A second call changes nothing."""
    for _ in range(_TURNS):
        found = deps.transact(lambda s: _end_or_find(s, deps, provider_id, order_id, actor))
        if isinstance(found, Cancelled):
            return found
        ended = closing.close_attempt(deps, provider_id, found, actor=actor)
        if ended is AttemptStatus.CLOSING:
            deps.transact(lambda s: _over(s, deps, provider_id, order_id))
            return Cancelled.UNSURE
    return Cancelled.UNSURE


def _end_or_find(
    session: Session, deps: Deps, provider_id: int, order_id: int, actor: str
) -> Cancelled | int:
    """End an order that nothing can pay; else the attempt that still may be paid."""
    order = attempts.lock_order(session, provider_id, order_id)
    if order.status is OrderStatus.PAID:
        return Cancelled.PAID
    if order.status is OrderStatus.CLOSED:
        return Cancelled.CLOSED
    found = attempts.open_attempt(session, order)
    if found is not None:
        return found.id
    closing.end_order(session, order, CloseReason.CANCELLED, actor, deps.now())
    return Cancelled.CLOSED


def _over(session: Session, deps: Deps, provider_id: int, order_id: int) -> None:
    """Its time is up now: whoever hears that the attempt is closed ends the order, too."""
    order: PayOrder = attempts.lock_order(session, provider_id, order_id)
    if order.status in (OrderStatus.CREATED, OrderStatus.PAYING):
        order.expires_at = min(order.expires_at, deps.now())
