"""Where in the ledger a day begins, found without an index by day: entries are in order of time.

Each card's entries never go back in time along their ids; those of different cards may, by as much
as hosts' clocks and transactions differ. A margin of a whole day covers that.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

MARGIN = timedelta(days=1)

_NEXT = text("""
SELECT id, day_on FROM ledger_entry WHERE provider_id = :p AND id >= :at ORDER BY id LIMIT 1
""")
_ENDS = text("""
SELECT COALESCE(min(id), 0) AS first, COALESCE(max(id), 0) AS last FROM ledger_entry
WHERE provider_id = :p
""")


def first_id(session: Session, provider_id: int, on: date) -> int:
    """An id below which no entry is of `on` or later, and close to it."""
    return _boundary(session, provider_id, on - MARGIN)


def last_id(session: Session, provider_id: int, on: date) -> int:
    """An id above which no entry is of `on` or earlier, and close to it."""
    return _boundary(session, provider_id, on + MARGIN + timedelta(days=1))


def _boundary(session: Session, provider_id: int, on: date) -> int:
    """About the first entry of `on` or later, by halving; past the last one if there is none."""
    ends = session.execute(_ENDS, {"p": provider_id}).one()
    low, high = int(ends.first), int(ends.last) + 1
    while low < high:
        middle = (low + high) // 2
        row = session.execute(_NEXT, {"p": provider_id, "at": middle}).one()
        if row.day_on < on:
            low = int(row.id) + 1
        else:
            high = middle
    return low
