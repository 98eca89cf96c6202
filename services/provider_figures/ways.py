"""Takings of a span of days by the way that they came, all told in one statement.

What came over the API and out of deposits has rows of its own (`way_total`); payment codes and
recharges are told by the day totals, and the payer's own page is what is left.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.provider_figures.cells import CARD, FIGURES, Sums
from services.totals import RECHARGE
from services.ways import COUNTED, Way

_CELLS: Final = f"""
SELECT channel, {", ".join(FIGURES)} FROM {{table}}
WHERE provider_id = :p AND day_on BETWEEN :first AND :last AND channel <> '{CARD}'{{merchant}}
"""
_WAYS: Final = f"""
SELECT way, paid_count, paid_fen, refund_count, refund_fen FROM {{table}}
WHERE provider_id = :p AND day_on BETWEEN :first AND :last AND channel <> '{CARD}'{{more}}
"""
_ALL: Final = f"""
SELECT CASE WHEN channel LIKE '{RECHARGE}%' THEN 'recharge' ELSE '' END AS way,
    {", ".join(f"sum({one})" for one in FIGURES)}
FROM ({{kept}} UNION ALL {{waiting}}) both_parts GROUP BY 1
UNION ALL
SELECT way, sum(paid_count), sum(paid_fen), sum(refund_count), sum(refund_fen), 0, 0, 0, 0
FROM ({{kept_ways}} UNION ALL {{waiting_ways}}) both_ways GROUP BY way
"""


def read(
    session: Session, provider_id: int, merchant_id: int | None, first: date, last: date
) -> dict[Way, Sums]:
    """Of these China days, both included; they add up to all takings. Every way is in it."""
    own = "" if merchant_id is None else " AND merchant_id = :m"
    asked = _ALL.format(
        kept=_CELLS.format(
            table="provider_hour" if merchant_id is None else "day_total", merchant=own
        ),
        waiting=_CELLS.format(table="day_delta", merchant=own),
        kept_ways=_WAYS.format(table="way_total", more=" AND merchant_id = :whose"),
        waiting_ways=_WAYS.format(table="day_delta", more=f" AND way <> ''{own}"),
    )
    values = {
        "p": provider_id, "m": merchant_id, "whose": merchant_id or 0, "first": first, "last": last,
    }  # fmt: skip
    found, by_code, rest = dict.fromkeys(Way, Sums()), Sums(), Sums()
    for way, *figures in session.execute(text(asked), values):
        sums = Sums(*map(int, figures[:4]))
        if way:
            found[Way(way)] += sums
        else:
            rest, by_code = sums, Sums(*map(int, figures[4:]))
    found[Way.CODE] = by_code - found[Way.API_CODE]
    apart = sum((found[way] for way in COUNTED - {Way.API_CODE}), by_code)
    found[Way.PAGE] = rest - apart
    return found
