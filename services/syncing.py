"""Asking the wallets now about everything that one order has at them, and applying their answers.

What moves an order or a refund are `apply_trade` and `apply_refund`, as always; silence moves
nothing and is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import RefundState, RefundWord, Trade, TradeState
from gateways.money import yuan_from_fen
from models.event import CaseKind
from models.order import AttemptStatus, PayAttempt, PayOrder
from models.refund import ROOMLESS, Refund, RefundStatus
from services import asking, audit, closing
from services.accounts import NotConfigured
from services.adopted_refunds import MISSES, MISSES_UNSURE, adopt_own_numbers
from services.asking import Claim
from services.cards.spent import taken_fen
from services.cases import open_case
from services.deps import Deps
from services.orders import state_of
from services.refunds import wallets
from services.refunds.settling import apply_refund, lock_refund

SILENT = (GatewayUnknown, GatewayRejected, NotConfigured)
FINAL_REFUNDS = (RefundStatus.SUCCESS, *ROOMLESS)


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: what it was about, what the wallet said, what became of it here."""

    what: str  # payment, refund
    number: str
    before: str
    after: str
    said: str
    is_answered: bool = True
    is_agreed: bool = True  # nothing of ours contradicts what the wallet said


@dataclass(frozen=True, slots=True)
class Synced:
    """The order's state before and after, and every answer between."""

    out_trade_no: str
    before: str
    after: str
    answers: tuple[Answer, ...]

    @property
    def is_settled(self) -> bool:
        return all(answer.is_answered and answer.is_agreed for answer in self.answers)


def sync_order(
    deps: Deps, provider_id: int, order_id: int, *, actor: str, is_audited: bool = True
) -> Synced:
    """Ask about every attempt that the wallet took and every refund that is not final."""
    before, attempt_ids, refund_ids = deps.transact(lambda s: _open(s, provider_id, order_id))
    answers = [_ask_payment(deps, provider_id, found, actor) for found in attempt_ids]
    answers += [_ask_refund(deps, provider_id, found) for found in refund_ids]
    number, after = deps.transact(
        lambda s: _close(s, deps, provider_id, order_id, answers, actor if is_audited else "")
    )
    return Synced(number, before, after, tuple(answers))


def _open(session: Session, provider_id: int, order_id: int) -> tuple[str, list[int], list[int]]:
    order = session.get_one(PayOrder, (provider_id, order_id))
    attempts = select(PayAttempt.id).where(
        PayAttempt.provider_id == provider_id,
        PayAttempt.order_id == order_id,
        PayAttempt.status != AttemptStatus.REJECTED,
    )
    refunds = select(Refund.id).where(
        Refund.provider_id == provider_id,
        Refund.order_id == order_id,
        Refund.status.not_in(FINAL_REFUNDS),
    )
    return (
        state_of(order),
        list(session.scalars(attempts.order_by(PayAttempt.id))),
        list(session.scalars(refunds.order_by(Refund.id))),
    )


def _ask_payment(deps: Deps, provider_id: int, attempt_id: int, actor: str) -> Answer:
    was = deps.transact(lambda s: _attempt(s, provider_id, attempt_id))
    if was.channel == "balance":
        return deps.transact(lambda s: _own_books(s, was))
    try:
        target = closing.find_target(deps, provider_id, attempt_id)
        if target.is_reversing:
            return _reversing(deps, was)
        trade = closing.asked(deps, target)
    except SILENT as problem:
        return Answer(
            "payment", was.out_trade_no, was.status, was.status, no_answer(problem),
            is_answered=False,
        )  # fmt: skip
    asking.hear(deps, Claim(provider_id, attempt_id), target, trade)
    is_answered, found = _find_refunds(deps, trade, provider_id, attempt_id, actor)
    now = deps.transact(lambda s: _attempt(s, provider_id, attempt_id))
    unexplained = False
    try:
        unexplained = is_answered and trade.refunded and not _is_explained(deps, target, now)
    except SILENT:
        is_answered = False
    said = _said(trade, found, unexplained, is_answered)
    return Answer(
        "payment", was.out_trade_no, was.status, now.status, said,
        is_answered=is_answered, is_agreed=_agrees(now, trade) and not unexplained,
    )  # fmt: skip


def _own_books(session: Session, was: PayAttempt) -> Answer:
    """Of a payment from a member's card no wallet is asked: our own ledger must have taken it."""
    taken = taken_fen(session, was.provider_id, was.order_id)
    agreed = (taken == was.amount_fen) is (was.status is AttemptStatus.PAID)
    said = f"no wallet is asked: the ledger took ¥{yuan_from_fen(taken)} from the member's card"
    return Answer("payment", was.out_trade_no, was.status, was.status, said, is_agreed=agreed)


def _find_refunds(
    deps: Deps, trade: Trade, provider_id: int, attempt_id: int, actor: str
) -> tuple[bool, list[str]]:
    """(whether the wallet told, refunds that we had no row of).

    WeChat says of a trade that money went back; Alipay only once all of it did.
    """
    if trade.state is not TradeState.SUCCESS or not (trade.refunded or trade.channel == "alipay"):
        return True, []
    misses = MISSES if trade.refunded else MISSES_UNSURE
    try:
        return True, adopt_own_numbers(deps, provider_id, attempt_id, actor, misses=misses)
    except SILENT:
        return False, []


def _reversing(deps: Deps, was: PayAttempt) -> Answer:
    """A payment code's trade on its way back is not asked about but reversed again, till it is."""
    asking.ask(deps, Claim(was.provider_id, was.id))
    now = deps.transact(lambda s: _attempt(s, was.provider_id, was.id))
    is_done = now.status is not was.status
    said = "reversed" if is_done else "reversal not confirmed"
    return Answer("payment", was.out_trade_no, was.status, now.status, said, is_answered=is_done)


def _attempt(session: Session, provider_id: int, attempt_id: int) -> PayAttempt:
    return session.get_one(PayAttempt, (provider_id, attempt_id))


def no_answer(problem: Exception) -> str:
    """Why the wallet did not tell, in words that hold no secret."""
    if isinstance(problem, GatewayRejected):
        return f"refused to say: {problem.upstream_code} {problem.upstream_message}".strip()
    if isinstance(problem, NotConfigured):
        return "was not asked: the merchant can no longer be spoken for at this wallet"
    return "no answer"


def _said(trade: Trade, found: list[str], unexplained: bool, is_answered: bool) -> str:
    amount = f" ¥{yuan_from_fen(trade.amount_fen)}" if trade.amount_fen else ""
    number = f" {trade.transaction_id}" if trade.transaction_id else ""
    words = f"{trade.raw_state}{amount}{number}"
    if found:
        words += f"; refunds found again: {', '.join(found)}"
    if not is_answered:
        words += "; it did not say which refunds it has"
    if unexplained:
        words += "; money went back under no number of ours: look in the wallet's console"
    return words


def _agrees(attempt: PayAttempt, trade: Trade) -> bool:
    """Paid here if and only if paid there, for the same amount."""
    is_paid = attempt.status is AttemptStatus.PAID
    if trade.state is not TradeState.SUCCESS:
        return not is_paid
    return is_paid and trade.amount_fen == attempt.amount_fen


def _is_explained(deps: Deps, target: closing.Target, attempt: PayAttempt) -> bool:
    """Whether a refund of ours stands behind "money went back", one that we gave up included; if
    none does, that is a case."""
    if attempt.held_fen or _has_given_up(deps, target, attempt):
        return True

    def unit(session: Session) -> bool:
        open_case(
            session,
            provider_id=attempt.provider_id,
            kind=CaseKind.REFUND_NOTICE,
            out_trade_no=attempt.out_trade_no,
            order_id=attempt.order_id,
            at=deps.now(),
            facts={"state": attempt.raw_state, "out_refund_no": None},
        )
        return False

    return deps.transact(unit)


def _has_given_up(deps: Deps, target: closing.Target, attempt: PayAttempt) -> bool:
    """Whether the wallet has a refund that is given up here; what it says of it is applied."""

    def given_up(session: Session) -> list[tuple[int, str]]:
        found = select(Refund.id, Refund.out_refund_no).where(
            Refund.provider_id == attempt.provider_id,
            Refund.attempt_id == attempt.id,
            Refund.status.in_(ROOMLESS),
        )
        return [(row.id, row.out_refund_no) for row in session.execute(found.order_by(Refund.id))]

    found = False
    for refund_id, number in deps.transact(given_up):
        word = wallets.query(deps, target, number)
        if word.state is not RefundState.NOT_FOUND:
            found = True
            deps.transact(partial(_apply, deps, attempt.provider_id, refund_id, word))
    return found


def _apply(
    deps: Deps, provider_id: int, refund_id: int, word: RefundWord, session: Session
) -> None:
    apply_refund(session, lock_refund(session, provider_id, refund_id), word, deps.now())


def _ask_refund(deps: Deps, provider_id: int, refund_id: int) -> Answer:
    was = deps.transact(lambda s: s.get_one(Refund, (provider_id, refund_id)))
    try:
        target = closing.find_target(deps, provider_id, was.attempt_id)
        word = wallets.query(deps, target, was.out_refund_no)
    except SILENT as problem:
        return Answer(
            "refund", was.out_refund_no, was.status, was.status, no_answer(problem),
            is_answered=False,
        )  # fmt: skip
    after = deps.transact(lambda s: _hear_refund(s, deps, provider_id, refund_id, word))
    is_agreed = word.amount_fen in (None, was.amount_fen)
    return Answer(
        "refund", was.out_refund_no, was.status, after, _refund_said(word), is_agreed=is_agreed
    )


def _hear_refund(
    session: Session, deps: Deps, provider_id: int, refund_id: int, word: RefundWord
) -> str:
    """Apply it; what the wallet does not have is sent again by the worker, under its number."""
    now = deps.now()
    locked = lock_refund(session, provider_id, refund_id)
    apply_refund(session, locked, word, now)
    refund = locked[2]
    if word.state is RefundState.NOT_FOUND and refund.due_at is not None:
        refund.due_at = now
    return refund.status.value


def _refund_said(word: RefundWord) -> str:
    if word.state is RefundState.NOT_FOUND:
        return f"{word.raw_state}: not accepted so far under this number"
    amount = f" ¥{yuan_from_fen(word.amount_fen)}" if word.amount_fen else ""
    return f"{word.raw_state}{amount}"


def _close(
    session: Session,
    deps: Deps,
    provider_id: int,
    order_id: int,
    answers: list[Answer],
    actor: str,
) -> tuple[str, str]:
    order = session.get_one(PayOrder, (provider_id, order_id))
    if actor:
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="order_synced",
            subject=f"order:{order.out_trade_no}",
            at=deps.now(),
            answers=[f"{answer.number}: {answer.said}"[:200] for answer in answers],
        )
    return order.out_trade_no, state_of(order)
