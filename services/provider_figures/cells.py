"""Takings of a span of days in cells small enough to be added up any way.

Of all merchants together the hours are read (`provider_hour`), of one merchant his day totals, and
with either the rows that wait to be added up, in one statement: it sees one moment, so no payment
is counted twice or not at all. Net is what was settled less the refunds that were settled; a refund
counts on the day that it succeeded, as in the wallets' bills.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.totals import RECHARGE

K = TypeVar("K", bound=Hashable)
CARD: Final = "balance"


@dataclass(frozen=True, slots=True)
class Sums:
    """Fen and how many."""

    paid_count: int = 0
    paid_fen: int = 0
    refund_count: int = 0
    refund_fen: int = 0

    @property
    def net_fen(self) -> int:
        return self.paid_fen - self.refund_fen

    @property
    def is_nothing(self) -> bool:
        return self == type(self)()

    def _figures(self) -> tuple[int, int, int, int]:
        return self.paid_count, self.paid_fen, self.refund_count, self.refund_fen

    def __add__(self, other: Self) -> Sums:
        return Sums(*(a + b for a, b in zip(self._figures(), other._figures(), strict=True)))

    def __sub__(self, other: Self) -> Sums:
        return Sums(*(a - b for a, b in zip(self._figures(), other._figures(), strict=True)))


@dataclass(frozen=True, slots=True)
class Cell:
    """One day and wallet. How the payments came, `ways` tells."""

    day_on: date
    channel: str  # `recharge:…` for the recharges that came over a wallet
    sums: Sums

    @property
    def wallet(self) -> str:
        return self.channel.removeprefix(RECHARGE)

    @property
    def is_taken(self) -> bool:
        """Came over a wallet. What a member's card pays was taken when it was recharged."""
        return self.channel != CARD


def total(cells: Iterable[Cell]) -> Sums:
    return sum((cell.sums for cell in cells), Sums())


def grouped(cells: Iterable[Cell], key: Callable[[Cell], K]) -> dict[K, Sums]:
    """The sums by key, in the order of the keys' first cells."""
    found: dict[K, Sums] = {}
    for cell in cells:
        found[key(cell)] = found.get(key(cell), Sums()) + cell.sums
    return found


def recharged(cells: Iterable[Cell]) -> Sums:
    """What of these came as recharges of members' cards."""
    return total(cell for cell in cells if cell.channel.startswith(RECHARGE))


FIGURES: Final = (
    *("paid_count", "paid_fen", "refund_count", "refund_fen"),
    *("code_paid_count", "code_paid_fen", "code_refund_count", "code_refund_fen"),
)
_SHOWN: Final = FIGURES[:4]
_HALF: Final = f"""
SELECT day_on, channel, {", ".join(_SHOWN)} FROM {{table}}
WHERE provider_id = :p AND day_on BETWEEN :first AND :last{{merchant}}
"""
_BOTH: Final = f"""
SELECT day_on, channel, {", ".join(f"sum({one})" for one in _SHOWN)}
FROM ({{kept}} UNION ALL {{waiting}}) both_parts GROUP BY 1, 2 ORDER BY 1, 2
"""


def read(
    session: Session, provider_id: int, merchant_id: int | None, first: date, last: date
) -> list[Cell]:
    """Of these China days, both included; of one merchant or all."""
    merchant = "" if merchant_id is None else " AND merchant_id = :m"
    kept = _HALF.format(
        table="provider_hour" if merchant_id is None else "day_total", merchant=merchant
    )
    waiting = _HALF.format(table="day_delta", merchant=merchant)
    rows = session.execute(
        text(_BOTH.format(kept=kept, waiting=waiting)),
        {"p": provider_id, "m": merchant_id, "first": first, "last": last},
    )
    found = [Cell(row[0], row[1], Sums(*map(int, row[2:6]))) for row in rows]
    return [cell for cell in found if not cell.sums.is_nothing]
