"""What the pay page of a store says of member cards, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.card import ProgramStatus
from services.scan import Scan


@dataclass(frozen=True, slots=True)
class CardAtStore:
    """The store's merchant has a card, and the store takes it. `card_id` is None for somebody who
    has none; `spendable_fen` leaves out a bonus whose last day is over."""

    status: ProgramStatus
    title: str
    card_id: int | None
    spendable_fen: int
    is_expired: bool

    @property
    def may_pay(self) -> bool:
        return self.card_id is not None and not self.is_expired


_FIND = text("""
SELECT g.status, g.title, c.id, c.paid_fen, c.bonus_fen, c.bonus_expires_on,
    c.registered_at IS NULL AND c.expires_on < :today AS is_expired
FROM card_program g
JOIN store s ON s.provider_id = g.provider_id AND s.id = :store AND NOT s.disable_membership_card
LEFT JOIN member m ON m.provider_id = g.provider_id AND m.merchant_id = g.merchant_id
    AND m.person_id = :person
LEFT JOIN member_card c ON c.provider_id = g.provider_id AND c.program_id = g.id
    AND c.member_id = m.id AND c.status = 'active'
WHERE g.provider_id = :p AND g.merchant_id = :m AND g.status IN ('approved', 'suspended')
""")


def card_at(session: Session, scan: Scan, person_id: int, today: date) -> CardAtStore | None:
    """None where the store takes no cards: its switch is off, or its merchant has none."""
    keys = {
        "p": scan.provider_id,
        "m": scan.merchant_id,
        "store": scan.store_id,
        "person": person_id,
        "today": today,
    }
    row = session.execute(_FIND, keys).first()
    if row is None:
        return None
    spendable = 0
    if row.id is not None:
        lapsed = row.bonus_expires_on is not None and today > row.bonus_expires_on
        spendable = row.paid_fen + (0 if lapsed else row.bonus_fen)
    status = ProgramStatus(row.status)
    return CardAtStore(status, row.title, row.id, spendable, bool(row.is_expired))
