"""A page of a list, newest first, however deep: the day where it begins is known by counting days.

A till asks for page 12,000 by its number. The days before it are skipped by their counts, which
come from the totals, and only within one day rows are passed over, in an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from services.bills.days import ends, starts
from services.cloudpay.lists import figures
from services.cloudpay.lists.clauses import TABLES, found_in, listed_at, span_values, statement
from services.cloudpay.lists.figures import By
from services.cloudpay.lists.wanted import Kind, Wanted
from services.cloudpay.lists.window import Window


class Key(NamedTuple):
    """Which row a line is."""

    kind: Kind
    id: int


class Page(NamedTuple):
    total: int  # of all pages
    keys: list[Key]


class _Place(NamedTuple):
    """Where a page lies: this span has it, behind so many of its rows."""

    span: Window
    skip: int


def page(session: Session, wanted: Wanted, number: int, size: int) -> Page:
    """The page of this number, from one. Behind the last one there is nothing."""
    found = figures.read(session, wanted, By(day=True), only_listed=True)
    days = sorted(
        ((group.day_on, one.listed) for group, one in found.items() if group.day_on), reverse=True
    )
    total = sum(count for _, count in days)
    place = _place(wanted.window, days, (number - 1) * size, size)
    return Page(total, [] if place is None else _keys(session, wanted, place, size))


def _place(window: Window, days: Sequence[tuple[date, int]], skip: int, size: int) -> _Place | None:
    """None: behind the last row. `days` are the newest first."""
    newest = oldest = None
    passed = behind = 0
    for day, count in days:
        if newest is None and skip < passed + count:
            newest, behind = day, skip - passed
        passed += count
        if newest is not None and skip + size <= passed:
            oldest = day
            break
    if newest is None:
        return None
    oldest = oldest or days[-1][0]
    since, until = max(window.since, starts(oldest)), min(window.until, ends(newest))
    return _Place(Window(since, until), behind)


def _keys(session: Session, wanted: Wanted, place: _Place, size: int) -> list[Key]:
    upto = place.skip + size
    parts = []
    for kind in wanted.kinds:
        id_, at = TABLES[kind].id, listed_at(wanted, kind)
        parts.append(
            f"(SELECT {at} AS at, {id_} AS id, {int(kind)} AS kind"
            f" {found_in(wanted, kind, 'page')} ORDER BY {at} DESC, {id_} DESC LIMIT :upto)"
        )
    rows = session.execute(
        statement(
            f"SELECT kind, id FROM ({' UNION ALL '.join(parts)}) listed"
            " ORDER BY at DESC, id DESC, kind LIMIT :size OFFSET :skip"
        ),
        wanted.values
        | span_values("page", place.span)
        | {"upto": upto, "size": size, "skip": place.skip},
    )
    return [Key(Kind(row.kind), row.id) for row in rows]
