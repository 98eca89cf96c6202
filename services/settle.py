"""The one place that makes an order paid: notification, query, expiry and bill all end here."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.base import ReversalState, Trade, TradeState
from models.event import CaseKind
from models.order import (
    OPEN_ATTEMPTS,
    AttemptStatus,
    OrderPurpose,
    OrderStatus,
    PayAttempt,
    PayOrder,
)
from services import audit, totals
from services.cards import reservations
from services.cases import open_case
from services.deposits import rooms
from services.queue import enqueue
from services.refunds.asking import refund_twice_paid

log = logging.getLogger(__name__)


def apply_trade(
    session: Session,
    provider_id: int,
    trade: Trade,
    now: datetime,
    *,
    after: ReversalState | None = None,
) -> bool:
    """Apply a wallet's word to our order; True only for the call that made it paid.

    The order is locked before its state is read. A word that does not fit (amount, payee, app,
    currency) freezes the order in a case and changes nothing else. Raises NotFound for a number
    that is not ours. Once a reversal was asked for, a success counts only where the wallet was
    asked `after` that was answered: REFUSED or DONE. Any other may be older than the reversal,
    which has taken it back or still will, so it only makes us ask.
    """
    order, attempt = _lock(session, provider_id, trade)
    if trade.state is TradeState.SUCCESS and _may_be_taken_back(attempt, trade, after):
        attempt.due_at = now
        return False
    is_newly_paid = _apply(session, order, attempt, trade, now)
    session.flush()  # callers read both rows again, which would drop what is not yet written
    return is_newly_paid


def _may_be_taken_back(attempt: PayAttempt, trade: Trade, after: ReversalState | None) -> bool:
    if attempt.reverse_asked_at is None or attempt.status is AttemptStatus.PAID:
        return False
    if trade.given_back:
        return True
    still_reversed = after is ReversalState.DONE and attempt.reversed_at is not None
    return not (still_reversed or after is ReversalState.REFUSED)


def _apply(
    session: Session, order: PayOrder, attempt: PayAttempt, trade: Trade, now: datetime
) -> bool:
    attempt.raw_state = trade.raw_state
    if trade.state is not TradeState.SUCCESS:
        return False
    if attempt.status is AttemptStatus.PAID:
        return False
    if not _fits(attempt, trade):
        _freeze(session, order, attempt, trade, now)
        return False
    was_open = attempt.status in OPEN_ATTEMPTS
    attempt.status, attempt.due_at, attempt.is_unknown = AttemptStatus.PAID, None, False
    attempt.transaction_id = trade.transaction_id
    attempt.paid_at = trade.paid_at or now
    if order.status is OrderStatus.PAID:
        _paid_twice(session, order, attempt, now)
        return False
    _pay(session, order, attempt, now)
    if attempt.reversed_at is not None:
        _paid_after_reverse(session, order, attempt, now)
    if not was_open:  # it had been closed, so another attempt may be open: end that one at once
        session.flush()
        _hurry_others(session, order, now)
    return True


def pay_from_card(
    session: Session, order: PayOrder, attempt: PayAttempt, now: datetime, *, actor: str
) -> None:
    """What the ledger has just taken from a member's card is paid; no wallet is asked. The order is
    locked, and the movement stands in the same transaction."""
    attempt.status, attempt.due_at, attempt.is_unknown = AttemptStatus.PAID, None, False
    attempt.raw_state, attempt.paid_at = "SUCCESS", now
    attempt.transaction_id = attempt.out_trade_no
    _pay(session, order, attempt, now, actor=actor)


def _lock(session: Session, provider_id: int, trade: Trade) -> tuple[PayOrder, PayAttempt]:
    """Order first, then attempt; both are read after the lock is held.

    The order is named by its whole key: a join is planned by statistics, and a young database has
    none, so it looked at every order of the provider.
    """
    whose = select(PayAttempt.order_id).where(
        PayAttempt.provider_id == provider_id,
        PayAttempt.channel == trade.channel,
        PayAttempt.out_trade_no == trade.out_trade_no,
    )
    order = session.scalar(
        select(PayOrder)
        .where(PayOrder.provider_id == provider_id, PayOrder.id == whose.scalar_subquery())
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise NotFound(trade.out_trade_no)
    attempt = session.execute(
        select(PayAttempt)
        .where(PayAttempt.provider_id == provider_id, PayAttempt.out_trade_no == trade.out_trade_no)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    return order, attempt


def _fits(attempt: PayAttempt, trade: Trade) -> bool:
    return (
        trade.amount_fen == attempt.amount_fen
        and trade.currency == "CNY"
        and trade.payee == attempt.payee
        and trade.app in (None, attempt.app)
    )


def _freeze(
    session: Session, order: PayOrder, attempt: PayAttempt, trade: Trade, now: datetime
) -> None:
    if order.status is not OrderStatus.PAID:
        order.is_frozen = True  # what is paid stays so: this is about another attempt of it
    attempt.due_at = now  # the wallet is asked: its answer to us is what counts
    kind = (
        CaseKind.AMOUNT_MISMATCH
        if trade.amount_fen != attempt.amount_fen
        else CaseKind.PAYEE_MISMATCH
    )
    facts = {
        "ours": {"amount_fen": attempt.amount_fen, "payee": attempt.payee, "app": attempt.app},
        "theirs": {
            "amount_fen": trade.amount_fen,
            "payee": trade.payee,
            "app": trade.app,
            "currency": trade.currency,
            "transaction_id": trade.transaction_id,
        },
        "at": now.isoformat(),
    }
    open_case(
        session,
        provider_id=order.provider_id,
        kind=kind,
        out_trade_no=attempt.out_trade_no,
        order_id=order.id,
        at=now,
        facts=facts,
    )


def _pay(
    session: Session, order: PayOrder, attempt: PayAttempt, now: datetime, *, actor: str = ""
) -> None:
    order.is_late = order.status is OrderStatus.CLOSED
    order.move_to(OrderStatus.PAID)
    order.channel, order.person_id = attempt.channel, attempt.person_id
    order.amount_fen = attempt.amount_fen  # an earlier attempt may have had another amount
    order.close_reason = None
    order.is_unknown = order.is_frozen = False
    order.transaction_id, order.paid_at = attempt.transaction_id, attempt.paid_at
    totals.add_payment(session, order, now, attempt)
    if order.purpose is OrderPurpose.RECHARGE:
        reservations.credit_in(session, order, attempt, now)
    if rooms.is_consumption(order):
        rooms.consumed_in(session, order, now)
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=actor or f"upstream:{attempt.channel}",
        action="order_paid_late" if order.is_late else "order_paid",
        subject=f"order:{order.out_trade_no}",
        at=now,
        attempt=attempt.out_trade_no,
        transaction_id=attempt.transaction_id,
    )
    enqueue(session, "order_paid", provider_id=order.provider_id, order_id=order.id)
    log.info(
        "order paid",
        extra={"out_trade_no": order.out_trade_no, "channel": attempt.channel},
    )


def _paid_after_reverse(
    session: Session, order: PayOrder, attempt: PayAttempt, now: datetime
) -> None:
    """The till was told that nothing is kept, perhaps the goods stayed there: a person is told."""
    assert attempt.reversed_at is not None
    open_case(
        session,
        provider_id=order.provider_id,
        kind=CaseKind.PAID_AFTER_REVERSE,
        out_trade_no=attempt.out_trade_no,
        order_id=order.id,
        at=now,
        facts={
            "reversed_at": attempt.reversed_at.isoformat(),
            "transaction_id": attempt.transaction_id,
            "amount_fen": attempt.amount_fen,
        },
    )


def _hurry_others(session: Session, order: PayOrder, now: datetime) -> None:
    """A further attempt of a paid order must not stay payable: the sweep closes it upstream."""
    session.execute(
        text(
            "UPDATE pay_attempt SET due_at = :now WHERE provider_id = :p AND order_id = :o"
            " AND status IN ('created', 'payable', 'closing')"
        ),
        {"now": now, "p": order.provider_id, "o": order.id},
    )


def _paid_twice(session: Session, order: PayOrder, attempt: PayAttempt, now: datetime) -> None:
    """The second payment goes back by itself; the case ends when the wallet says that it has."""
    number = refund_twice_paid(session, order, attempt, now)
    open_case(
        session,
        provider_id=order.provider_id,
        kind=CaseKind.PAID_TWICE,
        out_trade_no=attempt.out_trade_no,
        order_id=order.id,
        at=now,
        facts={
            "first": order.transaction_id,
            "second": attempt.transaction_id,
            "amount_fen": attempt.amount_fen,
            "out_refund_no": number,
        },
    )
