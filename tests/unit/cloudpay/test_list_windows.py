"""Spans of lists in whole China days and what is around them; where a page begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bills.days import china_date, ends, starts
from services.cloudpay.lists.paging import _place
from services.cloudpay.lists.window import Window, window
from services.cloudpay.statuses import Refused

MIDNIGHT = 1773072000  # 2026-03-10 00:00 in China
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@given(st.integers(-200_000, 200_000), st.integers(0, 800_000))
def test_days_and_their_edges_are_the_span_once(before: int, length: int) -> None:
    since_s = MIDNIGHT + before
    span = window(since_s, since_s + length, 90)
    parts = list(span.broken)
    if span.whole_days is not None:
        first, last = span.whole_days
        parts.append(Window(starts(first), ends(last)))
    parts.sort(key=lambda part: part.since)
    assert parts[0].since == span.since
    assert parts[-1].until == span.until
    for one, after in pairwise(parts):
        assert one.until == after.since
    for part in span.broken:
        assert part.only_day == china_date(part.since)
        assert part.until - part.since < DAY


def test_both_seconds_are_in_it_and_a_day_of_a_till_is_a_whole_one() -> None:
    span = window(MIDNIGHT, MIDNIGHT + 86399, 90)
    assert span == Window(
        datetime(2026, 3, 9, 16, tzinfo=UTC), datetime(2026, 3, 10, 16, tzinfo=UTC)
    )
    assert span.whole_days == (date(2026, 3, 10), date(2026, 3, 10))
    assert span.broken == ()
    assert window(MIDNIGHT, MIDNIGHT, 90).until - window(MIDNIGHT, MIDNIGHT, 90).since == SECOND
    assert window(MIDNIGHT + 1, MIDNIGHT + 86399, 90).whole_days is None


@pytest.mark.parametrize("length", [90 * 86400, 91 * 86400])
def test_longer_than_is_answered_is_refused(length: int) -> None:
    window(MIDNIGHT, MIDNIGHT + 90 * 86400 - 1, 90)
    with pytest.raises(Refused, match="st到et最多90天"):
        window(MIDNIGHT, MIDNIGHT + length, 90, ("st", "et"))
    with pytest.raises(Refused, match="et不能早于st"):
        window(MIDNIGHT, MIDNIGHT - 1, 90, ("st", "et"))


@given(
    st.lists(st.integers(0, 7), max_size=8), st.integers(0, 70), st.integers(1, 9)
)  # rows of each day, the newest first
def test_a_page_is_looked_for_in_its_own_days(counts: list[int], skip: int, size: int) -> None:
    newest = date(2026, 3, 10)
    days = [(newest - n * DAY, count) for n, count in enumerate(counts) if count]
    rows = [(day, n) for day, count in days for n in range(count)]
    span = Window(starts(date(2026, 2, 1)), ends(newest))
    place = _place(span, days, skip, size)
    if skip >= len(rows):
        assert place is None
        return
    assert place is not None
    within = [row for row in rows if place.span.since <= starts(row[0]) < place.span.until]
    assert within[place.skip : place.skip + size] == rows[skip : skip + size]
    assert {row[0] for row in rows[skip : skip + size]} == {
        row[0] for row in within[place.skip : place.skip + size]
    }
    assert place.skip < max(counts), "only rows of one day are passed over"
