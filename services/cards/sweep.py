"""Reservations whose time has come: their order has ended, or somebody must look at it.

An order's end frees its room in the same transaction. This is the look behind it, so that no room
is held for an order that nobody can pay any more, whatever went wrong between.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import Recharge, RechargeStatus
from models.order import AttemptStatus, CloseReason, OrderStatus, PayAttempt, PayOrder
from services import attempts, closing
from services.cards import reservations
from services.claims import claim_statement
from services.deps import Deps

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """A reservation taken for a while; its due time brings it back."""

    provider_id: int
    order_id: int


_CLAIM = claim_statement("recharge", "order_id")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` reservations whose time has come."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.order_id) for row in rows]

    return deps.transact(unit)


def look(deps: Deps, claim: Claim) -> None:
    """Free, credit, or leave one claimed reservation, as its order says."""
    deps.transact(lambda s: _look(s, deps, claim))


def _look(session: Session, deps: Deps, claim: Claim) -> None:
    now = deps.now()
    order = attempts.lock_order(session, claim.provider_id, claim.order_id)
    recharge = reservations.find(session, order)
    if recharge is None or recharge.status is not RechargeStatus.HELD:
        return
    if order.status is OrderStatus.PAID:
        log.error("a paid recharge was not credited", extra={"out_trade_no": order.out_trade_no})
        reservations.credit_in(session, order, _paid(session, order), now)
    elif order.status is OrderStatus.CLOSED:
        log.error("a closed recharge held room", extra={"out_trade_no": order.out_trade_no})
        reservations.free_in(session, order, now)
    elif order.expires_at <= now:
        _end(session, order, recharge, deps)


def _end(session: Session, order: PayOrder, recharge: Recharge, deps: Deps) -> None:
    """Its time is over: the wallet closes what is open, and what is open no more ends here."""
    now = deps.now()
    last = attempts.open_attempt(session, order)
    if last is None:
        reason = CloseReason.REJECTED if order.reject_code else CloseReason.EXPIRED
        closing.end_order(session, order, reason, "worker", now)
    else:  # only the wallet says that nobody can pay it: asked as often as its own due time says
        recharge.due_at = max(now + CLAIM, last.due_at or now)


def _paid(session: Session, order: PayOrder) -> PayAttempt:
    return session.execute(
        select(PayAttempt).where(
            PayAttempt.provider_id == order.provider_id,
            PayAttempt.order_id == order.id,
            PayAttempt.status == AttemptStatus.PAID,
            PayAttempt.transaction_id == order.transaction_id,
        )
    ).scalar_one()
