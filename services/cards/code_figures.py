"""What cards took in and paid out by store, pay code and its payee, over a span of China days.

The day totals know no codes: this is read from the merchant's orders, and reads as many as it had
since the span began. Refunds count with the order that they are of, not on their own day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.bills.days import ends, starts

LATEST = timedelta(days=7)  # between an order and its payment; later ones are very few


@dataclass(frozen=True, slots=True)
class CodeFigures:
    """Sums are fen. `code` is empty for what came by none: a bar code at a till, or the card's own
    page; `payee` for a code that is nobody's."""

    out_shop_id: str
    store: str
    code: str
    name: str
    payee: str
    recharges: int
    recharged_fen: int
    recharge_back_fen: int
    payments: int
    spent_fen: int
    spent_back_fen: int


_FIGURES = """
SELECT s.id, s.out_shop_id, COALESCE(NULLIF(s.branch_name, ''), s.name), COALESCE(c.code, ''),
    COALESCE(c.name, ''), COALESCE(w.name, ''),
    count(*) FILTER (WHERE o.purpose = 'recharge'),
    COALESCE(sum(o.amount_fen) FILTER (WHERE o.purpose = 'recharge'), 0),
    COALESCE(sum(o.refunded_fen) FILTER (WHERE o.purpose = 'recharge'), 0),
    count(*) FILTER (WHERE o.channel = 'balance'),
    COALESCE(sum(o.amount_fen) FILTER (WHERE o.channel = 'balance'), 0),
    COALESCE(sum(o.refunded_fen) FILTER (WHERE o.channel = 'balance'), 0)
FROM pay_order o
JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
LEFT JOIN pay_code c ON c.provider_id = o.provider_id AND c.id = o.pay_code_id
LEFT JOIN staff w ON w.provider_id = c.provider_id AND w.id = c.staff_id
WHERE o.provider_id = :p AND o.merchant_id = :m{store}
    AND o.id > COALESCE((
        SELECT b.id FROM pay_order b WHERE b.provider_id = :p AND b.merchant_id = :m
            AND b.created_at < :before ORDER BY b.id DESC LIMIT 1), 0)
    AND o.paid_at >= :since AND o.paid_at < :until
    AND (o.purpose = 'recharge' OR o.channel = 'balance')
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY s.id, COALESCE(c.code, '')
"""


def by_code(
    session: Session,
    provider_id: int,
    merchant_id: int,
    since: date,
    until: date,
    *,
    store_id: int | None = None,
) -> list[CodeFigures]:
    """From `since` to `until`, both included; of one store or all. No row without any."""
    only = "" if store_id is None else " AND o.store_id = :store"
    first = starts(since)
    rows = session.execute(
        text(_FIGURES.format(store=only)),
        {
            "p": provider_id, "m": merchant_id, "store": store_id, "before": first - LATEST,
            "since": first, "until": ends(until),
        },
    )  # fmt: skip
    return [CodeFigures(*row[1:6], *(int(part) for part in row[6:])) for row in rows]
