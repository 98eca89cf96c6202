"""Every payment and refund of one China day, one by one: the list that the day's sums are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import ways
from services.bills.days import ends, starts
from services.shop_figures.day_list import MOVED, OF_THE_ORDER


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """`fen` is negative for a refund. A card's payment moves nothing: its channel is `balance`."""

    at: datetime
    kind: str  # payment, refund
    merchant_number: str
    merchant: str
    store: str
    channel: str
    way: str  # of `ways.Way`
    out_trade_no: str
    number: str  # the refund's own, or the wallet's number of the payment
    fen: int


_DAY: Final = """
SELECT moved.at, moved.kind, m.out_sub_mch_id, m.name,
    s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END,
    o.channel, {way},
    o.out_trade_no, moved.number, moved.fen
FROM {moved}
JOIN pay_order o ON o.provider_id = :p AND o.id = moved.order_id
JOIN merchant m ON m.provider_id = :p AND m.id = o.merchant_id
JOIN store s ON s.provider_id = :p AND s.id = o.store_id
WHERE o.status = 'paid' AND {of_the_order}{merchant}
ORDER BY moved.at, moved.kind, moved.id
"""


def of_day(
    session: Session, provider_id: int, merchant_id: int | None, day: date
) -> Iterator[MoneyMoved]:
    """Oldest first. The second payment of an order and its way back are neither taken nor told."""
    merchant = "" if merchant_id is None else " AND o.merchant_id = :m"
    rows = session.execute(
        text(_DAY.format(moved=MOVED, way=ways.SQL, of_the_order=OF_THE_ORDER, merchant=merchant)),
        {"p": provider_id, "m": merchant_id, "since": starts(day), "until": ends(day)},
        execution_options={"yield_per": 1000},
    )
    for row in rows:
        yield MoneyMoved(*row)
