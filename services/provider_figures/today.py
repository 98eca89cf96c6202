"""How today goes: takings so far and those of a week ago, payments that succeed, what is open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.bills.days import starts
from services.provider_figures import cells
from services.provider_figures.cells import Cell, Sums
from services.totals import china_day, china_hour

DAYS: Final = 14
WEEK: Final = timedelta(days=7)
NEWEST: Final = 3000  # orders that the rate of success looks at, at most


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a wallet refused one merchant of late, and in which words."""

    merchant_id: int
    channel: str
    code: str
    message: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Recent:
    """The orders of the last hour whose outcome is known; `is_part`: only the newest of them."""

    decided: int
    succeeded: int
    is_part: bool
    refusals: tuple[Refusals, ...]

    @property
    def share(self) -> float | None:
        """Percent, rounded down: 99.97 is not 100."""
        return self.succeeded * 1000 // self.decided / 10 if self.decided else None


@dataclass(frozen=True, slots=True)
class Today:
    """`week_ago_fen`: what had come by this time of the day a week ago."""

    at: datetime
    day: date
    sums: Sums
    card: Sums
    week_ago_fen: int
    days: list[Cell]  # of the last two weeks, today included
    recent: Recent
    unknown: int
    oldest_unknown_at: datetime | None
    active: int
    merchants: int
    new_merchants: int

    @property
    def change(self) -> float | None:
        """Percent against a week ago; None where there is nothing to compare with."""
        if not self.week_ago_fen:
            return None
        return round(100 * (self.sums.paid_fen - self.week_ago_fen) / self.week_ago_fen, 1)


def read(session: Session, provider_id: int, now: datetime) -> Today:
    day = china_day(now)
    found = cells.read(session, provider_id, None, day - timedelta(days=DAYS - 1), day)
    mine = [cell for cell in found if cell.day_on == day]
    unknown, oldest = _unknown(session, provider_id)
    merchants, new = _merchants(session, provider_id, starts(day))
    return Today(
        at=now,
        day=day,
        sums=cells.total(cell for cell in mine if cell.is_taken),
        card=cells.total(cell for cell in mine if not cell.is_taken),
        week_ago_fen=by_this_time(session, provider_id, now - WEEK),
        days=found,
        recent=recent(session, provider_id, now - timedelta(hours=1)),
        unknown=unknown,
        oldest_unknown_at=oldest,
        active=_active(session, provider_id, day),
        merchants=merchants,
        new_merchants=new,
    )


_EARLIER: Final = text("""
SELECT COALESCE(sum(paid_fen), 0) FROM (
    SELECT paid_fen FROM provider_hour WHERE provider_id = :p AND day_on = :day AND hour < :hour
        AND channel <> 'balance'
    UNION ALL
    SELECT paid_fen FROM day_delta WHERE provider_id = :p AND day_on = :day AND hour < :hour
        AND channel <> 'balance'
) both_parts
""")
_THIS_HOUR: Final = text("""
SELECT COALESCE(sum(a.amount_fen), 0) FROM pay_attempt a
WHERE a.provider_id = :p AND a.paid_at >= :since AND a.paid_at < :until AND a.status = 'paid'
    AND a.channel <> 'balance'
""")


def by_this_time(session: Session, provider_id: int, at: datetime) -> int:
    """Fen that had come on the China day of `at` before it.

    Whole hours are added up already; the broken one is read from the payments themselves.
    """
    day, hour = china_day(at), china_hour(at)
    whole = session.scalar(_EARLIER, {"p": provider_id, "day": day, "hour": hour})
    since = starts(day) + timedelta(hours=hour)
    part = session.scalar(_THIS_HOUR, {"p": provider_id, "since": since, "until": at})
    return int(whole or 0) + int(part or 0)


_RECENT: Final = text("""
SELECT status, close_reason, merchant_id, channel, COALESCE(reject_code, '') AS code,
    COALESCE(reject_message, '') AS message, created_at
FROM (
    SELECT status, close_reason, merchant_id, channel, reject_code, reject_message, created_at
    FROM pay_order WHERE provider_id = :p ORDER BY id DESC LIMIT :most
) newest WHERE created_at >= :since
""")


def recent(session: Session, provider_id: int, since: datetime, most: int = NEWEST) -> Recent:
    """Whoever gave up counts among those that did not succeed: nobody can tell him apart."""
    rows = session.execute(_RECENT, {"p": provider_id, "since": since, "most": most}).all()
    paid = sum(row.status == "paid" for row in rows)
    closed = sum(row.status == "closed" for row in rows)
    counts: Counter[tuple[int, str, str]] = Counter()
    last: dict[tuple[int, str, str], tuple[str, datetime]] = {}
    for row in rows:  # the newest first
        if row.code and row.status != "paid":
            key = (row.merchant_id, row.channel, row.code)
            counts[key] += 1
            last.setdefault(key, (row.message, row.created_at))
    refusals = (
        Refusals(*key, last[key][0], count, last[key][1]) for key, count in counts.most_common()
    )
    return Recent(paid + closed, paid, len(rows) == most, tuple(refusals))


_UNKNOWN: Final = text("""
SELECT count(*), min(created_at) FROM pay_order
WHERE provider_id = :p AND status IN ('created', 'paying') AND (is_unknown OR is_frozen)
""")
_MERCHANTS: Final = text("""
SELECT count(*), count(*) FILTER (WHERE created_at >= :since) FROM merchant
WHERE provider_id = :p AND is_active
""")
_ACTIVE: Final = text("""
SELECT count(*) FROM (
    SELECT merchant_id FROM day_total WHERE provider_id = :p AND day_on = :day AND paid_count > 0
    UNION
    SELECT merchant_id FROM day_delta WHERE provider_id = :p AND day_on = :day AND paid_count > 0
) busy
""")


def _unknown(session: Session, provider_id: int) -> tuple[int, datetime | None]:
    """Payments about which a wallet has not answered, or whose answer does not fit."""
    row = session.execute(_UNKNOWN, {"p": provider_id}).one()
    return int(row[0]), row[1]


def _merchants(session: Session, provider_id: int, since: datetime) -> tuple[int, int]:
    row = session.execute(_MERCHANTS, {"p": provider_id, "since": since}).one()
    return int(row[0]), int(row[1])


def _active(session: Session, provider_id: int, day: date) -> int:
    return int(session.scalar(_ACTIVE, {"p": provider_id, "day": day}) or 0)
