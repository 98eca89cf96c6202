"""A refund that the bill has and we have not: made in the wallet's own console, or lost with us.

It becomes ours only where the wallet confirms it for a payment of ours with room for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.base import RefundState, RefundWord
from models.bill import Bill, BillCase
from models.order import AttemptStatus, PayAttempt
from models.refund import Refund, RefundStatus
from services import attempts, closing
from services.deps import Deps
from services.refunds.asking import hold
from services.refunds.settling import apply_refund, lock_refund

_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,32}")
_REAL = (RefundState.SUCCESS, RefundState.PROCESSING, RefundState.ABNORMAL)


@dataclass(frozen=True, slots=True)
class Made:
    """Whether we have it now; `again`: its payment is not known yet, which may change."""

    is_done: bool
    said: dict[str, Any]
    again: bool = False


def adopt_refund(deps: Deps, bill: Bill, case: BillCase, actor: str) -> Made:
    """Ask the wallet and write the refund down as it says. Raises GatewayUnknown, GatewayRejected.

    Nothing is written for a number that our table can not hold, an unknown payment, another amount
    than the bill's, or more than what is left of the payment.
    """
    if not _NUMBER.fullmatch(case.number):
        return Made(False, {"adopted": "no: the number is longer than ours may be"})
    number = str(case.facts.get("out_trade_no", ""))
    attempt = deps.transact(lambda s: _paid_attempt(s, bill, number))
    if attempt is None:
        return Made(False, {"adopted": "no: its payment is not known as paid"}, again=True)
    target = closing.find_target(deps, bill.provider_id, attempt.id)
    word = deps.gateways.pay[bill.channel].query_refund(target.account, number, case.number)
    said = {"said": word.raw_state, "said_fen": word.amount_fen}
    if word.state not in _REAL or word.amount_fen != case.bill_fen:
        return Made(False, said)
    done = deps.transact(lambda s: _write(s, deps, bill, case, attempt, word, actor))
    return Made(done, {**said, "adopted": "yes" if done else "no: more than what is left"})


def _paid_attempt(session: Session, bill: Bill, number: str) -> PayAttempt | None:
    return session.scalar(
        select(PayAttempt).where(
            PayAttempt.provider_id == bill.provider_id,
            PayAttempt.channel == bill.channel,
            PayAttempt.out_trade_no == number,
            PayAttempt.status == AttemptStatus.PAID,
        )
    )


def _write(
    session: Session,
    deps: Deps,
    bill: Bill,
    case: BillCase,
    found: PayAttempt,
    word: RefundWord,
    actor: str,
) -> bool:
    now = deps.now()
    order = attempts.lock_order(session, bill.provider_id, found.order_id)
    known = session.scalar(
        select(Refund.id).where(
            Refund.provider_id == bill.provider_id, Refund.out_refund_no == case.number
        )
    )
    if known is not None:  # somebody else has just adopted it
        return True
    attempt = session.get_one(PayAttempt, (bill.provider_id, found.id), populate_existing=True)
    amount = word.amount_fen or 0
    if attempt.held_fen + amount > attempt.amount_fen:
        return False
    made = hold(
        session,
        order,
        attempt,
        amount,
        case.number,
        reason="对账补入",
        asked_by=actor,
        allowed_by=actor,
        now=now,
        due_at=now,
    )
    locked = lock_refund(session, bill.provider_id, made)
    locked[2].sends = 1  # the wallet has it: never sent, only asked about
    apply_refund(session, locked, word, now)
    session.flush()
    return locked[2].status is not RefundStatus.CREATED
