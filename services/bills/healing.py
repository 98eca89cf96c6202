"""Healing a difference: the wallet is asked, and only what it says is applied. Never invented.

No answer leaves the case as it is, with a due time. An answer that does not settle it leaves the
case to a person, with what the wallet said among its facts.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import RefundWord, Trade, TradeState
from models.bill import OPEN_CASES, Bill, BillCase, BillCaseStatus, BillSubject, DifferenceKind
from models.order import OPEN_ATTEMPTS, AttemptStatus, PayAttempt
from models.refund import Refund
from services import asking, closing
from services.accounts import NotConfigured
from services.adopted_refunds import adopt_refund
from services.adoption import adopt
from services.bills import cases
from services.bills.comparing import REFUND_AGREES
from services.bills.days import china_date
from services.bills.fetching import find_bill
from services.cards import agreement
from services.deposits.lost import regain_consumed
from services.deps import Deps
from services.refunds import wallets
from services.refunds.settling import apply_refund, lock_refund
from services.settle import apply_trade

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=2)
SLOWEST = timedelta(hours=6)
MOST_TRIES = 10  # without an answer; then a person
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,32}")
ASKABLE = (
    DifferenceKind.MISSING_HERE,
    DifferenceKind.MISSING_THERE,
    DifferenceKind.STATE,
    DifferenceKind.AMOUNT,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking: healed or not, and the wallet's words for whoever looks."""

    healed: bool
    said: dict[str, Any]
    again: bool = False  # something else must happen first


def heal(deps: Deps, case_id: int, actor: str) -> BillCaseStatus:
    """Ask the wallet about one case and apply its answer; the case's state afterwards.

    A case that is no longer open, and one that no answer could settle, stay as they are.
    """
    case, bill = deps.transact(lambda s: _read(s, case_id))
    if case.status not in OPEN_CASES or case.kind not in ASKABLE:
        return case.status
    try:
        heard = _ask(deps, case, bill, actor)
    except (GatewayUnknown, GatewayRejected, NotConfigured) as problem:
        said = getattr(problem, "upstream_code", "") or problem.code
        heard = Heard(healed=False, said={"no_answer": said}, again=True)
    return deps.transact(lambda s: _write(s, deps, case_id, heard, actor))


def _read(session: Session, case_id: int) -> tuple[BillCase, Bill]:
    case = cases.find_case(session, case_id)
    return case, find_bill(session, case.bill_id)


def _ask(deps: Deps, case: BillCase, bill: Bill, actor: str) -> Heard:
    if agreement.is_of(bill):  # nobody to ask: both sides are looked at once more
        differs = agreement.still_differs(deps, bill, case.kind, case.number)
        return Heard(not differs, {"looked": "again"})
    if case.subject is BillSubject.REFUND:
        return _ask_refund(deps, case, bill, actor)
    attempt = deps.transact(lambda s: _attempt(s, bill, case.number))
    if attempt is None:
        return _adopt(deps, case, bill, actor)
    if attempt.status in OPEN_ATTEMPTS:  # the same question as ever, with all that follows it
        asking.ask(deps, asking.Claim(bill.provider_id, attempt.id))
        return _after(deps, case, bill, {})
    target = closing.find_target(deps, bill.provider_id, attempt.id)
    trade = closing.asked(deps, target)
    if attempt.reverse_asked_at is not None and trade.given_back:
        return Heard(case.kind is DifferenceKind.STATE, {**_words(trade), "ours": "reversed"})
    if trade.state is not TradeState.NOT_EXIST and case.kind is not DifferenceKind.AMOUNT:
        deps.transact(lambda s: apply_trade(s, bill.provider_id, trade, deps.now()))
    return _after(deps, case, bill, _words(trade), trade.paid_at)


def _adopt(deps: Deps, case: BillCase, bill: Bill, actor: str) -> Heard:
    """A payment that we lack becomes an order only by the wallet's own word for it."""
    found = adopt(deps, bill.provider_id, bill.channel, case.number, case.payee, actor)
    if found is None and not _regained(deps, case, bill, actor):
        return Heard(healed=False, said={"adopted": "no: not this merchant's, or not paid"})
    return _after(deps, case, bill, {"adopted": "yes"})


def _regained(deps: Deps, case: BillCase, bill: Bill, actor: str) -> bool:
    """Whether it was consumed of a deposit, where the wallet's bill has that under its number."""
    if deps.gateways.deposits[bill.channel].numbers_consumptions:
        return False
    number = case.number
    regain_consumed(deps, bill.provider_id, bill.channel, number, case.payee, actor)
    return deps.transact(lambda s: _attempt(s, bill, number)) is not None


def _after(
    deps: Deps, case: BillCase, bill: Bill, said: dict[str, Any], paid_at: datetime | None = None
) -> Heard:
    """Whether the payment is now as the bill says, or is decided where the bill has nothing."""
    attempt = deps.transact(lambda s: _attempt(s, bill, case.number))
    assert attempt is not None
    said = {**said, "ours": attempt.status.value}
    is_paid = attempt.status is AttemptStatus.PAID
    if case.kind is DifferenceKind.MISSING_THERE:
        at = paid_at or attempt.paid_at
        if is_paid:  # healed only where the wallet itself has it on another day
            other_day = paid_at is not None and at is not None and china_date(at) != bill.bill_on
            return Heard(other_day, said)
        return Heard(attempt.status not in OPEN_ATTEMPTS, said)
    same = (attempt.amount_fen, attempt.transaction_id) == (
        case.bill_fen,
        case.facts.get("transaction_id"),
    )
    revoked = case.facts.get("theirs") == "revoked"
    return Heard(is_paid and same and not revoked, said)


def _attempt(session: Session, bill: Bill, number: str) -> PayAttempt | None:
    return session.scalar(
        select(PayAttempt)
        .where(
            PayAttempt.provider_id == bill.provider_id,
            PayAttempt.channel == bill.channel,
            PayAttempt.out_trade_no == number,
        )
        .execution_options(populate_existing=True)
    )


def _words(trade: Trade) -> dict[str, Any]:
    return {
        "said": trade.raw_state,
        "said_fen": trade.amount_fen,
        "said_payee": trade.payee,
        "said_at": trade.paid_at.isoformat() if trade.paid_at else None,
    }


def _ask_refund(deps: Deps, case: BillCase, bill: Bill, actor: str) -> Heard:
    refund = deps.transact(lambda s: _refund(s, bill, case.number))
    if refund is None:
        return _adopt_refund(deps, case, bill, actor)
    target = closing.find_target(deps, bill.provider_id, refund.attempt_id)
    word = wallets.query(deps, target, case.number)
    if case.kind is not DifferenceKind.AMOUNT:
        deps.transact(lambda s: _apply_refund(s, deps, refund, word))
    return _after_refund(deps, case, bill, word)


def _adopt_refund(deps: Deps, case: BillCase, bill: Bill, actor: str) -> Heard:
    """A refund that we lack becomes ours by the wallet's word, under a payment that we know."""
    if not _NUMBER.fullmatch(case.number):
        return Heard(healed=False, said={"adopted": "no: its number is longer than ours may be"})
    number = str(case.facts.get("out_trade_no", ""))
    attempt = deps.transact(lambda s: _attempt(s, bill, number))
    if attempt is not None and attempt.reverse_asked_at is not None:
        return _reversed(deps, case, bill, attempt)
    if attempt is None or attempt.status is not AttemptStatus.PAID:
        said = {"adopted": "no: its payment is not known as paid"}
        return Heard(healed=False, said=said, again=True)
    adopt_refund(deps, bill.provider_id, attempt.id, case.number, actor)
    refund = deps.transact(lambda s: _refund(s, bill, case.number))
    if refund is None:
        return Heard(healed=False, said={"adopted": "no: the wallet has none, or no room for it"})
    return Heard(_agrees(case, refund), {"adopted": "yes", "ours": refund.status.value})


def _reversed(deps: Deps, case: BillCase, bill: Bill, attempt: PayAttempt) -> Heard:
    """The way back of a payment that we had reversed: no refund of ours, if the wallet says so."""
    target = closing.find_target(deps, bill.provider_id, attempt.id)
    trade = closing.asked(deps, target)
    whole = trade.given_back and case.bill_fen == attempt.amount_fen
    return Heard(whole, {**_words(trade), "ours": "reversed"}, again=not whole)


def _agrees(case: BillCase, refund: Refund) -> bool:
    fits = refund.status.value in REFUND_AGREES.get(str(case.facts.get("theirs")), ())
    return fits and refund.amount_fen == case.bill_fen


def _refund(session: Session, bill: Bill, number: str) -> Refund | None:
    return session.scalar(
        select(Refund)
        .where(Refund.provider_id == bill.provider_id, Refund.out_refund_no == number)
        .execution_options(populate_existing=True)
    )


def _apply_refund(session: Session, deps: Deps, refund: Refund, word: RefundWord) -> None:
    locked = lock_refund(session, refund.provider_id, refund.id)
    apply_refund(session, locked, word, deps.now())
    session.flush()


def _after_refund(deps: Deps, case: BillCase, bill: Bill, word: RefundWord) -> Heard:
    refund = deps.transact(lambda s: _refund(s, bill, case.number))
    assert refund is not None
    said = {"said": word.raw_state, "said_fen": word.amount_fen, "ours": refund.status.value}
    if case.kind is DifferenceKind.MISSING_THERE:
        at = word.succeeded_at
        return Heard(at is not None and china_date(at) != bill.bill_on, said)
    return Heard(_agrees(case, refund), said)


def _write(session: Session, deps: Deps, case_id: int, heard: Heard, actor: str) -> BillCaseStatus:
    case, now = cases.find_case(session, case_id, lock=True), deps.now()
    if case.status not in OPEN_CASES:
        return case.status
    case.facts = {**case.facts, "asked": {**heard.said, "at": now.isoformat()}}
    case.tries += 1
    if heard.healed:
        case.status, case.due_at = BillCaseStatus.HEALED, None
        case.healed_at, case.healed_by = now, actor[:64]
        cases.note(session, case, "healed_from_bill", actor, now, **heard.said)
    elif case.status is BillCaseStatus.WAITING:
        case.status = BillCaseStatus.FOUND  # the neighbour's bill has kept us waiting too long
        case.due_at = now + CLAIM
    else:
        pause = min(SLOWEST, timedelta(minutes=5) * 2 ** min(case.tries, 8))
        case.due_at = now + pause if heard.again and case.tries < MOST_TRIES else None
    return case.status
