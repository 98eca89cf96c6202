"""What cards took in and paid out at each store of a merchant, over a span of China days.

Read from the day totals, so that a year costs no more than its days; what the totals have not been
told yet is added in the same statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """Sums are fen. Recharges are what members paid, without the bonus; `spent` is what cards paid
    for, bonus included. Refunds of either count on the day that they succeeded."""

    store_id: int
    out_shop_id: str
    store: str
    recharges: int
    recharged_fen: int
    recharge_back_fen: int
    payments: int
    spent_fen: int
    spent_back_fen: int


_FIGURES = """
SELECT s.id, s.out_shop_id, s.name, s.branch_name,
    COALESCE(sum(t.paid_count) FILTER (WHERE t.channel LIKE 'recharge:%'), 0),
    COALESCE(sum(t.paid_fen) FILTER (WHERE t.channel LIKE 'recharge:%'), 0),
    COALESCE(sum(t.refund_fen) FILTER (WHERE t.channel LIKE 'recharge:%'), 0),
    COALESCE(sum(t.paid_count) FILTER (WHERE t.channel = 'balance'), 0),
    COALESCE(sum(t.paid_fen) FILTER (WHERE t.channel = 'balance'), 0),
    COALESCE(sum(t.refund_fen) FILTER (WHERE t.channel = 'balance'), 0)
FROM store s LEFT JOIN (
    SELECT store_id, channel, paid_count, paid_fen, refund_fen FROM day_total
    WHERE provider_id = :p AND merchant_id = :m AND day_on BETWEEN :since AND :until
    UNION ALL
    SELECT store_id, channel, paid_count, paid_fen, refund_fen FROM day_delta
    WHERE provider_id = :p AND merchant_id = :m AND day_on BETWEEN :since AND :until
) t ON t.store_id = s.id
WHERE s.provider_id = :p AND s.merchant_id = :m{store}
GROUP BY s.id, s.out_shop_id, s.name, s.branch_name ORDER BY s.id
"""


def by_store(
    session: Session,
    provider_id: int,
    merchant_id: int,
    since: date,
    until: date,
    *,
    store_id: int | None = None,
) -> list[StoreFigures]:
    """Each store's figures from `since` to `until`, both included; of one store or all."""
    only = "" if store_id is None else " AND s.id = :store"
    rows = session.execute(
        text(_FIGURES.format(store=only)),
        {"p": provider_id, "m": merchant_id, "since": since, "until": until, "store": store_id},
    )
    return [
        StoreFigures(row[0], row[1], row[3] or row[2], *(int(part) for part in row[4:]))
        for row in rows
    ]
