"""What each subject tells about an order. A new subject is a function more in `TELLERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from models.bill import Bill, BillCase
from models.callback import Callback
from models.event import AuditEntry, MoneyCase, UpstreamEvent
from models.merchant import Store
from models.order import AttemptMethod, AttemptStatus, PayAttempt, PayOrder
from models.refund import Refund, RefundStatus
from services.cards.spent import spend_of
from services.deposits import rooms
from services.order_story.lines import Line, person, wallet, yuan

Teller = Callable[[Session, PayOrder], Iterator[Line]]

# What the trail says in words; an action that is not here is told as it is written.
ACTIONS = {
    "order_paid": "we learned that it is paid",
    "order_paid_late": "we learned that it is paid, after we had closed it; it counts",
    "order_closed": "order closed",
    "order_followed_up": "what follows a payment was done",
    "order_adopted": "order written down again from the wallet's word (it was lost)",
    "order_synced": "the wallets were asked about this order",
    "refund_succeeded": "we learned that the refund is done",
    "refund_failed": "refund failed, its room is free again",
    "refund_waiting": "refund waits: the merchant's balance is too low",
    "refund_abnormal": "refund stopped: the payer's account takes nothing",
    "refund_retried": "refund sent again",
    "refund_denied": "refund denied: no right to it",
    "refund_adopted": "refund written down again from the wallet's word (it was lost)",
    "case_closed": "case closed",
    "payer_erased": "who paid was forgotten, as asked",
    "code_payment_cancelled": "payment by code cancelled",
}
_TOLD_ELSEWHERE = frozenset({"refund_asked"})
_SHOWN = ("out_refund_no", "attempt", "amount_fen", "reason", "code", "note", "answers")


def numbers_of(session: Session, order: PayOrder) -> list[str]:
    """Every number under which something may be written about the order."""
    own = (PayAttempt.provider_id == order.provider_id, PayAttempt.order_id == order.id)
    back = (Refund.provider_id == order.provider_id, Refund.order_id == order.id)
    return [
        order.out_trade_no,
        *session.scalars(select(PayAttempt.out_trade_no).where(*own).order_by(PayAttempt.id)),
        *session.scalars(select(Refund.out_refund_no).where(*back).order_by(Refund.id)),
    ]


def attempts_of(session: Session, order: PayOrder) -> list[PayAttempt]:
    wanted = select(PayAttempt).where(
        PayAttempt.provider_id == order.provider_id, PayAttempt.order_id == order.id
    )
    return list(session.scalars(wanted.order_by(PayAttempt.id)))


def refunds_of(session: Session, order: PayOrder) -> list[Refund]:
    wanted = select(Refund).where(
        Refund.provider_id == order.provider_id, Refund.order_id == order.id
    )
    return list(session.scalars(wanted.order_by(Refund.id)))


def cases_of(session: Session, order: PayOrder) -> list[MoneyCase]:
    wanted = select(MoneyCase).where(
        MoneyCase.provider_id == order.provider_id,
        or_(MoneyCase.order_id == order.id, MoneyCase.out_trade_no.in_(numbers_of(session, order))),
    )
    return list(session.scalars(wanted.order_by(MoneyCase.id)))


def the_order(session: Session, order: PayOrder) -> Iterator[Line]:
    store = session.get_one(Store, (order.provider_id, order.store_id))
    branch = f" · {store.branch_name}" if store.branch_name else ""
    yield Line(
        order.created_at,
        "payer",
        f"order {order.out_trade_no} made at {store.name}{branch}, {wallet(order.channel)};"
        f" amount now {yuan(order.amount_fen)}",
    )


_ROADS: Final = {
    AttemptMethod.CODE: " by payment code",
    AttemptMethod.NATIVE: " by a code of its own",
    AttemptMethod.H5: " in a phone's browser",
    AttemptMethod.APP: " in the merchant's app",
    AttemptMethod.MINI: " in the merchant's mini program",
}


def attempts(session: Session, order: PayOrder) -> Iterator[Line]:
    for it in attempts_of(session, order):
        name = f"attempt {it.out_trade_no}"
        how = _ROADS.get(it.method, "")
        if it.method is AttemptMethod.DEPOSIT:
            how = f", out of the deposit {rooms.number_of(session, order)}"
        at = "from" if it.channel == "balance" else "at"
        asked = f"{name} for {yuan(it.amount_fen)} {at} {wallet(it.channel)}{how}"
        yield Line(it.created_at, "Yima", asked)
        if it.paid_at is not None:
            number = f"wallet's number {it.transaction_id}"
            if it.channel == "balance":
                number = _from_card(session, order)
            paid = f"{name} PAID {yuan(it.amount_fen)}, {number}"
            yield Line(it.paid_at, wallet(it.channel), paid)
        if it.closed_at is not None and it.status is AttemptStatus.REJECTED:
            yield Line(it.closed_at, wallet(it.channel), f"{name} refused: {it.raw_state}")
        elif it.closed_at is not None and it.status is AttemptStatus.CLOSED:
            yield Line(it.closed_at, "Yima", f"{name} closed, wallet said {it.raw_state or '-'}")


def _from_card(session: Session, order: PayOrder) -> str:
    found = spend_of(session, order)
    if found is None:
        return "and the ledger has no such payment"
    spend, number = found
    parts = f"{yuan(spend.bonus_fen)} of it bonus, {yuan(spend.paid_fen)} paid money"
    return f"card {number}: {parts}"


def notifications(session: Session, order: PayOrder) -> Iterator[Line]:
    wanted = select(UpstreamEvent).where(
        UpstreamEvent.provider_id == order.provider_id,
        UpstreamEvent.out_trade_no.in_(numbers_of(session, order)),
    )
    for event in session.scalars(wanted.order_by(UpstreamEvent.id)):
        what = "a refund" if event.kind == "refund" else "a payment"
        said = f"notification of {what} ({event.out_trade_no}), genuine, kept"
        yield Line(event.received_at, wallet(event.channel), said)


def refunds(session: Session, order: PayOrder) -> Iterator[Line]:
    paid_by = {it.id: it.channel for it in attempts_of(session, order)}
    for it in refunds_of(session, order):
        to_card = paid_by.get(it.attempt_id) == "balance"
        name = f"refund {it.out_refund_no}"
        because = f", reason: {it.reason}" if it.reason else ""
        allowed = "" if it.allowed_by == it.asked_by else f", allowed by {person(it.allowed_by)}"
        yield Line(
            it.created_at,
            person(it.asked_by),
            f"{name} of {yuan(it.amount_fen)} asked for{allowed}{because}",
        )
        if it.accepted_at is not None and not to_card:
            yield Line(it.accepted_at, "the wallet", f"{name} accepted: not yet back")
        if it.succeeded_at is not None:
            number = f", wallet's number {it.refund_id}" if it.refund_id else ""
            who = wallet("balance") if to_card else "the wallet"
            yield Line(it.succeeded_at, who, f"{name} DONE, {yuan(it.amount_fen)}{number}")
        if it.closed_at is not None and it.status in (RefundStatus.FAILED, RefundStatus.VOID):
            why = f"{it.upstream_code or '-'} {it.upstream_message or ''}".strip()
            yield Line(it.closed_at, "the wallet", f"{name} {it.status}: {why}")


def cases(session: Session, order: PayOrder) -> Iterator[Line]:
    for it in cases_of(session, order):
        name = f"CASE {it.id} {it.kind} ({it.out_trade_no})"
        yield Line(it.created_at, "Yima", f"{name} opened: {_plain(it.facts.get('first'))}")
        if it.closed_at is not None:
            how = "came right by itself" if it.healed else "closed by a person"
            yield Line(it.closed_at, "Yima" if it.healed else "a person", f"{name} {how}")


def _plain(facts: object) -> str:
    """Facts of a case or of the trail on one line: amounts, numbers, codes; nobody's identity."""
    if isinstance(facts, dict):
        return ", ".join(f"{name} {_plain(value)}" for name, value in facts.items())
    if isinstance(facts, list):
        return "; ".join(_plain(value) for value in facts)
    return "-" if facts is None else str(facts)


def bills(session: Session, order: PayOrder) -> Iterator[Line]:
    """Where a wallet's bill and our books differed about this order."""
    wanted = (
        select(BillCase, Bill.bill_on)
        .join(Bill, (Bill.provider_id == BillCase.provider_id) & (Bill.id == BillCase.bill_id))
        .where(
            BillCase.provider_id == order.provider_id,
            or_(BillCase.order_id == order.id, BillCase.number.in_(numbers_of(session, order))),
        )
        .order_by(BillCase.id)
    )
    for it, on in session.execute(wanted):
        name = f"difference {it.id} with the bill of {on} ({it.subject} {it.number})"
        yield Line(it.found_at, "Yima", f"{name}: {it.kind}")
        if it.healed_at is not None:
            yield Line(it.healed_at, person(it.healed_by or "worker"), f"{name} healed")
        if it.explained_at is not None:
            who = person(it.explained_by or "-")
            yield Line(it.explained_at, who, f"{name} explained: {it.reason}")


def trail(session: Session, order: PayOrder) -> Iterator[Line]:
    subjects = [f"order:{order.out_trade_no}"]
    subjects += [f"case:{case.id}" for case in cases_of(session, order)]
    wanted = select(AuditEntry).where(
        AuditEntry.provider_id == order.provider_id, AuditEntry.subject.in_(subjects)
    )
    for entry in session.scalars(wanted.order_by(AuditEntry.id)):
        if entry.action in _TOLD_ELSEWHERE:
            continue
        facts = {name: entry.facts[name] for name in _SHOWN if entry.facts.get(name)}
        more = f" ({_plain(facts)})" if facts else ""
        what = ACTIONS.get(entry.action, entry.action.replace("_", " "))
        yield Line(entry.created_at, person(entry.actor), what + more)


def callbacks(session: Session, order: PayOrder) -> Iterator[Line]:
    wanted = select(Callback).where(
        Callback.provider_id == order.provider_id, Callback.order_id == order.id
    )
    for it in session.scalars(wanted.order_by(Callback.id)):
        name = f"callback {it.event} {it.number}"
        yield Line(it.created_at, "Yima", f"{name} to the merchant's system written down")
        if it.delivered_at is not None:
            tries = f"{it.tries} tries" if it.tries != 1 else "1 try"
            yield Line(it.delivered_at, "the merchant's system", f"{name} taken, after {tries}")
        if it.dead_at is not None:
            yield Line(it.dead_at, "Yima", f"{name} given up: {it.last_code} {it.last_error or ''}")


_JOBS = text("""
SELECT j.task_name, e.type, e.at FROM procrastinate_jobs j
JOIN procrastinate_events e ON e.job_id = j.id
WHERE j.args @> jsonb_build_object('provider_id', CAST(:p AS bigint),
    'order_id', CAST(:o AS bigint)) ORDER BY e.id
""")


def jobs(session: Session, order: PayOrder) -> Iterator[Line]:
    """Done jobs are removed after a day."""
    for row in session.execute(_JOBS, {"p": order.provider_id, "o": order.id}):
        yield Line(row.at, "worker", f"job {row.task_name}: {row.type}")


# Wallets tell times to the second: what falls into one second is told in this order.
TELLERS: tuple[Teller, ...] = (
    the_order,
    attempts,
    notifications,
    refunds,
    cases,
    bills,
    trail,
    callbacks,
    jobs,
)
