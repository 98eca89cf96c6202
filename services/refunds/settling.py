"""The one place that moves a refund: answers, questions and notifications all end here."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.base import RefundState, RefundWord
from models.event import CaseKind
from models.order import PayAttempt, PayOrder
from models.refund import OPEN_REFUNDS, ROOMLESS, Refund, RefundStatus
from services import attempts, audit, totals
from services.callbacks import events as callbacks
from services.cards import payout_parts, recharge_refunds
from services.cases import end_case, open_case

log = logging.getLogger(__name__)

Locked = tuple[PayOrder, PayAttempt, Refund]
MISMATCH_AGAIN = timedelta(hours=1)


def lock_refund(session: Session, provider_id: int, refund_id: int) -> Locked:
    """Order first, then the attempt and the refund, both read after the order's lock."""
    order_id = session.execute(
        select(Refund.order_id).where(Refund.provider_id == provider_id, Refund.id == refund_id)
    ).scalar_one()
    order = attempts.lock_order(session, provider_id, order_id)
    refund = session.execute(
        select(Refund)
        .where(Refund.provider_id == provider_id, Refund.id == refund_id)
        .execution_options(populate_existing=True)
    ).scalar_one()
    attempt = session.execute(
        select(PayAttempt)
        .where(PayAttempt.provider_id == provider_id, PayAttempt.id == refund.attempt_id)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return order, attempt, refund


def find_refund(session: Session, provider_id: int, channel: str, out_refund_no: str) -> int:
    """The id of the refund that a wallet speaks of. Raises NotFound."""
    found = session.scalar(
        select(Refund.id)
        .join(
            PayAttempt,
            (PayAttempt.provider_id == Refund.provider_id) & (PayAttempt.id == Refund.attempt_id),
        )
        .where(
            Refund.provider_id == provider_id,
            Refund.out_refund_no == out_refund_no,
            PayAttempt.channel == channel,
        )
    )
    if found is None:
        raise NotFound(out_refund_no)
    return found


def apply_refund(session: Session, locked: Locked, word: RefundWord, now: datetime) -> bool:
    """Apply a wallet's word to a refund held by `lock_refund`; True for the call that ends it well.

    A success is never undone by an older word. Who asked sets the next due time; here it is only
    taken away when nothing is left to ask.
    """
    refund = locked[2]
    refund.raw_state = word.raw_state[:32]
    refund.refund_id = word.refund_id or refund.refund_id
    refund.funds_account = (word.funds_account or "")[:16] or refund.funds_account
    if refund.status is RefundStatus.SUCCESS or word.state is RefundState.NOT_FOUND:
        return False
    if word.amount_fen not in (None, refund.amount_fen):
        _mismatch(session, locked, word.amount_fen, now)
        return False
    refund.accepted_at = refund.accepted_at or now
    if word.state is RefundState.SUCCESS:
        return _succeed(session, locked, word.succeeded_at or now, now)
    if word.state is RefundState.CLOSED:
        fail(session, locked, "CLOSED", "钱包已关闭这笔退款", "upstream", now)
    elif word.state is RefundState.ABNORMAL:
        _abnormal(session, locked, now)
    elif refund.status not in ROOMLESS:
        refund.move_to(RefundStatus.PROCESSING)
        refund.due_at = refund.due_at or now  # had waited for a person: asked about again
        refund.upstream_code = refund.upstream_message = None
        end_case(session, refund.provider_id, CaseKind.REFUND_WAITING, refund.out_refund_no, now)
    return False


def _succeed(session: Session, locked: Locked, at: datetime, now: datetime) -> bool:
    order, attempt, refund = locked
    if refund.status in ROOMLESS:  # given up here, done there: the money has moved
        if attempt.held_fen + refund.amount_fen > attempt.amount_fen:
            _mismatch(session, locked, refund.amount_fen, now)
            return False
        attempt.held_fen += refund.amount_fen
    refund.move_to(RefundStatus.SUCCESS)
    refund.succeeded_at, refund.closed_at, refund.due_at = at, None, None
    refund.upstream_code = refund.upstream_message = None
    attempt.refunded_fen += refund.amount_fen
    if attempt.transaction_id == order.transaction_id:
        order.refunded_fen += refund.amount_fen
        totals.add_refund(session, order, refund, attempt)
    elif attempt.refunded_fen == attempt.amount_fen:  # a second payment has gone back
        end_case(session, refund.provider_id, CaseKind.PAID_TWICE, attempt.out_trade_no, now)
    _told(session, locked, "refund_succeeded", f"upstream:{attempt.channel}", now)
    callbacks.refund_succeeded(session, refund.provider_id, refund.id, now)
    for kind in (CaseKind.REFUND_WAITING, CaseKind.REFUND_ABNORMAL, CaseKind.REFUND_SLOW):
        end_case(session, refund.provider_id, kind, refund.out_refund_no, now)
    recharge_refunds.ended_in(session, locked, now, succeeded=True)
    payout_parts.refund_ended_in(session, locked, now, succeeded=True)
    return True


def fail(
    session: Session, locked: Locked, code: str, message: str, actor: str, now: datetime
) -> None:
    """It will not happen under this number: its room is free again."""
    _, attempt, refund = locked
    if refund.status in ROOMLESS or refund.status is RefundStatus.SUCCESS:
        return
    refund.move_to(RefundStatus.FAILED)
    refund.upstream_code, refund.upstream_message = code[:64], message[:256]
    refund.closed_at, refund.due_at = now, None
    attempt.held_fen -= refund.amount_fen
    _told(session, locked, "refund_failed", actor, now, code=code[:64])
    for kind in (CaseKind.REFUND_WAITING, CaseKind.REFUND_ABNORMAL, CaseKind.REFUND_SLOW):
        end_case(session, refund.provider_id, kind, refund.out_refund_no, now)
    recharge_refunds.ended_in(session, locked, now, succeeded=False)
    payout_parts.refund_ended_in(session, locked, now, succeeded=False)


def wait_for_money(
    session: Session, locked: Locked, code: str, message: str, now: datetime
) -> None:
    """The merchant's balance is too low: room stays held, a person retries or cancels."""
    refund = locked[2]
    if refund.status not in OPEN_REFUNDS:
        return
    refund.move_to(RefundStatus.WAITING)
    refund.upstream_code, refund.upstream_message = code[:64], message[:256]
    refund.due_at = None
    _told(session, locked, "refund_waiting", "upstream", now, code=code[:64])
    _case(session, locked, CaseKind.REFUND_WAITING, now, code=code, message=message)


def _abnormal(session: Session, locked: Locked, now: datetime) -> None:
    refund = locked[2]
    if refund.status in (*ROOMLESS, RefundStatus.ABNORMAL):
        return
    refund.move_to(RefundStatus.ABNORMAL)
    refund.due_at = None
    end_case(session, refund.provider_id, CaseKind.REFUND_WAITING, refund.out_refund_no, now)
    _told(session, locked, "refund_abnormal", "upstream", now)
    _case(session, locked, CaseKind.REFUND_ABNORMAL, now)


def _mismatch(session: Session, locked: Locked, theirs: int | None, now: datetime) -> None:
    refund = locked[2]
    if refund.due_at is not None:
        refund.due_at = now + MISMATCH_AGAIN
    _case(session, locked, CaseKind.REFUND_MISMATCH, now, ours=refund.amount_fen, theirs=theirs)


def _told(
    session: Session, locked: Locked, action: str, actor: str, now: datetime, **facts: object
) -> None:
    order, attempt, refund = locked
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=actor,
        action=action,
        subject=f"order:{order.out_trade_no}",
        at=now,
        out_refund_no=refund.out_refund_no,
        amount_fen=refund.amount_fen,
        **facts,
    )
    numbers = {"out_trade_no": attempt.out_trade_no, "out_refund_no": refund.out_refund_no}
    log.info(action.replace("_", " "), extra={"channel": attempt.channel, **numbers})


def _case(session: Session, locked: Locked, kind: CaseKind, now: datetime, **facts: object) -> None:
    order, _, refund = locked
    open_case(
        session,
        provider_id=order.provider_id,
        kind=kind,
        out_trade_no=refund.out_refund_no,
        order_id=order.id,
        at=now,
        facts={"order": order.out_trade_no, "amount_fen": refund.amount_fen, **facts},
    )
