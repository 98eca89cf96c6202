"""Active queries and expiry: every attempt that is not final has a due time, and this meets it.

Claim and commit, call upstream, apply. A claim moves the due time ahead, so a killed worker loses
nothing: another takes the attempt when the claim runs out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import ReversalState, Trade, TradeState
from models.event import CaseKind
from models.order import (
    OPEN_ATTEMPTS,
    AttemptMethod,
    AttemptStatus,
    CloseReason,
    OrderStatus,
    PayAttempt,
    PayOrder,
)
from services import attempts, closing
from services.accounts import NotConfigured
from services.cases import open_case
from services.claims import claim_statement
from services.closing import Target
from services.deps import Deps
from services.settle import apply_trade
from services.single import Single

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)
UNKNOWN_TELLS_AFTER = timedelta(minutes=2)  # decisions: then a person is told and asking goes on
SLOWEST = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=1)  # the last look after closing, if the wallet stays silent


@dataclass(frozen=True, slots=True)
class Claim:
    provider_id: int
    attempt_id: int


_CLAIM = claim_statement("pay_attempt")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` attempts whose time has come, within each provider's quota."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most}).all()
        claims = [Claim(row.provider_id, row.id) for row in rows]
        return _within_quota(session, deps, claims, now)

    return deps.transact(unit)


_CLAIM_ONE = text("""
WITH d AS MATERIALIZED (
    SELECT provider_id, id FROM pay_attempt
    WHERE provider_id = :p AND out_trade_no = :n AND due_at <= :now FOR UPDATE SKIP LOCKED
)
UPDATE pay_attempt a SET due_at = :until
FROM d WHERE a.provider_id = d.provider_id AND a.id = d.id RETURNING a.id
""")


def ask_if_due(deps: Deps, provider_id: int, out_trade_no: str) -> bool:
    """Meet one attempt's due time at once, if it has come and nobody else is at it."""

    def unit(session: Session) -> int | None:
        now = deps.now()
        keys = {"p": provider_id, "n": out_trade_no, "now": now, "until": now + CLAIM}
        found: int | None = session.scalar(_CLAIM_ONE, keys)
        return found

    attempt_id = deps.transact(unit)
    if attempt_id is not None:
        ask(deps, Claim(provider_id, attempt_id))
    return attempt_id is not None


def _within_quota(session: Session, deps: Deps, claims: list[Claim], now: datetime) -> list[Claim]:
    """Take one block of the minute's allowance per provider; what does not fit waits a minute."""
    allowed: list[Claim] = []
    minute = now.replace(second=0, microsecond=0)
    for provider_id in {claim.provider_id for claim in claims}:
        mine = [claim for claim in claims if claim.provider_id == provider_id]
        taken = session.scalar(
            text(
                "INSERT INTO upstream_quota (provider_id, operation, minute, taken)"
                " VALUES (:p, 'query', :m, :n) ON CONFLICT (provider_id, operation, minute)"
                " DO UPDATE SET taken = upstream_quota.taken + :n RETURNING taken"
            ),
            {"p": provider_id, "m": minute, "n": len(mine)},
        )
        over = max(0, int(taken or 0) - deps.settings.query_quota_per_minute)
        fits = len(mine) - min(over, len(mine))
        allowed += mine[:fits]
        for late in mine[fits:]:
            session.execute(
                text("UPDATE pay_attempt SET due_at = :t WHERE provider_id = :p AND id = :a"),
                {"t": minute + timedelta(minutes=1), "p": provider_id, "a": late.attempt_id},
            )
    return allowed


def ask(deps: Deps, claim: Claim) -> None:
    """Ask the wallet about one claimed attempt and do what its answer means."""
    try:
        target = closing.find_target(deps, claim.provider_id, claim.attempt_id)
        if target.is_reversing:
            _reverse_again(deps, claim)
            return
        trade = closing.asked(deps, target)
    except (GatewayUnknown, GatewayRejected, NotConfigured) as problem:
        why = type(problem).__name__
        deps.transact(lambda s: _no_answer(s, deps, claim, why))
        return
    hear(deps, claim, target, trade)


def hear(deps: Deps, claim: Claim, target: Target, trade: Trade) -> None:
    """Do what the wallet's answer about one attempt means, whoever asked."""
    if _still_unpaid(deps, claim, target, trade):
        return
    if deps.transact(lambda s: _learn(s, deps, claim, target, trade)):
        closing.close_attempt(deps, claim.provider_id, claim.attempt_id, actor="worker")


def _reverse_again(deps: Deps, claim: Claim) -> None:
    """A reversal that is not answered, or answered with "again", is repeated: it is never assumed,
    and a payment seen in between would not be safe from it."""
    ended = closing.close_attempt(deps, claim.provider_id, claim.attempt_id, actor="worker")
    if ended is AttemptStatus.CLOSING:
        deps.transact(lambda s: _no_answer(s, deps, claim, "reversal not confirmed"))


_ASK_LATER = Single(
    text("""
    UPDATE pay_attempt a SET polls = a.polls + 1, raw_state = :raw_state, due_at = :due_at
    FROM pay_order o
    WHERE a.provider_id = :provider_id AND a.id = :attempt_id
        AND o.provider_id = a.provider_id AND o.id = a.order_id
        AND a.status IN ('created', 'payable') AND NOT a.is_unknown AND NOT o.is_unknown
        AND o.status IN ('created', 'paying') AND o.expires_at > :now
    RETURNING a.id
    """)
)


def _still_unpaid(deps: Deps, claim: Claim, target: Target, trade: Trade) -> bool:
    """The commonest answer, in one statement: nobody has paid yet, ask again later."""
    if trade.state not in (TradeState.PAYING, TradeState.NOT_EXIST):
        return False
    now = deps.now()
    if _is_over(deps, target, now):
        return False
    values = {
        "provider_id": claim.provider_id,
        "attempt_id": claim.attempt_id,
        "raw_state": trade.raw_state,
        "due_at": _next_question(deps, target, now),
        "now": now,
    }
    return _ASK_LATER.first(deps, values) is not None


def _learn(session: Session, deps: Deps, claim: Claim, target: Target, trade: Trade) -> bool:
    """Apply the answer; True when the attempt must now be closed upstream."""
    now = deps.now()
    after = ReversalState.DONE if target.is_reversed else None
    apply_trade(session, claim.provider_id, trade, now, after=after)
    order, attempt = _locked(session, claim)
    if attempt.status is AttemptStatus.PAID:
        attempt.due_at = None
        return False
    still_reversed = target.is_reversed and attempt.reversed_at is not None
    if trade.state is TradeState.SUCCESS and attempt.reverse_asked_at and not still_reversed:
        return False  # older than the reversal, whose own road goes on at its due time
    if trade.state is TradeState.SUCCESS:  # it did not fit: frozen, a person decides
        attempt.polls += 1
        attempt.due_at = now + SLOWEST * min(attempt.polls, 36)
        return False
    attempt.polls += 1
    if attempt.status not in OPEN_ATTEMPTS:
        # The last look after closing: a create that was still on its way may have made the trade.
        still_payable = trade.state is TradeState.PAYING
        ahead = closing.last_look(attempt)  # a question asked before it does not stand in for it
        attempt.due_at = ahead if ahead > now else None
        if still_payable:
            attempt.due_at = now + closing.LAST_LOOK
        return still_payable
    attempt.is_unknown = order.is_unknown = False
    if trade.state in (TradeState.CLOSED, TradeState.FAILED):
        _ended_upstream(session, order, attempt, trade, now)
        return False
    is_over = (
        order.status is OrderStatus.PAID or order.expires_at <= now or _is_over(deps, attempt, now)
    )
    attempt.due_at = now + CLAIM if is_over else _next_question(deps, attempt, now)
    return is_over or attempt.status is AttemptStatus.CLOSING


def _locked(session: Session, claim: Claim) -> tuple[PayOrder, PayAttempt]:
    found = session.execute(
        select(PayAttempt.order_id).where(
            PayAttempt.provider_id == claim.provider_id, PayAttempt.id == claim.attempt_id
        )
    ).scalar_one()
    order = attempts.lock_order(session, claim.provider_id, found)
    attempt = session.execute(
        select(PayAttempt)
        .where(PayAttempt.provider_id == claim.provider_id, PayAttempt.id == claim.attempt_id)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return order, attempt


def _ended_upstream(
    session: Session, order: PayOrder, attempt: PayAttempt, trade: Trade, now: datetime
) -> None:
    """The wallet closed or failed it by itself, or closed it for us and the answer was lost.

    What we were closing for another amount or wallet leaves its order open for that one.
    """
    of_till = attempt.method in (AttemptMethod.CODE, AttemptMethod.DEPOSIT)  # its only attempt
    for_another = attempt.status is AttemptStatus.CLOSING and order.expires_at > now and not of_till
    attempt.status, attempt.due_at, attempt.closed_at = AttemptStatus.CLOSED, None, now
    if order.status in (OrderStatus.CREATED, OrderStatus.PAYING) and not for_another:
        failed = trade.state is TradeState.FAILED
        if failed and of_till:  # a till says why, and who can help
            order.reject_code = order.reject_code or trade.raw_state[:64]
        reason = CloseReason.REJECTED if failed else CloseReason.EXPIRED
        closing.end_order(session, order, reason, "worker", now)


def _is_over(deps: Deps, it: Target | PayAttempt, now: datetime) -> bool:
    """Nobody waits longer for the password of a payment code; a page's order lives till expiry."""
    return it.method is AttemptMethod.CODE and now >= codepay_deadline(deps, it)


def codepay_deadline(deps: Deps, it: Target | PayAttempt) -> datetime:
    """When a payment code's trade that is still unpaid is reversed."""
    patience = timedelta(seconds=deps.settings.codepay_patience_s(it.channel))
    return min(it.created_at + patience, it.expires_at)


def _next_question(deps: Deps, it: Target | PayAttempt, now: datetime) -> datetime:
    """The schedule counts from ordering; the expiry is always met."""
    created_at, expires_at = it.created_at, it.expires_at
    if it.method is AttemptMethod.CODE:
        every = timedelta(seconds=deps.settings.codepay_ask_every_s)
        return min(now + every, codepay_deadline(deps, it))
    age = (now - created_at).total_seconds()
    for after in deps.settings.query_schedule:
        if after > age:
            return min(created_at + timedelta(seconds=after), expires_at)
    return min(now + timedelta(seconds=deps.settings.query_schedule[-1]), expires_at)


def _no_answer(session: Session, deps: Deps, claim: Claim, why: str) -> None:
    """Unknown is a state of its own: keep asking, slower and slower, and tell a person."""
    now = deps.now()
    order, attempt = _locked(session, claim)
    if attempt.status is AttemptStatus.PAID:
        attempt.due_at = None
        return
    attempt.polls += 1
    age = now - attempt.created_at
    attempt.due_at = now + min(SLOWEST, max(timedelta(seconds=3), age / 4))
    is_open = attempt.status in OPEN_ATTEMPTS
    if is_open:
        attempt.is_unknown = True
        if order.status is OrderStatus.PAYING:
            order.is_unknown = True
    elif age > GIVE_UP_AFTER:  # closed upstream long ago: the bill will tell
        attempt.due_at = None
    if age > UNKNOWN_TELLS_AFTER and (is_open or attempt.due_at is None):
        open_case(
            session,
            provider_id=claim.provider_id,
            kind=CaseKind.NO_ANSWER,
            out_trade_no=attempt.out_trade_no,
            order_id=order.id,
            at=now,
            facts={"why": why, "polls": attempt.polls, "since": attempt.created_at.isoformat()},
        )


_ABANDONED = text("""
SELECT o.provider_id, o.merchant_id, o.id FROM pay_order o
WHERE o.status IN ('created', 'paying') AND o.expires_at <= :now AND NOT EXISTS (
    SELECT 1 FROM pay_attempt a WHERE a.provider_id = o.provider_id AND a.order_id = o.id
        AND a.status IN ('created', 'payable', 'closing')
) ORDER BY o.expires_at LIMIT :most FOR UPDATE OF o SKIP LOCKED
""")


def end_abandoned(deps: Deps, most: int = 100) -> int:
    """Close expired orders that have no open attempt: the wallet refused, nobody tried again."""

    def unit(session: Session) -> int:
        now = deps.now()
        rows = session.execute(_ABANDONED, {"now": now, "most": most}).all()
        for row in sorted(rows, key=lambda one: (one.provider_id, one.merchant_id, one.id)):
            # a recharge's end locks its merchant's room: always in the same order of merchants
            order = attempts.lock_order(session, row.provider_id, row.id)
            reason = CloseReason.REJECTED if order.reject_code else CloseReason.EXPIRED
            closing.end_order(session, order, reason, "worker", now)
        return len(rows)

    return deps.transact(unit)
