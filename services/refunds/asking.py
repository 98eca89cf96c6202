"""Asking for a refund: checks and room, all under the order's lock, before any wallet is called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.base import RefundFunds
from gateways.money import yuan_from_fen
from models.order import AttemptStatus, OrderStatus, PayAttempt, PayOrder
from models.refund import Refund, RefundStatus
from services import audit, restored
from services.cards import recharge_refunds
from services.cards.card_refunds import give_back_in
from services.deps import Deps
from services.refunds.refusals import (
    RefundAfterRestore,
    RefundAmount,
    RefundConflict,
    RefundNotPaid,
    RefundTooLate,
    RefundTooMany,
)

MOST_PER_ORDER = 50  # WeChat Pay's own limit (wechat.md A9)
FIRST_LOOK = timedelta(seconds=30)  # should who asked die before sending


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants how much of which order back, and who allows it (both stand in the audit)."""

    provider_id: int
    out_trade_no: str
    amount_fen: int
    reason: str
    asked_by: str
    allowed_by: str
    merchant_id: int | None = None  # named by whoever may see one merchant's orders only
    out_refund_no: str | None = None  # the caller's own number; the same again is the same refund
    transaction_id: str | None = None  # the wallet's number of a second payment that is to go back
    bonus_fen: int | None = None  # of a recharge: the bonus to take back; None: in proportion
    funds: RefundFunds | None = None  # WeChat: what it is paid out of; None: as WeChat chooses


def ask_for(deps: Deps, ask: Ask) -> int:
    """Hold room for the refund and write it down; its id. The wallet has not been called yet.

    Raises NotFound for an order that is not the asker's, RefundRefused otherwise.
    """
    return deps.transact(lambda s: ask_in(s, deps, ask), rerun_if_unknown=bool(ask.out_refund_no))


def ask_in(session: Session, deps: Deps, ask: Ask) -> int:
    """`ask_for` within the caller's transaction."""
    now = deps.now()
    order = locked_order(session, ask)
    if ask.out_refund_no and (same := _same(session, order, ask)) is not None:
        return same
    if restored.unfinished_since(session) is not None:
        raise RefundAfterRestore()  # a refund made after the backup may be forgotten
    attempt = _paid_attempt(session, order, ask.transaction_id or order.transaction_id)
    room = attempt.amount_fen - attempt.held_fen
    if not 1 <= ask.amount_fen <= room:
        raise RefundAmount(f"超过可退金额：最多可退 ¥{yuan_from_fen(room)}", room_fen=room)
    of_card = attempt.channel == "balance"  # our own ledger: no wallet says until when
    limit = deps.settings.refund_days(attempt.channel)
    if attempt.paid_at is None or (now - attempt.paid_at > timedelta(days=limit) and not of_card):
        raise RefundTooLate(days=limit)
    made = _count(session, order)
    if made >= MOST_PER_ORDER:
        raise RefundTooMany()
    number = ask.out_refund_no or _free_number(session, order, made + 1)
    refund_id = hold(
        session,
        order,
        attempt,
        ask.amount_fen,
        number,
        reason=ask.reason,
        asked_by=ask.asked_by,
        allowed_by=ask.allowed_by,
        now=now,
        due_at=now + FIRST_LOOK,
        funds=ask.funds,
    )
    if recharge_refunds.takes(order, attempt):
        recharge_refunds.take_in(
            session, order, refund_id, ask.amount_fen, now, bonus_fen=ask.bonus_fen
        )
    if of_card:
        give_back_in(session, order, attempt, refund_id, now)
    return refund_id


def refundable(session: Session, deps: Deps, order: PayOrder) -> int:
    """What `ask_in` would still take of the order's own payment, in fen; 0 where its wallet's time
    is over, or too many refunds were made. The order is locked."""
    try:
        attempt = _paid_attempt(session, order, order.transaction_id)
    except RefundNotPaid:
        return 0
    limit = timedelta(days=deps.settings.refund_days(attempt.channel))
    is_late = attempt.paid_at is None or deps.now() - attempt.paid_at > limit
    if is_late or _count(session, order) >= MOST_PER_ORDER:
        return 0
    return attempt.amount_fen - attempt.held_fen


def refund_twice_paid(
    session: Session, order: PayOrder, attempt: PayAttempt, now: datetime
) -> str | None:
    """A second success for one intention goes back by itself, once; its number, None if it has."""
    return refund_by_itself(
        session, order, attempt, now, reason="重复付款，自动退回", actor="system:paid_twice"
    )


def refund_by_itself(
    session: Session,
    order: PayOrder,
    attempt: PayAttempt,
    now: datetime,
    *,
    reason: str,
    actor: str,
) -> str | None:
    """Give a whole payment back that must not be kept, once; its number, None if it has gone back.

    Called under the order's lock. The sweep sends it: `due_at` is now.
    """
    if attempt.held_fen:
        return None
    session.flush()
    number = _free_number(session, order, _count(session, order) + 1)
    hold(
        session,
        order,
        attempt,
        attempt.amount_fen,
        number,
        reason=reason,
        asked_by=actor,
        allowed_by=actor,
        now=now,
        due_at=now,
    )
    return number


def hold(
    session: Session,
    order: PayOrder,
    attempt: PayAttempt,
    amount_fen: int,
    number: str,
    *,
    reason: str,
    asked_by: str,
    allowed_by: str,
    now: datetime,
    due_at: datetime,
    funds: RefundFunds | None = None,
) -> int:
    """Hold room on the attempt and write the refund down. RefundConflict: the number is taken."""
    made = session.scalar(
        insert(Refund)
        .values(
            provider_id=order.provider_id,
            order_id=order.id,
            attempt_id=attempt.id,
            merchant_id=order.merchant_id,
            store_id=order.store_id,
            is_second=attempt.transaction_id != order.transaction_id,
            out_refund_no=number,
            amount_fen=amount_fen,
            status=RefundStatus.CREATED,
            reason=reason[:80],
            funds_asked=funds.value if funds else None,
            asked_by=asked_by,
            allowed_by=allowed_by,
            sends=0,
            polls=0,
            due_at=due_at,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["provider_id", "out_refund_no"])
        .returning(Refund.id)
    )
    if made is None:
        raise RefundConflict(number)
    attempt.held_fen += amount_fen
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=asked_by,
        action="refund_asked",
        subject=f"order:{order.out_trade_no}",
        at=now,
        out_refund_no=number,
        amount_fen=amount_fen,
        allowed_by=allowed_by,
        reason=reason[:80],
    )
    session.flush()
    return int(made)


def locked_order(session: Session, ask: Ask) -> PayOrder:
    """The order, locked, if it is the asker's. Raises NotFound."""
    wanted = select(PayOrder).where(
        PayOrder.provider_id == ask.provider_id, PayOrder.out_trade_no == ask.out_trade_no
    )
    if ask.merchant_id is not None:
        wanted = wanted.where(PayOrder.merchant_id == ask.merchant_id)
    order = session.scalar(wanted.with_for_update())
    if order is None:
        raise NotFound(ask.out_trade_no)
    return order


def _same(session: Session, order: PayOrder, ask: Ask) -> int | None:
    """The refund that has this number already, if it is the same one."""
    found = session.scalar(
        select(Refund).where(
            Refund.provider_id == ask.provider_id, Refund.out_refund_no == ask.out_refund_no
        )
    )
    if found is None:
        return None
    if (found.order_id, found.amount_fen) != (order.id, ask.amount_fen):
        raise RefundConflict(found.out_refund_no)
    return found.id


def _paid_attempt(session: Session, order: PayOrder, transaction_id: str | None) -> PayAttempt:
    """The payment of this wallet's number, read after the order's lock."""
    found = None
    if order.status is OrderStatus.PAID:
        found = session.scalar(
            select(PayAttempt).where(
                PayAttempt.provider_id == order.provider_id,
                PayAttempt.order_id == order.id,
                PayAttempt.status == AttemptStatus.PAID,
                PayAttempt.transaction_id == transaction_id,
            )
        )
    if found is None:
        raise RefundNotPaid(order.out_trade_no)
    return found


def _count(session: Session, order: PayOrder) -> int:
    made = session.scalar(
        select(func.count())
        .select_from(Refund)
        .where(Refund.provider_id == order.provider_id, Refund.order_id == order.id)
    )
    return int(made or 0)


def _free_number(session: Session, order: PayOrder, nth: int) -> str:
    """The next of our own numbers that no caller has taken for a refund of his."""
    mark = restored.current_mark(session)
    while True:
        number = own_number(order, nth, mark)
        taken = select(Refund.id).where(
            Refund.provider_id == order.provider_id, Refund.out_refund_no == number
        )
        if session.scalar(taken) is None:
            return number
        nth += 1


def own_number(order: PayOrder, nth: int, mark: str) -> str:
    """The order's number with `Rn` behind it, at most 32 long: it begins with the prefix, too.

    `mark` is that of the newest restored backup: without it the number may have been used before.
    """
    own, suffix = order.out_trade_no, f"R{nth}{mark}"
    if len(own) + len(suffix) > 32:  # a caller's long number: two alike at the front stay apart
        kept = min(18, 22 - len(suffix))
        own = own[:kept] + hashlib.sha256(own.encode()).hexdigest()[:10]
    return own + suffix
