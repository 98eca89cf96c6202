"""Puts the tellers' lines in order of time, and says how things stand now."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from models.order import PayOrder
from models.refund import OPEN_REFUNDS, RefundStatus
from services.deps import Deps
from services.order_story.finding import find_key
from services.order_story.lines import both, wallet, yuan
from services.order_story.tellers import TELLERS, attempts_of, cases_of, refunds_of
from services.orders import state_of

PENDING_REFUNDS = (*OPEN_REFUNDS, RefundStatus.WAITING, RefundStatus.ABNORMAL)


def tell(deps: Deps, number: str) -> list[str]:
    """Everything about one order, oldest first, then how it stands now; [] if nobody knows it."""

    def unit(session: Session) -> list[str]:
        key = find_key(session, number)
        if key is None:
            return []
        order = session.get_one(PayOrder, key)
        lines = [line for teller in TELLERS for line in teller(session, order)]
        told = [str(line) for line in sorted(lines, key=lambda line: line.second)]
        return [*told, *_now(session, order)]

    return deps.transact(unit)


def _now(session: Session, order: PayOrder) -> Iterator[str]:
    flags = [
        word
        for word, holds in (
            ("unknown", order.is_unknown),
            ("FROZEN", order.is_frozen),
            ("paid late", order.is_late),
        )
        if holds
    ]
    more = f" ({', '.join(flags)})" if flags else ""
    back = f", {yuan(order.refunded_fen)} of it given back" if order.refunded_fen else ""
    yield (
        f"now: order {order.out_trade_no}  {state_of(order)}{more}  {yuan(order.amount_fen)}{back}"
    )
    for it in attempts_of(session, order):
        due = f"asked again {both(it.due_at)}" if it.due_at else "nothing left to ask"
        yield (
            f"  attempt {it.out_trade_no}  {it.status}{' (unknown)' if it.is_unknown else ''}"
            f"  {wallet(it.channel)} last said {it.raw_state or 'nothing'}, asked {it.polls} times;"
            f" {due}"
        )
    for refund in refunds_of(session, order):
        if refund.status in PENDING_REFUNDS:
            due = f"looked at again {both(refund.due_at)}" if refund.due_at else "a person decides"
            said = refund.upstream_code or refund.raw_state or "nothing"
            name = f"refund {refund.out_refund_no}"
            yield f"  {name}  {refund.status}  wallet last said {said}; {due}"
    for case in cases_of(session, order):
        if case.closed_at is None:
            yield f"  CASE {case.id} {case.kind} waits for a person: see `orders explain`"
