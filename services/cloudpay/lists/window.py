"""The span of time of a list: whole China days, which are added up already, and what is around."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from services.bills.days import china_date, ends, starts
from services.cloudpay.statuses import bad_member


@dataclass(frozen=True, slots=True)
class Window:
    """`until` is not in it."""

    since: datetime
    until: datetime

    @property
    def whole_days(self) -> tuple[date, date] | None:
        """The first and the last China day that lie in it wholly."""
        first = china_date(self.since)
        if starts(first) < self.since:
            first += timedelta(days=1)
        last = china_date(self.until) - timedelta(days=1)  # the day of `until` is never whole
        return (first, last) if first <= last else None

    @property
    def broken(self) -> tuple[Window, ...]:
        """What of it is no whole day: at most two parts, each of one day, the newest first."""
        days = self.whole_days
        if days is not None:
            middle = Window(starts(days[0]), ends(days[1]))
        else:
            midnight = max(self.since, starts(china_date(self.until)))
            middle = Window(midnight, midnight)
        parts = Window(middle.until, self.until), Window(self.since, middle.since)
        return tuple(part for part in parts if part.since < part.until)

    @property
    def only_day(self) -> date | None:
        """The China day that all of it is of."""
        day = china_date(self.since)
        return day if self.until <= ends(day) else None


def window(
    since_s: int, until_s: int, most_days: int, names: tuple[str, str] = ("start_time", "end_time")
) -> Window:
    """Of Unix seconds, both of them in it. Raises Refused that names the member."""
    if until_s < since_s:
        raise bad_member(names[1], f"不能早于{names[0]}")
    if until_s - since_s >= most_days * 86400:
        raise bad_member(names[0], f"到{names[1]}最多{most_days}天，请分段查询")
    return Window(datetime.fromtimestamp(since_s, UTC), datetime.fromtimestamp(until_s + 1, UTC))
