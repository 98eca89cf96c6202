"""Everything about one order in the words of an operator at 2 a.m."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateways.money import yuan_from_fen
from models.event import AuditEntry, MoneyCase, UpstreamEvent
from models.order import PayAttempt, PayOrder
from services.callbacks import listing as callbacks
from services.deps import Deps
from services.orders import state_of
from services.refunds import listing


def tell(deps: Deps, number: str) -> list[str]:
    """Order, attempts, notifications, cases and audit entries, oldest first; [] if unknown."""

    def unit(session: Session) -> list[str]:
        order = _find(session, number)
        return [] if order is None else _lines(session, order)

    return deps.transact(unit)


def _find(session: Session, number: str) -> PayOrder | None:
    attempt = session.scalar(
        select(PayAttempt)
        .where(or_(PayAttempt.out_trade_no == number, PayAttempt.transaction_id == number))
        .limit(1)
    )
    if attempt is None:
        return session.scalar(select(PayOrder).where(PayOrder.out_trade_no == number).limit(1))
    return session.get_one(PayOrder, (attempt.provider_id, attempt.order_id))


def _lines(session: Session, order: PayOrder) -> list[str]:
    attempts = session.scalars(
        select(PayAttempt)
        .where(PayAttempt.provider_id == order.provider_id, PayAttempt.order_id == order.id)
        .order_by(PayAttempt.id)
    ).all()
    numbers = [order.out_trade_no, *(attempt.out_trade_no for attempt in attempts)]
    lines = [
        f"order {order.out_trade_no}  {state_of(order)}  ¥{yuan_from_fen(order.amount_fen)}"
        f"  {order.channel}  made {order.created_at:%F %T}Z  expires {order.expires_at:%F %T}Z"
    ]
    for attempt in attempts:
        due = f"{attempt.due_at:%F %T}Z" if attempt.due_at else "nothing left to ask"
        lines.append(
            f"  attempt {attempt.out_trade_no}  {attempt.status}  {attempt.channel}"
            f"  ¥{yuan_from_fen(attempt.amount_fen)}  wallet says {attempt.raw_state or '-'}"
            f"  asked {attempt.polls}x  next {due}  wallet number {attempt.transaction_id or '-'}"
        )
    for refund in listing.of_order(session, order):
        due = f"{refund.due_at:%F %T}Z" if refund.due_at else "nothing left to ask"
        lines.append(
            f"  refund {refund.out_refund_no}  {refund.status}  ¥{yuan_from_fen(refund.amount_fen)}"
            f"  asked by {refund.asked_by}, allowed by {refund.allowed_by}  next {due}"
            f"  wallet said {refund.upstream_code or '-'}"
        )
    for call in callbacks.of_order(session, order):
        due = f"{call.due_at:%F %T}Z" if call.due_at else "none"
        lines.append(
            f"  callback {call.id}  {call.event}  {call.status}  tried {call.tries}x  next {due}"
            f"  {call.last_code or '-'}"
        )
    for event in session.scalars(
        select(UpstreamEvent)
        .where(
            UpstreamEvent.provider_id == order.provider_id, UpstreamEvent.out_trade_no.in_(numbers)
        )
        .order_by(UpstreamEvent.id)
    ):
        lines.append(f"  notification {event.kind}  {event.received_at:%F %T}Z")
    for case in session.scalars(
        select(MoneyCase).where(
            MoneyCase.provider_id == order.provider_id, MoneyCase.out_trade_no.in_(numbers)
        )
    ):
        lines.append(f"  CASE {case.kind.value}  {case.created_at:%F %T}Z  {case.facts}")
    for entry in session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.provider_id == order.provider_id,
            AuditEntry.subject == f"order:{order.out_trade_no}",
        )
        .order_by(AuditEntry.id)
    ):
        lines.append(f"  {entry.created_at:%F %T}Z  {entry.actor}  {entry.action}{_said(entry)}")
    return lines


def _said(entry: AuditEntry) -> str:
    number = entry.facts.get("out_refund_no")
    return f"  {number}" if number else ""
