"""Orders as people see them: one word per state, for payers and for merchants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import CloseReason, OrderStatus, PayOrder
from models.provider import Provider
from models.session import WebSession
from services.deps import Deps

FINAL = frozenset({"paid", "late_paid", "part_refunded", "refunded", "closed", "failed", "void"})


def state_of(order: PayOrder) -> str:
    """The word of the one table of states, with `unknown` and `late_paid` shown apart."""
    if order.status is OrderStatus.PAID:
        if order.refunded_fen >= order.amount_fen:
            return "refunded"
        if order.refunded_fen:
            return "part_refunded"
        return "late_paid" if order.is_late else "paid"
    if order.status is OrderStatus.CLOSED:
        if order.close_reason is CloseReason.VOID:
            return "void"
        return "failed" if order.close_reason is CloseReason.REJECTED else "closed"
    if order.is_unknown or order.is_frozen:
        return "unknown"
    if order.reject_code:  # the wallet refused the last attempt; a further one clears this
        return "failed"
    return "created" if order.status is OrderStatus.CREATED else "pending"


def find_order(session: Session, out_mch_id: str, public_id: str) -> PayOrder:
    """By the random id of its URL, inside the provider that the URL names."""
    order = session.scalar(
        select(PayOrder).where(
            PayOrder.public_id == public_id,
            PayOrder.provider_id
            == select(Provider.id).where(Provider.out_mch_id == out_mch_id).scalar_subquery(),
        )
    )
    if order is None:
        raise NotFound(public_id)
    return order


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
    at: datetime
    remark: str


_LIST = """
SELECT o.id, s.name AS store_name, s.branch_name, COALESCE(c.name, '') AS place
FROM pay_order o
JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
LEFT JOIN pay_code c ON c.provider_id = o.provider_id AND c.id = o.pay_code_id
WHERE o.provider_id = :provider_id AND o.merchant_id = :merchant_id
  AND (CAST(:store_id AS bigint) IS NULL OR o.store_id = :store_id)
  AND (CAST(:before AS bigint) IS NULL OR o.id < :before)
ORDER BY o.id DESC LIMIT :most
"""


def list_orders(
    session: Session,
    *,
    provider_id: int,
    merchant_id: int,
    store_id: int | None,
    before: int | None,
    most: int = 20,
) -> list[OrderRow]:
    """The merchant's newest orders, by keyset: `before` is the last id of the page above."""
    places: dict[int, Row[Any]] = {
        row.id: row
        for row in session.execute(
            text(_LIST),
            {
                "provider_id": provider_id,
                "merchant_id": merchant_id,
                "store_id": store_id,
                "before": before,
                "most": most,
            },
        )
    }
    orders = session.scalars(
        select(PayOrder)
        .where(PayOrder.provider_id == provider_id, PayOrder.id.in_(places))
        .order_by(PayOrder.id.desc())
    )
    return [_row(order, places[order.id]) for order in orders]


def _row(order: PayOrder, place: Row[Any]) -> OrderRow:
    shop = place.store_name + (f" · {place.branch_name}" if place.branch_name else "")
    return OrderRow(
        id=order.id,
        out_trade_no=order.out_trade_no,
        channel=order.channel,
        amount_fen=order.amount_fen,
        refunded_fen=order.refunded_fen,
        state=state_of(order),
        shop=shop,
        place=place.place,
        at=order.paid_at or order.created_at,
        remark=order.remark,
    )


def day_totals(
    session: Session, provider_id: int, merchant_id: int, store_id: int | None, days: list[str]
) -> dict[str, tuple[int, int]]:
    """Paid orders and net takings (fen) per China day, for the days on the page."""
    if not days:
        return {}
    rows = session.execute(
        text(
            "SELECT to_char(paid_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD') AS day,"
            " count(*) AS n, sum(amount_fen - refunded_fen) AS net FROM pay_order"
            " WHERE provider_id = :p AND merchant_id = :m AND status = 'paid'"
            " AND (CAST(:store AS bigint) IS NULL OR store_id = :store)"
            " AND paid_at >= CAST(:first AS date) AT TIME ZONE 'Asia/Shanghai'"
            " AND paid_at < (CAST(:last AS date) + 1) AT TIME ZONE 'Asia/Shanghai' GROUP BY 1"
        ),
        {
            "p": provider_id,
            "m": merchant_id,
            "store": store_id,
            "first": min(days),
            "last": max(days),
        },
    )
    return {row.day: (int(row.n), int(row.net)) for row in rows}


@dataclass(frozen=True, slots=True)
class Stuck:
    """An attempt or a refund that nobody will look at."""

    number: str
    status: str
    due_at: datetime | None
    polls: int


_STUCK = text("""
SELECT out_trade_no AS number, status, due_at, polls FROM pay_attempt
WHERE (status IN ('created', 'payable', 'closing') AND due_at IS NULL) OR due_at < :limit
UNION ALL
SELECT out_refund_no, status, due_at, polls FROM refund
WHERE (status IN ('created', 'processing', 'unknown') AND due_at IS NULL) OR due_at < :limit
ORDER BY number
""")


def stuck(deps: Deps) -> list[Stuck]:
    """What is not final and nobody will look at: no due time, or 60 s past it."""
    limit = deps.now() - timedelta(seconds=60)
    return deps.transact(
        lambda s: [
            Stuck(r.number, r.status, r.due_at, r.polls)
            for r in s.execute(_STUCK, {"limit": limit})
        ]
    )


def staff_session(session: Session, id_hash: str, now: datetime) -> WebSession | None:
    """A merchant person's live session."""
    return session.scalar(
        select(WebSession).where(
            WebSession.id_hash == id_hash,
            WebSession.kind == "staff",
            WebSession.revoked_at.is_(None),
            WebSession.expires_at > now,
        )
    )
