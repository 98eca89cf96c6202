"""What the bill does not have and the wallet, asked again, never had: void, by a person only."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, Conflict
from gateways.base import RefundState, TradeState
from models.bill import Bill, BillCase, BillCaseStatus, BillSubject, DifferenceKind
from models.event import CaseKind
from models.order import OPEN_ATTEMPTS, AttemptStatus, CloseReason, OrderStatus, PayAttempt
from models.refund import Refund, RefundStatus
from services import attempts, closing
from services.bills import cases
from services.bills.fetching import find_bill
from services.cards import agreement, payout_parts, recharge_refunds
from services.cases import end_case
from services.deps import Deps
from services.refunds import wallets
from services.refunds.settling import lock_refund


def void(deps: Deps, case_id: int, *, actor: str, reason: str) -> None:
    """Void an undecided payment or refund that the bill lacks; its case is explained by it.

    The wallet is asked once more. Raises Conflict unless it says that it has nothing, and for
    what was paid or refunded here: that is never taken back by us.
    """
    words = reason.strip()
    if not words:
        raise BadInput("a reason is needed")

    def read(session: Session) -> tuple[BillCase, Bill]:
        case = cases.find_case(session, case_id)
        return case, find_bill(session, case.bill_id)

    case, bill = deps.transact(read)
    if agreement.is_of(bill):
        raise Conflict("what the ledger lacks is not void: no wallet can say that it never was")
    if case.kind is not DifferenceKind.MISSING_THERE or case.status is not BillCaseStatus.FOUND:
        raise Conflict(f"bill case {case_id} is {case.status} and about {case.kind}")
    row_id = _ask(deps, case, bill)

    def unit(session: Session) -> None:
        now = deps.now()
        if case.subject is BillSubject.TRADE:
            _void_trade(session, deps, bill, row_id, actor)
        else:
            _void_refund(session, deps, bill, row_id)
        fresh = cases.find_case(session, case_id, lock=True)
        cases.set_explained(fresh, actor, words, now)
        cases.note(session, fresh, "voided_after_bill", actor, now, reason=words[:256])

    deps.transact(unit)


def _ask(deps: Deps, case: BillCase, bill: Bill) -> int:
    """The row's id, once the wallet has said that it has nothing."""
    if case.subject is BillSubject.TRADE:
        attempt = deps.transact(lambda s: _one(s, PayAttempt.id, PayAttempt, bill, case.number))
        target = closing.find_target(deps, bill.provider_id, attempt)
        trade = closing.asked(deps, target)
        if trade.state is not TradeState.NOT_EXIST:
            raise Conflict(f"the wallet says {trade.raw_state}: nothing is void")
        return attempt
    refund = deps.transact(lambda s: _one(s, Refund.id, Refund, bill, case.number))
    found = deps.transact(lambda s: s.get_one(Refund, (bill.provider_id, refund)))
    target = closing.find_target(deps, bill.provider_id, found.attempt_id)
    word = wallets.query(deps, target, case.number)
    if word.state is not RefundState.NOT_FOUND:
        raise Conflict(f"the wallet says {word.raw_state}: nothing is void")
    return refund


def _one(session: Session, column: object, table: object, bill: Bill, number: str) -> int:
    name = PayAttempt.out_trade_no if table is PayAttempt else Refund.out_refund_no
    provider = PayAttempt.provider_id if table is PayAttempt else Refund.provider_id
    found = session.scalar(select(column).where(provider == bill.provider_id, name == number))  # type: ignore[call-overload]
    assert found is not None, f"{number} is gone"
    return int(found)


def _void_trade(session: Session, deps: Deps, bill: Bill, attempt_id: int, actor: str) -> None:
    now = deps.now()
    order_id = session.get_one(PayAttempt, (bill.provider_id, attempt_id)).order_id
    order = attempts.lock_order(session, bill.provider_id, order_id)
    attempt = session.get_one(PayAttempt, (bill.provider_id, attempt_id), populate_existing=True)
    if attempt.status not in OPEN_ATTEMPTS:
        raise Conflict(f"{attempt.out_trade_no} is {attempt.status}")
    attempt.status, attempt.is_unknown = AttemptStatus.CLOSED, False
    attempt.closed_at, attempt.due_at = now, None
    if order.status in (OrderStatus.CREATED, OrderStatus.PAYING):
        closing.end_order(session, order, CloseReason.VOID, actor, now)


def _void_refund(session: Session, deps: Deps, bill: Bill, refund_id: int) -> None:
    locked = lock_refund(session, bill.provider_id, refund_id)
    _, attempt, refund = locked
    # One that is merely created will be sent, or is on its way: nobody knows enough to void it.
    if refund.status is not RefundStatus.UNKNOWN:
        raise Conflict(f"{refund.out_refund_no} is {refund.status}")
    refund.move_to(RefundStatus.VOID)
    refund.closed_at, refund.due_at = deps.now(), None
    attempt.held_fen -= refund.amount_fen
    end_case(session, bill.provider_id, CaseKind.REFUND_SLOW, refund.out_refund_no, deps.now())
    recharge_refunds.ended_in(session, locked, deps.now(), succeeded=False)
    payout_parts.refund_ended_in(session, locked, deps.now(), succeeded=False)
