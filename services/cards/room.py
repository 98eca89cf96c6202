"""The merchant's cap over all its cards, and the room below it.

Whatever makes more owed locks the merchant's row first, then the card's. What makes less owed
appends a row to `card_release` and waits for nobody; these rows are added up under the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.card import CardRoom
from services.cards.problems import TotalCap
from services.deps import Deps

_FOLD = text("""
WITH gone AS (
    DELETE FROM card_release WHERE provider_id = :p AND merchant_id = :m RETURNING freed_fen
)
SELECT COALESCE(sum(freed_fen), 0) FROM gone
""")


@dataclass(frozen=True, slots=True)
class Room:
    """A merchant's cap and what fills it, in fen, exact at the moment of reading."""

    cap_fen: int
    balance_fen: int
    held_fen: int

    @property
    def left_fen(self) -> int:
        return self.cap_fen - self.balance_fen - self.held_fen


def lock_room(session: Session, provider_id: int, merchant_id: int) -> CardRoom:
    """The merchant's row, locked, with everything that was spent added up."""
    wanted = select(CardRoom).where(
        CardRoom.provider_id == provider_id, CardRoom.merchant_id == merchant_id
    )
    session.flush()  # what is read anew would drop what is not yet written
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    room = session.execute(locked).scalar_one()
    if freed := int(session.execute(_FOLD, {"p": provider_id, "m": merchant_id}).scalar_one()):
        room.balance_fen -= freed
        session.flush()
    return room


def change(room: CardRoom, balance_fen: int, held_fen: int) -> None:
    """Fill or free room under its lock; both may be negative. Raises TotalCap: nothing changed."""
    more = balance_fen + held_fen
    left = room.cap_fen - room.balance_fen - room.held_fen
    if more > left and more > 0:
        raise TotalCap(max(0, left))
    room.balance_fen += balance_fen
    room.held_fen += held_fen


_READ = text("""
SELECT cap_fen, held_fen, balance_fen - (SELECT COALESCE(sum(freed_fen), 0) FROM card_release r
    WHERE r.provider_id = c.provider_id AND r.merchant_id = c.merchant_id) AS balance_fen
FROM card_room c WHERE provider_id = :p AND merchant_id = :m
""")


def read_room(session: Session, provider_id: int, merchant_id: int) -> Room | None:
    """The room as it is now, without a lock; None where the merchant has no card."""
    row = session.execute(_READ, {"p": provider_id, "m": merchant_id}).first()
    return None if row is None else Room(row.cap_fen, int(row.balance_fen), row.held_fen)


_BUSY = text("""
SELECT provider_id, merchant_id FROM card_release GROUP BY provider_id, merchant_id
ORDER BY count(*) DESC, provider_id, merchant_id LIMIT 50
""")


def fold(deps: Deps) -> int:
    """Add up what was spent, one merchant after another; how many merchants had something."""
    busy = deps.transact(lambda s: s.execute(_BUSY).all())
    for row in busy:
        deps.transact(partial(lock_room, provider_id=row.provider_id, merchant_id=row.merchant_id))
    return len(busy)
