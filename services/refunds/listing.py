"""Refunds to look at: lines for lists, pages and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import PayAttempt, PayOrder
from models.refund import OPEN_REFUNDS, Refund, RefundStatus
from services.deps import Deps
from services.refunds.words import word

FOR_A_PERSON = (RefundStatus.WAITING, RefundStatus.ABNORMAL)


@dataclass(frozen=True, slots=True)
class Line:
    """One refund with its order's number."""

    out_refund_no: str
    out_trade_no: str
    status: RefundStatus
    amount_fen: int
    reason: str
    asked_by: str
    allowed_by: str
    upstream_code: str | None
    upstream_message: str | None
    due_at: datetime | None
    created_at: datetime
    succeeded_at: datetime | None
    closed_at: datetime | None

    @property
    def words(self) -> str:
        return word(self.status)

    @property
    def needs_person(self) -> bool:
        return self.status in FOR_A_PERSON


@dataclass(frozen=True, slots=True)
class Payment:
    """An order, and the wallet's number where a person named that."""

    provider_id: int
    out_trade_no: str
    transaction_id: str | None


def _wanted() -> Select[Any, Any]:
    return select(Refund, PayOrder.out_trade_no).join(
        PayOrder,
        (PayOrder.provider_id == Refund.provider_id) & (PayOrder.id == Refund.order_id),
    )


def _line(refund: Refund, out_trade_no: str) -> Line:
    own = {name: getattr(refund, name) for name in Line.__slots__ if name != "out_trade_no"}
    return Line(out_trade_no=out_trade_no, **own)


def of_order(session: Session, order: PayOrder) -> list[Line]:
    """An order's refunds, oldest first."""
    wanted = (
        _wanted()
        .where(Refund.provider_id == order.provider_id, Refund.order_id == order.id)
        .order_by(Refund.id)
    )
    return [_line(refund, number) for refund, number in session.execute(wanted)]


def newest(deps: Deps, *, everything: bool, most: int = 200) -> list[Line]:
    """Refunds that are not final (or all), newest first."""
    wanted = _wanted().order_by(Refund.id.desc()).limit(most)
    if not everything:
        wanted = wanted.where(Refund.status.in_((*OPEN_REFUNDS, *FOR_A_PERSON)))
    return deps.transact(lambda s: [_line(*row) for row in s.execute(wanted)])


def read(deps: Deps, provider_id: int, refund_id: int) -> Line:
    """One refund by its key. Raises NotFound."""
    return _one(deps, _wanted().where(Refund.provider_id == provider_id, Refund.id == refund_id))


def by_number(deps: Deps, out_refund_no: str) -> Line:
    """One refund by its number. Raises NotFound."""
    return _one(deps, _wanted().where(Refund.out_refund_no == out_refund_no))


def _one(deps: Deps, wanted: Select[Any, Any]) -> Line:
    row = deps.transact(lambda s: s.execute(wanted.limit(1)).first())
    if row is None:
        raise NotFound("no such refund")
    return _line(*row)


def find_payment(deps: Deps, number: str) -> Payment:
    """The payment that a person means by an order's number or the wallet's. Raises NotFound.

    The wallet's number tells a second payment of an order from the one that counts.
    """
    by_order = select(PayOrder.provider_id).where(PayOrder.out_trade_no == number).limit(1)
    by_wallet = (
        select(PayOrder.provider_id, PayOrder.out_trade_no)
        .join(
            PayAttempt,
            (PayAttempt.provider_id == PayOrder.provider_id) & (PayAttempt.order_id == PayOrder.id),
        )
        .where(PayAttempt.transaction_id == number)
        .limit(1)
    )

    def unit(session: Session) -> Payment | None:
        provider_id = session.scalar(by_order)
        if provider_id is not None:
            return Payment(provider_id, number, None)
        row = session.execute(by_wallet).first()
        return None if row is None else Payment(row.provider_id, row.out_trade_no, number)

    found = deps.transact(unit)
    if found is None:
        raise NotFound(f"no order has the number {number}")
    return found
