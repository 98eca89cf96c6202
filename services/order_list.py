"""A merchant's orders, newest first, and one of them by any number that somebody may hold.

Every question here is answered by an index, however many orders there are: pages go by key, and a
number's last digits are compared with the newest orders only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    TextClause,
    any_,
    func,
    literal,
    literal_column,
    select,
    text,
    union,
)
from sqlalchemy.orm import Session

from gateways.money import fen_from_yuan
from models.merchant import Store
from models.order import PayAttempt, PayOrder
from models.paycode import PayCode
from models.refund import Refund
from services import ways
from services.orders import state_of
from services.ways import Way

PAGE = 20
LAST_DIGITS = range(4, 9)  # so many characters may be the end of a number
AMONG_NEWEST = 200
WALLETS = ("wechat", "alipay")  # whose own numbers may be asked for
Rows = Select[Any, Any, Any, Any, Any]
_WAY = ways.SQL.replace(" o.", " pay_order.")


class Kind(StrEnum):
    """What a list can be narrowed to."""

    PAID = "paid"
    REFUNDED = "refunded"  # some or all of it went back
    OPEN = "open"  # not final: a payer may be paying it


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose orders: one merchant's, of one store or of all, of everybody's codes or one's own."""

    provider_id: int
    merchant_id: int
    store_id: int | None = None
    staff_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A line of the merchant's list."""

    id: int
    out_trade_no: str
    channel: str
    amount_fen: int
    refunded_fen: int
    state: str
    shop: str
    place: str
    way: Way
    at: datetime
    remark: str = field(repr=False)


def list_orders(
    session: Session,
    scope: Scope,
    *,
    kind: Kind | None = None,
    before: int | None = None,
    most: int = PAGE,
) -> list[OrderRow]:
    """The newest orders, by keyset: `before` is the last id of the page above."""
    return _read(session, listed(scope, kind, before, most))


def listed(scope: Scope, kind: Kind | None, before: int | None, most: int) -> Rows:
    """The statement of a page."""
    wanted = _rows(scope).where(*_narrowed(kind)).order_by(PayOrder.id.desc())
    if before is not None:
        wanted = wanted.where(PayOrder.id < before)
    # A number in the statement: behind a parameter the planner expects a tenth of all orders.
    return wanted.limit(literal_column(str(int(most))))


def find_by_number(session: Session, scope: Scope, typed: str) -> list[OrderRow]:
    """Orders that have this number, newest first; [] when the merchant has none such.

    The order's own, an attempt's, the wallet's transaction, a refund's, or the wallet's refund; and
    the last 4 to 8 characters of an order's, among the merchant's newest 200.
    """
    number = clean(typed)
    return [] if number is None else _read(session, numbered(scope, number))


def find_by_amount(session: Session, scope: Scope, typed: str) -> list[OrderRow]:
    """The merchant's newest 200 orders of this sum, newest first: what a customer says he paid.

    [] unless it is typed as a sum of money, with a point or a sign of it: `38.50`, `¥38`, `38 元`.
    """
    fen = amount(typed)
    return [] if fen is None else _read(session, of_amount(scope, fen))


def amount(typed: str) -> int | None:
    """Fen, of what is written as money; digits alone are a number's end."""
    bare = "".join(unicodedata.normalize("NFKC", typed).split()).replace(",", "")
    figure = bare.lstrip("¥").removesuffix("元")
    try:
        return fen_from_yuan(figure) if figure != bare or "." in bare else None
    except ValueError:
        return None


def of_amount(scope: Scope, fen: int) -> Rows:
    """The statement of a search by amount."""
    newest = (
        select(PayOrder.id, PayOrder.amount_fen)
        .where(*_of(scope))
        .order_by(PayOrder.id.desc())
        .limit(literal_column(str(AMONG_NEWEST)))
        .subquery()
    )
    wanted = _rows(scope).where(
        PayOrder.id.in_(select(newest.c.id).where(newest.c.amount_fen == fen))
    )
    return wanted.order_by(PayOrder.id.desc()).limit(literal_column(str(PAGE)))


def numbered(scope: Scope, number: str) -> Rows:
    """The statement of a search."""
    provider_id = scope.provider_id
    ids = [
        select(PayOrder.id).where(
            PayOrder.provider_id == provider_id, PayOrder.out_trade_no == number
        ),
        *(
            select(PayAttempt.order_id).where(PayAttempt.provider_id == provider_id, *one)
            for one in (
                [PayAttempt.out_trade_no == number],
                [PayAttempt.channel.in_(WALLETS), PayAttempt.transaction_id == number],
            )
        ),
        *(
            select(Refund.order_id).where(Refund.provider_id == provider_id, one)
            for one in (Refund.out_refund_no == number, Refund.refund_id == number)
        ),
    ]
    if len(number) in LAST_DIGITS:
        ids.append(_ending_in(scope, number))
    found = union(*ids).subquery()
    # As an array the ids come first, and then a key is looked up for each of them.
    wanted = _rows(scope).where(
        PayOrder.id == any_(func.array(select(found.c[0]).scalar_subquery()))
    )
    return wanted.order_by(PayOrder.id.desc()).limit(literal_column(str(PAGE)))


def clean(typed: str) -> str | None:
    """A number as somebody typed or pasted it: spaces and full-width forms are forgiven.

    None when it can be no number of ours or of a wallet's.
    """
    number = "".join(unicodedata.normalize("NFKC", typed).split())
    return number if re.fullmatch(r"[0-9A-Za-z_|*@-]{4,64}", number) else None


def _ending_in(scope: Scope, end: str) -> Select[Any]:
    newest = (
        select(PayOrder.id, PayOrder.out_trade_no)
        .where(*_of(scope))
        .order_by(PayOrder.id.desc())
        .limit(literal_column(str(AMONG_NEWEST)))
        .subquery()
    )
    return select(newest.c.id).where(
        func.right(newest.c.out_trade_no, len(end)) == literal(end, Text)
    )


def _of(scope: Scope) -> list[ColumnElement[bool]]:
    mine = [
        PayOrder.provider_id == scope.provider_id,
        PayOrder.merchant_id == _whoever(scope.merchant_id),
    ]
    if scope.store_id is not None:
        mine.append(PayOrder.store_id == _whoever(scope.store_id))
    if scope.staff_id is not None:
        mine.append(PayOrder.staff_id == _whoever(scope.staff_id))
    return mine


def _whoever(key: int) -> ScalarSelect[int]:
    """A key that the planner does not know when it plans.

    Knowing that one merchant has half of all orders, it walks the primary key until it has seen
    twenty of his: millions of rows, once he has stopped trading.
    """
    return select(literal(key, BigInteger)).scalar_subquery()


def _narrowed(kind: Kind | None) -> list[ColumnElement[bool] | TextClause]:
    """In the words of the partial indexes: as parameters the planner could not match them."""
    if kind is Kind.PAID:
        return [text("pay_order.status = 'paid'")]
    if kind is Kind.REFUNDED:
        return [PayOrder.refunded_fen > literal_column("0")]
    if kind is Kind.OPEN:
        return [text("pay_order.status IN ('created', 'paying')")]
    return []


def _rows(scope: Scope) -> Rows:
    """Orders with the names of their places, looked up by key for each line that is shown.

    Not as joins: with poor statistics the planner reads every store and code to join them.
    """
    at_store = (Store.provider_id == PayOrder.provider_id) & (Store.id == PayOrder.store_id)
    at_code = (PayCode.provider_id == PayOrder.provider_id) & (PayCode.id == PayOrder.pay_code_id)
    return select(
        PayOrder,
        select(Store.name).where(at_store).scalar_subquery(),
        select(Store.branch_name).where(at_store).scalar_subquery(),
        select(PayCode.name).where(at_code).scalar_subquery(),
        literal_column(_WAY),
    ).where(*_of(scope))


def _read(session: Session, wanted: Rows) -> list[OrderRow]:
    return [_row(*row) for row in session.execute(wanted)]


def _row(order: PayOrder, store: str, branch: str, place: str | None, way: str) -> OrderRow:
    return OrderRow(
        id=order.id,
        out_trade_no=order.out_trade_no,
        channel=order.channel,
        amount_fen=order.amount_fen,
        refunded_fen=order.refunded_fen,
        state=state_of(order),
        shop=store + (f" · {branch}" if branch else ""),
        place=place or "",
        way=Way(way),
        at=order.paid_at or order.created_at,
        remark=order.remark,
    )
