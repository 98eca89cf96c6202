"""Bonus that has lapsed leaves the cards by night. Money that was paid never does.

Spending leaves a lapsed bonus alone from its first day (`spending.split`); this writes it down.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.ledger import LedgerAccount, MovementKind
from services.bills.days import china_date
from services.deps import Deps
from services.ledger import Movement, lock_card, post

BATCH = 500

_LAPSED = text("""
SELECT c.provider_id, c.id FROM member_card c
WHERE c.bonus_expires_on < :today AND c.bonus_fen > 0 AND (c.provider_id, c.id) > (:p, :after)
    AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.provider_id = c.provider_id
        AND e.key = 'expired:' || c.id || ':' || CAST(:today AS date))
ORDER BY c.provider_id, c.id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Lapsed:
    """What one night took off: of how many cards, in fen."""

    cards: int
    bonus_fen: int


def expire(deps: Deps) -> Lapsed:
    """Take every bonus off whose last day is over. Run again on one day, it finds nothing.

    A bonus that comes back with a refund after its last day goes with the next night.
    """
    today, at, count, fen = china_date(deps.now()), (0, 0), 0, 0
    while True:
        values = {"today": today, "p": at[0], "after": at[1], "most": BATCH}
        rows = deps.transact(lambda s, v=values: s.execute(_LAPSED, v).all())  # type: ignore[misc]
        for row in rows:
            at = (row.provider_id, row.id)
            taken = deps.transact(lambda s, card=at: _expire(s, deps, *card))  # type: ignore[misc]
            count, fen = count + bool(taken), fen + taken
        if len(rows) < BATCH:
            return Lapsed(count, fen)


def _expire(session: Session, deps: Deps, provider_id: int, card_id: int) -> int:
    """The fen that lapsed, read under the card's lock: it may have been recharged meanwhile."""
    card = lock_card(session, provider_id, card_id)
    today = china_date(deps.now())
    if card.bonus_expires_on is None or card.bonus_expires_on >= today or not card.bonus_fen:
        return 0
    fen = card.bonus_fen
    movement = Movement(
        MovementKind.BONUS_EXPIRED,
        f"expired:{card.id}:{today.isoformat()}",
        ((LedgerAccount.CARD_BONUS, -fen), (LedgerAccount.BONUS, fen)),
        deps.now(),
        "system:bonus_days",
    )
    return fen if post(session, card, movement) else 0
