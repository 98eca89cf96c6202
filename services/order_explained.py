"""Why an order is in the state that it is in, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from gateways.money import yuan_from_fen
from models.event import MoneyCase
from models.order import AttemptStatus, OrderStatus, PayOrder
from models.refund import Refund, RefundStatus
from services.deps import Deps
from services.order_story.finding import find_key
from services.order_story.lines import both, wallet, yuan
from services.order_story.tellers import attempts_of, cases_of, refunds_of
from services.order_words import CASES, FROM_CARD, OTHER_CASE, REFUNDS, STATES, Words
from services.orders import state_of

# What a merchant should hear of first, among the refunds of an order.
URGENT = (
    RefundStatus.ABNORMAL,
    RefundStatus.WAITING,
    RefundStatus.UNKNOWN,
    RefundStatus.PROCESSING,
    RefundStatus.CREATED,
)


def explain(deps: Deps, number: str) -> list[str]:
    """In words: the state, the refunds that are not done, the open cases, the wallet's last word.

    The last line is one sentence in Chinese for the merchant. [] if nobody knows the number.
    """

    def unit(session: Session) -> list[str]:
        key = find_key(session, number)
        return [] if key is None else list(_lines(session, session.get_one(PayOrder, key)))

    return deps.transact(unit)


def state_words(order: PayOrder) -> str:
    """The key of `STATES`: the one table's word, with what is frozen shown apart."""
    if order.is_frozen and order.status is not OrderStatus.PAID:
        return "frozen"
    return state_of(order)


def _lines(session: Session, order: PayOrder) -> Iterator[str]:
    refunds, cases = refunds_of(session, order), cases_of(session, order)
    state, facts = state_words(order), _facts(order, refunds)
    words = _words(order, state)
    yield f"{order.out_trade_no} is {state}: {words.why.format(**facts)}"
    yield f"  do: {words.do.format(**facts)}"
    if order.is_late and state != "late_paid":
        yield "  it was paid after we had closed it; it counts"
    for attempt in attempts_of(session, order):
        if attempt.status is not AttemptStatus.PAID and attempt.is_unknown:
            yield f"  attempt {attempt.out_trade_no}: {wallet(attempt.channel)} has not answered"
        if attempt.raw_state and attempt.channel != "balance":
            said = f"{wallet(attempt.channel)} last said {attempt.raw_state}"
            yield f"  attempt {attempt.out_trade_no} ({attempt.status}): {said}"
    for refund in refunds:
        if refund.status is not RefundStatus.SUCCESS:
            yield from _refund(refund)
    for case in cases:
        if case.closed_at is None:
            yield from _case(case)
    yield f"tell the merchant: {_chinese(words, facts, refunds)}"


def _facts(order: PayOrder, refunds: list[Refund]) -> dict[str, str]:
    held = sum(r.amount_fen for r in refunds if r.status in (*URGENT, RefundStatus.SUCCESS))
    refusal = f"{order.reject_code or '-'} {order.reject_message or ''}".strip()
    return {
        "number": order.out_trade_no,
        "amount": yuan_from_fen(order.amount_fen),
        "back": yuan(order.refunded_fen),
        "left": yuan(max(0, order.amount_fen - held)),
        "when": both(order.expires_at),
        "refusal": refusal,
    }


def _refund_facts(refund: Refund) -> dict[str, str]:
    said = f"{refund.upstream_code or '-'} {refund.upstream_message or ''}".strip()
    return {"amount": yuan(refund.amount_fen), "said": said, "refund": refund.out_refund_no}


def _refund(refund: Refund) -> Iterator[str]:
    words, facts = REFUNDS[refund.status], _refund_facts(refund)
    name = f"refund {refund.out_refund_no} of {facts['amount']}"
    yield f"  {name} is {refund.status}: {words.why.format(**facts)}"
    yield f"    do: {words.do.format(**facts)}"


def _case(case: MoneyCase) -> Iterator[str]:
    words = CASES.get(case.kind, OTHER_CASE)
    yield f"  CASE {case.id} {case.kind} is open: {words.why}"
    yield f'    do: {words.do}; in the end `flask cases close {case.id} --note "…"`'


def _words(order: PayOrder, state: str) -> Words:
    own = FROM_CARD if order.channel == "balance" else {}
    return own.get(state, STATES[state])


def _chinese(words: Words, facts: dict[str, str], refunds: list[Refund]) -> str:
    said = words.zh.format(**facts)
    for status in URGENT:
        for refund in refunds:
            if refund.status is status:
                return said + REFUNDS[status].zh.format(**_refund_facts(refund))
    return said
