"""A day's takings by the hour, and how far another day had come by the same time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.bills.days import starts
from services.order_list import Scope
from services.shop_figures.parts import named, narrow, order_span

HOURS: Final = 24

# What a card pays is no takings: it was taken when the card was recharged.
_HOURS = """
SELECT CAST(extract(hour FROM o.paid_at AT TIME ZONE 'Asia/Shanghai') AS int), sum(o.amount_fen)
FROM pay_order o
WHERE o.provider_id = :p AND o.merchant_id = :m AND o.id BETWEEN :low AND :high
    AND o.status = 'paid' AND o.channel <> 'balance'
    AND o.paid_at >= :since AND o.paid_at < :until{narrow}
GROUP BY 1
"""


def by_hour(session: Session, scope: Scope, day: date, until: datetime) -> list[int]:
    """Fen of each hour of this China day, of what was paid before `until`."""
    low, high = order_span(session, scope, day, day)
    rows = session.execute(
        text(_HOURS.format(narrow=narrow(scope))),
        {**named(scope), "low": low, "high": high, "since": starts(day), "until": until},
    )
    found = [0] * HOURS
    for hour, fen in rows:
        found[hour] = int(fen)
    return found
