"""Merchants or stores by what they took: a page at a time, with what all of them took together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.provider_figures.cells import Sums

By = Literal["merchant", "store"]
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Ranked:
    """One merchant or store; `number` is what the provider calls it."""

    id: int
    name: str
    number: str
    sums: Sums
    merchant: str = ""  # whose store

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the list: the cursor of the next page."""
        return self.sums.paid_fen, self.id


@dataclass(frozen=True, slots=True)
class Page:
    """`total` is of every row there is, seen in the same moment as the rows of the page."""

    rows: list[Ranked]
    total: Sums
    count: int
    has_more: bool  # further in the direction that was asked for


_FIGURES: Final = ("paid_count", "paid_fen", "refund_count", "refund_fen")
_HALF: Final = f"""
SELECT {{key}}_id AS id, {", ".join(_FIGURES)} FROM {{table}}
WHERE provider_id = :p AND day_on BETWEEN :first AND :last AND channel <> 'balance'{{merchant}}
"""
_SUMS: Final = f"""
WITH sums AS (
    SELECT id, {", ".join(f"CAST(sum({one}) AS bigint) AS {one}" for one in _FIGURES)}
    FROM ({{kept}} UNION ALL {{waiting}}) both_parts GROUP BY id
    HAVING sum(paid_count) <> 0 OR sum(refund_count) <> 0
)
"""
_PAGE: Final = f"""
, whole AS (
    SELECT count(*) AS n, {", ".join(f"COALESCE(sum({one}), 0) AS {one}" for one in _FIGURES)}
    FROM sums
)
SELECT w.n, {", ".join(f"w.{one}" for one in _FIGURES)}, s.id,
    {", ".join(f"s.{one}" for one in _FIGURES)}
FROM whole w LEFT JOIN LATERAL (
    SELECT * FROM sums WHERE {{where}} ORDER BY {{order}} LIMIT :most
) s ON true
"""
_DOWN: Final = ("(paid_fen, -id) < (:fen, :minus)", "paid_fen DESC, id")
_UP: Final = ("(paid_fen, -id) > (:fen, :minus)", "paid_fen, id DESC")
_ALL: Final = f"SELECT id, {', '.join(_FIGURES)} FROM sums ORDER BY paid_fen DESC, id"


def _sums(by: By, merchant_id: int | None) -> str:
    merchant = "" if merchant_id is None else " AND merchant_id = :m"
    kept, waiting = (
        _HALF.format(key=by, table=table, merchant=merchant) for table in ("day_total", "day_delta")
    )
    return _SUMS.format(kept=kept, waiting=waiting)


def page(
    session: Session,
    provider_id: int,
    by: By,
    first: date,
    last: date,
    *,
    merchant_id: int | None = None,
    after: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
    most: int = PAGE,
) -> Page:
    """The most takings first; behind the place `after`, or those just above `before`."""
    up = before is not None
    where, order = _UP if up else _DOWN
    fen, key = before or after or (2**62, 0)
    rows = session.execute(
        text(_sums(by, merchant_id) + _PAGE.format(where=where, order=order)),
        {
            "p": provider_id, "m": merchant_id, "first": first, "last": last, "fen": fen,
            "minus": -key, "most": most + 1,
        },
    ).all()  # fmt: skip
    count, whole = int(rows[0][0]), Sums(*map(int, rows[0][1:5]))
    found = [(row[5], Sums(*row[6:10])) for row in rows if row[5] is not None]
    has_more, found = len(found) > most, found[:most]
    return Page(
        _named(session, provider_id, by, found[::-1] if up else found), whole, count, has_more
    )


def every(
    session: Session,
    provider_id: int,
    by: By,
    first: date,
    last: date,
    *,
    merchant_id: int | None = None,
) -> Iterator[Ranked]:
    """All of them, for a file."""
    rows = session.execute(
        text(_sums(by, merchant_id) + _ALL),
        {"p": provider_id, "m": merchant_id, "first": first, "last": last},
    ).all()
    for at in range(0, len(rows), 1000):
        some = [(row[0], Sums(*row[1:5])) for row in rows[at : at + 1000]]
        yield from _named(session, provider_id, by, some)


_MERCHANTS: Final = text(
    "SELECT id, name, out_sub_mch_id AS number, '' AS merchant FROM merchant"
    " WHERE provider_id = :p AND id = ANY(:ids)"
)
_STORES: Final = text(
    "SELECT s.id, s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END"
    " AS name, s.out_shop_id AS number, m.name AS merchant"
    " FROM store s JOIN merchant m ON m.provider_id = s.provider_id AND m.id = s.merchant_id"
    " WHERE s.provider_id = :p AND s.id = ANY(:ids)"
)


def _named(
    session: Session, provider_id: int, by: By, found: list[tuple[int, Sums]]
) -> list[Ranked]:
    wanted = _MERCHANTS if by == "merchant" else _STORES
    rows = session.execute(wanted, {"p": provider_id, "ids": [one for one, _ in found]})
    names = {row.id: row for row in rows}
    return [
        Ranked(one, names[one].name, names[one].number, sums, names[one].merchant)
        for one, sums in found
    ]
