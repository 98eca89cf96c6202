"""Refunds that we have no row of, because a backup was restored.

Our own numbers follow from the order's, so the wallet can be asked for each in turn; a number of a
caller's is known from bills, logs and notifications only.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateways.base import RefundState, RefundWord
from models.event import CaseKind
from models.order import AttemptStatus, PayAttempt, PayOrder
from models.refund import Refund, RefundStatus
from services import attempts, audit, closing, restored
from services.cases import end_case, open_case
from services.deps import Deps
from services.refunds import wallets
from services.refunds.asking import MOST_PER_ORDER, own_number
from services.refunds.settling import apply_refund, lock_refund

log = logging.getLogger(__name__)

MISSES = 3  # a caller's own numbers count, too, and leave gaps among ours
MISSES_UNSURE = 2  # where the wallet has not said that money went back


def adopt_refund(
    deps: Deps, provider_id: int, attempt_id: int, out_refund_no: str, actor: str
) -> bool:
    """Write down a refund of this attempt that the wallet confirms; True where we had none.

    False where the wallet has nothing under this number, or we have it already. One that does not
    fit into the attempt's room is a case. Raises GatewayUnknown and GatewayRejected.
    """
    if deps.transact(lambda s: _has(s, provider_id, out_refund_no)):
        return False
    word = _asked(deps, provider_id, attempt_id, out_refund_no)
    return word.state is not RefundState.NOT_FOUND and deps.transact(
        lambda s: _write(s, deps, provider_id, attempt_id, word, actor), rerun_if_unknown=True
    )


def adopt_own_numbers(
    deps: Deps, provider_id: int, attempt_id: int, actor: str, *, misses: int = MISSES
) -> list[str]:
    """Ask for each number that we may have given a refund of this attempt's order; those found.

    `misses` numbers in a row that the wallet does not know end the search. Raises as
    `adopt_refund`.
    """
    order, known, marks = deps.transact(lambda s: _numbers(s, provider_id, attempt_id))
    found: list[str] = []
    for mark in ["", *marks]:
        missed = 0
        for nth in range(1, MOST_PER_ORDER + 1):
            number = own_number(order, nth, mark)
            if number in known:
                continue
            if adopt_refund(deps, provider_id, attempt_id, number, actor):
                found.append(number)
                missed = 0
            elif (missed := missed + 1) == misses:
                break
    return found


def _has(session: Session, provider_id: int, out_refund_no: str) -> bool:
    found = session.scalar(
        select(Refund.id).where(
            Refund.provider_id == provider_id, Refund.out_refund_no == out_refund_no
        )
    )
    return found is not None


def _asked(deps: Deps, provider_id: int, attempt_id: int, out_refund_no: str) -> RefundWord:
    target = closing.find_target(deps, provider_id, attempt_id)
    return wallets.query(deps, target, out_refund_no)


def _numbers(
    session: Session, provider_id: int, attempt_id: int
) -> tuple[PayOrder, set[str], list[str]]:
    attempt = session.get_one(PayAttempt, (provider_id, attempt_id))
    order = session.get_one(PayOrder, (provider_id, attempt.order_id))
    known = session.scalars(
        select(Refund.out_refund_no).where(
            Refund.provider_id == provider_id, Refund.order_id == order.id
        )
    )
    return order, set(known), restored.marks(session)


def _write(
    session: Session,
    deps: Deps,
    provider_id: int,
    attempt_id: int,
    word: RefundWord,
    actor: str,
) -> bool:
    """Hold room for it and apply what the wallet says: the road of every other refund."""
    now = deps.now()
    order_id = session.get_one(PayAttempt, (provider_id, attempt_id)).order_id
    order = attempts.lock_order(session, provider_id, order_id)
    attempt = session.get_one(PayAttempt, (provider_id, attempt_id), populate_existing=True)
    if attempt.status is not AttemptStatus.PAID or word.amount_fen is None:
        return False
    if attempt.held_fen + word.amount_fen > attempt.amount_fen:
        _no_room(session, order, attempt, word, now)
        return False
    made = session.scalar(
        insert(Refund)
        .values(_values(order, attempt, word, actor, now))
        .on_conflict_do_nothing(index_elements=["provider_id", "out_refund_no"])
        .returning(Refund.id)
    )
    if made is None:
        return False
    attempt.held_fen += word.amount_fen
    session.flush()
    apply_refund(session, lock_refund(session, provider_id, int(made)), word, now)
    _told(session, order, word, actor, now)
    return True


def _values(
    order: PayOrder, attempt: PayAttempt, word: RefundWord, actor: str, now: datetime
) -> dict[str, object]:
    return {
        "provider_id": attempt.provider_id,
        "order_id": attempt.order_id,
        "attempt_id": attempt.id,
        "merchant_id": order.merchant_id,
        "store_id": order.store_id,
        "is_second": attempt.transaction_id != order.transaction_id,
        "out_refund_no": word.out_refund_no,
        "amount_fen": word.amount_fen,
        "status": RefundStatus.CREATED,
        "reason": "",
        "asked_by": actor,  # who asked the payer's money back is forgotten
        "allowed_by": actor,
        "sends": 1,
        "polls": 0,
        "due_at": now,
        "created_at": word.succeeded_at or now,
    }


def _told(session: Session, order: PayOrder, word: RefundWord, actor: str, now: datetime) -> None:
    number = word.out_refund_no
    end_case(session, order.provider_id, CaseKind.REFUND_NOTICE, word.out_trade_no[:64], now)
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=actor,
        action="refund_adopted",
        subject=f"order:{order.out_trade_no}",
        at=now,
        out_refund_no=number,
        amount_fen=word.amount_fen,
    )
    log.warning("refund adopted", extra={"out_refund_no": number})


def _no_room(
    session: Session, order: PayOrder, attempt: PayAttempt, word: RefundWord, now: datetime
) -> None:
    open_case(
        session,
        provider_id=order.provider_id,
        kind=CaseKind.REFUND_MISMATCH,
        out_trade_no=word.out_refund_no,
        order_id=order.id,
        at=now,
        facts={
            "order": order.out_trade_no,
            "amount_fen": word.amount_fen,
            "room_fen": attempt.amount_fen - attempt.held_fen,
        },
    )


def is_own_number(session: Session, provider_id: int, attempt: PayAttempt, number: str) -> bool:
    """Whether this is a number that we would have given a refund of this attempt's order."""
    order = session.get_one(PayOrder, (provider_id, attempt.order_id))
    marks = ["", *restored.marks(session)]
    return any(
        number == own_number(order, nth, mark)
        for mark in marks
        for nth in range(1, MOST_PER_ORDER + 1)
    )
