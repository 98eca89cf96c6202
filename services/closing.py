"""Ending an attempt: the wallet closes first, then we do. Nothing is closed on a guess."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount, ReversalState, Trade, TradeState
from models.event import CaseKind
from models.order import (
    OPEN_ATTEMPTS,
    AttemptMethod,
    AttemptStatus,
    CloseReason,
    OrderPurpose,
    OrderStatus,
    PayAttempt,
    PayOrder,
)
from services import attempts, audit
from services.accounts import account_for
from services.cards import reservations
from services.cases import end_case
from services.codepay import reversing
from services.deposits import rooms
from services.deps import Deps
from services.settle import apply_trade
from services.single import Single

log = logging.getLogger(__name__)

# A payment code's trade may come to be after it was reversed, and is then reversed again.
REVERSIBLE = (*OPEN_ATTEMPTS, AttemptStatus.CLOSED)
PATIENCE = timedelta(seconds=30)  # between looks at a code that can only be waited out
LAST_LOOK = timedelta(seconds=60)  # once more after closing: a success may have crossed it


@dataclass(frozen=True, slots=True)
class Target:
    """An attempt with the account that ordered it."""

    attempt_id: int
    order_id: int
    channel: str
    out_trade_no: str
    created_at: datetime
    expires_at: datetime
    account: ChannelAccount
    method: AttemptMethod = AttemptMethod.JSAPI
    is_reverse_asked: bool = False
    is_reversed: bool = False
    is_closing: bool = False

    @property
    def is_reversing(self) -> bool:
        """The wallet has not said yet that it is reversed: only a reversal tells."""
        return self.is_reverse_asked and self.is_closing


_TARGET = Single(
    text("""
    SELECT a.order_id, a.channel, a.out_trade_no, a.payee, a.created_at, a.expires_at,
        a.method, a.status, a.reverse_asked_at, a.reversed_at, o.merchant_id, p.account_version
    FROM pay_attempt a
    JOIN pay_order o ON o.provider_id = a.provider_id AND o.id = a.order_id
    JOIN provider p ON p.id = a.provider_id
    WHERE a.provider_id = :provider_id AND a.id = :attempt_id
    """)
)


def find_target(deps: Deps, provider_id: int, attempt_id: int) -> Target:
    """Read what a call about this attempt needs.

    Raises NotConfigured when the merchant can no longer be spoken for at this wallet.
    """
    row = _TARGET.first(deps, {"provider_id": provider_id, "attempt_id": attempt_id})
    assert row is not None, f"attempt {attempt_id} is gone"
    accounts = deps.accounts_of(provider_id, row.account_version)
    account = account_for(accounts, row.channel, row.merchant_id, row.payee, row.payee)
    return Target(
        attempt_id=attempt_id,
        order_id=row.order_id,
        channel=row.channel,
        out_trade_no=row.out_trade_no,
        created_at=row.created_at,
        expires_at=row.expires_at,
        account=account,
        method=AttemptMethod(row.method),
        is_reverse_asked=row.reverse_asked_at is not None,
        is_reversed=row.reversed_at is not None,
        is_closing=row.status == AttemptStatus.CLOSING.value,
    )


def asked(deps: Deps, target: Target) -> Trade:
    """The wallet's answer to a question."""
    if target.method is AttemptMethod.DEPOSIT:
        return deps.gateways.deposits[target.channel].consumption(
            target.account, target.out_trade_no
        )
    trade = deps.gateways.pay[target.channel].query(target.account, target.out_trade_no)
    return as_reversed(target, trade)


def as_reversed(target: Target, trade: Trade) -> Trade:
    """What the wallet gave back because we reversed it is closed, not paid."""
    if trade.given_back and target.is_reverse_asked:
        return replace(trade, state=TradeState.CLOSED)
    return trade


def close_attempt(deps: Deps, provider_id: int, attempt_id: int, *, actor: str) -> AttemptStatus:
    """Close one attempt upstream, then here. PAID when it was paid in between.

    What a payment code started is reversed instead: nobody can pay it then, and what had been
    paid is given back.

    CLOSING means that the wallet has not said: the attempt is asked about again by its due time,
    and no other attempt of the order is offered until then.
    """
    target = find_target(deps, provider_id, attempt_id)
    may_close = deps.transact(lambda s: _mark_closing(s, provider_id, target, deps.now()))
    if not may_close:
        return AttemptStatus.PAID
    if target.method is AttemptMethod.CODE:
        target = replace(target, is_reverse_asked=True)
    try:
        state = _shut(deps, target)
        if state is TradeState.SUCCESS:
            return _was_paid(deps, provider_id, target)
    except (GatewayUnknown, GatewayRejected) as problem:
        log.warning(
            "close not decided",
            extra={"out_trade_no": target.out_trade_no, "why": type(problem).__name__},
        )
        return AttemptStatus.CLOSING
    if state is TradeState.PAYING:
        return AttemptStatus.CLOSING
    return deps.transact(lambda s: finish_closed(s, provider_id, target, deps.now(), actor, state))


def _shut(deps: Deps, target: Target) -> TradeState:
    """Close it at the wallet, or reverse it; where a reversal is refused, asking decides."""
    is_deposit = target.method is AttemptMethod.DEPOSIT
    if is_deposit and not deps.gateways.deposits[target.channel].numbers_consumptions:
        return asked(deps, target).state  # there is nothing to close under the hold's number
    if target.method is not AttemptMethod.CODE:
        said = deps.gateways.pay[target.channel].close(target.account, target.out_trade_no)
        may_come = said is TradeState.NOT_EXIST and _may_be_scanned(target, deps.now())
        return TradeState.PAYING if may_come else said
    after = reversing.reverse(deps, target.channel, target.account, target.out_trade_no)
    return asked(deps, target).state if after is None else after


def _may_be_scanned(it: Target | PayAttempt, now: datetime) -> bool:
    """Alipay knows no trade before its code is scanned, and there is nothing to close until then:
    the code has to be waited out (alipay.md 4.3)."""
    by_code = it.channel == "alipay" and it.method is AttemptMethod.NATIVE
    return by_code and now < it.expires_at


def _mark_closing(session: Session, provider_id: int, target: Target, now: datetime) -> bool:
    """False when it is paid: a wallet would refuse to close it, but a reversal takes it back."""
    attempts.lock_order(session, provider_id, target.order_id)
    attempt = _read(session, provider_id, target.attempt_id)
    if attempt.status is AttemptStatus.PAID:
        return False
    if attempt.status in OPEN_ATTEMPTS:
        attempt.status = AttemptStatus.CLOSING
        attempt.due_at = now + timedelta(seconds=5)
        if _may_be_scanned(attempt, now):
            attempt.due_at = min(now + PATIENCE, attempt.expires_at)
    may_reverse = attempt.method is AttemptMethod.CODE and attempt.status in REVERSIBLE
    if may_reverse:
        attempt.status, attempt.due_at = AttemptStatus.CLOSING, now + timedelta(seconds=5)
        attempt.reverse_asked_at, attempt.reversed_at = attempt.reverse_asked_at or now, None
    return True


def _was_paid(deps: Deps, provider_id: int, target: Target) -> AttemptStatus:
    """Closing was refused because it is paid: ask for the whole truth and apply it."""
    trade = asked(deps, target)
    after = ReversalState.REFUSED if target.is_reverse_asked else None
    deps.transact(lambda s: apply_trade(s, provider_id, trade, deps.now(), after=after))
    found = deps.transact(lambda s: _read(s, provider_id, target.attempt_id).status)
    return AttemptStatus.PAID if found is AttemptStatus.PAID else AttemptStatus.CLOSING


def _read(session: Session, provider_id: int, attempt_id: int) -> PayAttempt:
    return session.execute(
        select(PayAttempt)
        .where(PayAttempt.provider_id == provider_id, PayAttempt.id == attempt_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def finish_closed(
    session: Session,
    provider_id: int,
    target: Target,
    now: datetime,
    actor: str,
    state: TradeState,
) -> AttemptStatus:
    """The wallet says that nobody can pay this attempt now; end the order if its time is up."""
    order = attempts.lock_order(session, provider_id, target.order_id)
    attempt = _read(session, provider_id, target.attempt_id)
    if attempt.status is AttemptStatus.PAID:
        return AttemptStatus.PAID
    attempt.status, attempt.is_unknown = AttemptStatus.CLOSED, False
    attempt.closed_at = now
    attempt.due_at = last_look(attempt)
    order.is_unknown = False
    if attempt.method is AttemptMethod.CODE:
        _finish_reversed(session, order, attempt, now, actor, state)
    elif order.status in (OrderStatus.CREATED, OrderStatus.PAYING) and order.expires_at <= now:
        reason = CloseReason.VOID if state is TradeState.NOT_EXIST else CloseReason.EXPIRED
        end_order(session, order, reason, actor, now)
    return AttemptStatus.CLOSED


def last_look(attempt: PayAttempt) -> datetime:
    """When a closed attempt is asked about once more. A payment code's could come until it expires:
    the request may still be on its way to the wallet."""
    after = (attempt.closed_at or attempt.expires_at) + LAST_LOOK
    return max(after, attempt.expires_at) if attempt.method is AttemptMethod.CODE else after


def _finish_reversed(
    session: Session,
    order: PayOrder,
    attempt: PayAttempt,
    now: datetime,
    actor: str,
    state: TradeState,
) -> None:
    """Nothing of it is kept. A payment still on its way could only come before it expires."""
    attempt.reversed_at = now
    attempt.due_at = last_look(attempt)
    end_case(session, order.provider_id, CaseKind.NO_ANSWER, attempt.out_trade_no, now)
    if order.status in (OrderStatus.CREATED, OrderStatus.PAYING):
        never_was = state is TradeState.NOT_EXIST
        reason = CloseReason.VOID if never_was else CloseReason.REVERSED
        end_order(session, order, reason, actor, now)


def end_order(
    session: Session, order: PayOrder, reason: CloseReason, actor: str, now: datetime
) -> None:
    """Close our side of an order that nobody can pay. A success may still come, and will count."""
    order.move_to(OrderStatus.CLOSED)
    order.close_reason = reason
    order.is_unknown = False
    if order.purpose is OrderPurpose.RECHARGE:
        reservations.free_in(session, order, now)
    if rooms.is_consumption(order):
        rooms.ended_in(session, order, now)
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=actor,
        action="order_closed",
        subject=f"order:{order.out_trade_no}",
        at=now,
        reason=reason.value,
    )
