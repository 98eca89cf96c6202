"""A provider's orders by any number that somebody may hold; never another provider's.

Every comparison is one of an index, however many orders there are.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import PayOrder
from services import ways
from services.orders import state_of
from services.ways import Way

MOST: Final = 20
NUMBER: Final = re.compile(r"[0-9A-Za-z_|*@-]{4,64}")


@dataclass(frozen=True, slots=True)
class Found:
    """An order with whose it is, and which of its numbers was asked for."""

    order_id: int
    out_trade_no: str
    by: str  # order, attempt, wallet, refund, wallet_refund, callback, link
    merchant: str
    store: str
    channel: str
    way: Way
    amount_fen: int
    refunded_fen: int
    state: str
    at: datetime


# A number is compared with one column after the other, each with an index of its own.
_WAYS: Final = (
    ("order", "SELECT id FROM pay_order WHERE provider_id = :p AND out_trade_no = :n"),
    ("attempt", "SELECT order_id FROM pay_attempt WHERE provider_id = :p AND out_trade_no = :n"),
    (
        "wallet",
        "SELECT order_id FROM pay_attempt WHERE provider_id = :p"
        " AND channel IN ('wechat', 'alipay') AND transaction_id = :n",
    ),
    ("refund", "SELECT order_id FROM refund WHERE provider_id = :p AND out_refund_no = :n"),
    ("wallet_refund", "SELECT order_id FROM refund WHERE provider_id = :p AND refund_id = :n"),
    ("link", "SELECT id FROM pay_order WHERE public_id = :n AND provider_id = :p"),
)
_SEARCH: Final = text(" UNION ALL ".join(f"(SELECT '{by}' AS by, f.* FROM ({sql} LIMIT {MOST}) f)"
                                         for by, sql in _WAYS))  # fmt: skip


def clean(typed: str) -> str | None:
    """What was typed or pasted: spaces and full-width forms are forgiven, of a link its last part.

    None when it can be no number of ours or of a wallet's.
    """
    bare = "".join(unicodedata.normalize("NFKC", typed).split()).split("?")[0].rstrip("/")
    number = bare.rsplit("/", 1)[-1]
    return number if NUMBER.fullmatch(number) else None


def find(session: Session, provider_id: int, number: str) -> list[Found]:
    """Orders of this provider that have the number, the newest first."""
    how: dict[int, str] = {}
    for row in session.execute(_SEARCH, {"p": provider_id, "n": number}):
        how.setdefault(int(row[1]), row.by)
    if not how:
        return []
    rows = session.execute(_PLACES, {"p": provider_id, "ids": sorted(how)}).all()
    orders = {row.id: session.get_one(PayOrder, (provider_id, row.id)) for row in rows}
    return [_found(orders[row.id], how[row.id], row) for row in rows]


_PLACES: Final = text(f"""
SELECT o.id, m.name AS merchant, {ways.SQL} AS way,
    s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END AS store
FROM pay_order o
JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id
JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
WHERE o.provider_id = :p AND o.id = ANY(:ids) ORDER BY o.id DESC
""")


def _found(order: PayOrder, by: str, row: Any) -> Found:
    """`row` of `_PLACES`."""
    return Found(
        order.id, order.out_trade_no, by, row.merchant, row.store, order.channel, Way(row.way),
        order.amount_fen, order.refunded_fen, state_of(order), order.paid_at or order.created_at,
    )  # fmt: skip


def named(session: Session, provider_id: int, out_trade_no: str) -> Found:
    """By the order's own number. Raises NotFound, also for another provider's."""
    key = session.scalar(
        text("SELECT id FROM pay_order WHERE provider_id = :p AND out_trade_no = :n"),
        {"p": provider_id, "n": out_trade_no},
    )
    if key is None:
        raise NotFound(out_trade_no)
    row = session.execute(_PLACES, {"p": provider_id, "ids": [key]}).one()
    order = session.get_one(PayOrder, (provider_id, key))
    return _found(order, "order", row)
