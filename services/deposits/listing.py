"""Holds, newest first, and those that some number belongs to: a merchant's, or a provider's.

Every question is answered by an index, however many holds there are: pages go by key, and a
number's last digits are compared with the newest holds only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.deposit import FreezeStatus
from services.deposits import rooms
from services.order_list import AMONG_NEWEST, LAST_DIGITS, PAGE, Scope, clean

SOON: Final = timedelta(days=7)  # so long before the wallet gives it back, a page says so


class Kind(StrEnum):
    """What a list can be narrowed to."""

    OPEN = "open"  # held, or a payer may yet agree
    SOON = "soon"  # held, and given back by the wallet within a week
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Whose:
    """A provider's holds, of one merchant or all, of one store or all; `is_nobody`: none."""

    provider_id: int
    merchant_id: int | None = None
    store_id: int | None = None
    is_nobody: bool = False

    @classmethod
    def of(cls, seen: Scope) -> Self:
        """Of those whose orders are seen; a hold is a store's, never one pay code's."""
        nobody = seen.staff_id is not None
        return cls(seen.provider_id, seen.merchant_id, seen.store_id, nobody)


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A line of a list, fen. `left_fen` is what the wallet still holds, `room_fen` what of it is
    not on its way already."""

    id: int
    out_freeze_no: str
    channel: str
    status: FreezeStatus
    is_unknown: bool
    freeze_fen: int
    consumed_fen: int
    released_fen: int
    lapsed_fen: int
    held_fen: int
    created_at: datetime
    frozen_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime
    merchant: str
    merchant_number: str
    shop: str

    @property
    def left_fen(self) -> int:
        if self.status is not FreezeStatus.FROZEN:
            return 0
        return self.freeze_fen - self.consumed_fen - self.released_fen - self.lapsed_fen

    @property
    def room_fen(self) -> int:
        return self.left_fen - self.held_fen if self.left_fen else 0

    @property
    def back_fen(self) -> int:
        """What went back to the payer, by whomever."""
        return self.released_fen + self.lapsed_fen

    @property
    def at(self) -> datetime:
        return self.frozen_at or self.created_at

    @property
    def lapses_at(self) -> datetime | None:
        """When the wallet gives back what is left; None where it holds nothing."""
        if self.status is not FreezeStatus.FROZEN or self.frozen_at is None:
            return None
        return self.frozen_at + rooms.LIVES


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held now: how many holds, fen left in them, and how many end within a week."""

    count: int
    left_fen: int
    soon: int
    has_any: bool  # whether there ever was one


_COLUMNS: Final = """
f.id, f.out_freeze_no, f.channel, f.status, f.is_unknown, f.freeze_fen, f.consumed_fen,
    f.released_fen, f.lapsed_fen, f.held_fen, f.created_at, f.frozen_at, f.closed_at, f.expires_at,
    m.name AS merchant, m.out_sub_mch_id AS merchant_number,
    s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END AS shop
"""
_ROWS: Final = f"""
SELECT {_COLUMNS} FROM deposit_freeze f
JOIN merchant m ON m.provider_id = f.provider_id AND m.id = f.merchant_id
JOIN store s ON s.provider_id = f.provider_id AND s.id = f.store_id
WHERE {{where}} ORDER BY f.id DESC LIMIT {{most}}
"""
# In the words of the partial index: as a parameter the planner could not match it.
_OPEN: Final = "f.status IN ('created', 'waiting', 'frozen')"
_KINDS: Final = {
    Kind.OPEN: _OPEN,
    Kind.SOON: f"{_OPEN} AND f.frozen_at <= :soon",
    Kind.ENDED: "f.status IN ('closed', 'failed', 'void')",
}


def list_holds(
    session: Session,
    whose: Whose,
    now: datetime,
    *,
    kind: Kind | None = None,
    before: int | None = None,
    most: int = PAGE,
) -> list[HoldRow]:
    """The newest, by keyset: `before` is the last id of the page above."""
    if whose.is_nobody:
        return []
    where = [
        _mine(whose),
        *([_KINDS[kind]] if kind else []),
        *(["f.id < :before"] if before else []),
    ]
    keys = _keys(whose) | {"before": before, "soon": now + SOON - rooms.LIVES}
    return _read(session, " AND ".join(where), keys, most)


def find_holds(session: Session, whose: Whose, typed: str) -> list[HoldRow]:
    """Those that have this number, newest first: the hold's own or the wallet's, a release's, or
    that of an order that was paid out of it; and the last 4 to 8 characters of a hold's, among the
    newest 200 of a merchant's."""
    number = clean(typed)
    if number is None or whose.is_nobody:
        return []
    ways = [_NUMBERED]
    if whose.merchant_id is not None and len(number) in LAST_DIGITS:
        ways.append(_ENDING.format(mine=_mine(whose)))
    where = f"{_mine(whose)} AND f.id IN ({' UNION '.join(ways)})"
    return _read(session, where, _keys(whose) | {"n": number, "end": len(number)}, PAGE)


_NUMBERED: Final = """
SELECT id FROM deposit_freeze WHERE provider_id = :p AND out_freeze_no = :n
UNION SELECT id FROM deposit_freeze WHERE provider_id = :p AND freeze_id = :n
UNION SELECT freeze_id FROM deposit_move WHERE provider_id = :p AND kind = 'release' AND number = :n
UNION SELECT freeze_id FROM deposit_move WHERE provider_id = :p AND kind = 'consume' AND number = :n
"""
_ENDING: Final = f"""
SELECT id FROM (SELECT f.id, f.out_freeze_no FROM deposit_freeze f WHERE {{mine}}
    ORDER BY f.id DESC LIMIT {AMONG_NEWEST}) newest
WHERE right(newest.out_freeze_no, :end) = :n
"""


def named(session: Session, whose: Whose, out_freeze_no: str) -> HoldRow | None:
    """The hold of this very number; None for another's and for nobody's, alike."""
    if whose.is_nobody:
        return None
    where = f"{_mine(whose)} AND f.out_freeze_no = :n"
    found = _read(session, where, _keys(whose) | {"n": out_freeze_no}, 1)
    return found[0] if found else None


_STANDING: Final = """
SELECT count(*) AS held, COALESCE(sum(CASE f.status WHEN 'frozen' THEN
    f.freeze_fen - f.consumed_fen - f.released_fen - f.lapsed_fen ELSE 0 END), 0) AS left_fen,
    count(*) FILTER (WHERE f.frozen_at <= :soon) AS soon,
    EXISTS (SELECT 1 FROM deposit_freeze f WHERE {mine}) AS has_any
FROM deposit_freeze f WHERE {mine} AND {open}
"""


def standing(session: Session, whose: Whose, now: datetime) -> Standing:
    if whose.is_nobody:
        return Standing(0, 0, 0, has_any=False)
    asked = text(_STANDING.format(mine=_mine(whose), open=_OPEN))
    row = session.execute(asked, _keys(whose) | {"soon": now + SOON - rooms.LIVES}).one()
    return Standing(int(row.held), int(row.left_fen), int(row.soon), bool(row.has_any))


def _mine(whose: Whose) -> str:
    merchant = "" if whose.merchant_id is None else " AND f.merchant_id = :m"
    store = "" if whose.store_id is None else " AND f.store_id = :s"
    return f"f.provider_id = :p{merchant}{store}"


def _keys(whose: Whose) -> dict[str, Any]:
    return {"p": whose.provider_id, "m": whose.merchant_id, "s": whose.store_id}


def _read(session: Session, where: str, keys: dict[str, Any], most: int) -> list[HoldRow]:
    rows = session.execute(text(_ROWS.format(where=where, most=int(most))), keys)
    return [HoldRow(**{**row._mapping, "status": FreezeStatus(row.status)}) for row in rows]
