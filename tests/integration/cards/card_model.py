"""What cards must do, in a few lines: paid money, bonus, reserved room, two caps, no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass
class Card:
    """One member's, in fen. `bonus_until` is the last day of its bonus; None: it never lapses."""

    id: int
    person: str
    paid: int = 0
    bonus: int = 0
    held: int = 0
    bonus_until: date | None = None
    lapsed_on: date | None = None  # the night that last looked at it


@dataclass(eq=False)
class Wish:
    """A recharge: held, credited, freed, or no_room."""

    card: Card
    pay: int
    bonus: int
    number: str
    state: str = "held"
    taken_pay: int = 0
    taken_bonus: int = 0
    asked: int = 0  # of refunds that hold the wallet's room

    def take(self, fen: int, bonus: int) -> None:
        """So much of it went back; never more than there was."""
        self.taken_pay = min(self.pay, self.taken_pay + fen)
        self.taken_bonus = min(self.bonus, self.taken_bonus + bonus)

    def bonus_of(self, fen: int) -> int:
        """Bonus that goes back with so much: its share of all that went back, rounded up."""
        due = -(-self.bonus * (self.taken_pay + fen) // self.pay)
        return min(max(0, due - self.taken_bonus), self.bonus)


@dataclass(eq=False)
class Bill:
    """A payment from a card, and which parts of it are on the card again."""

    card: Card
    paid: int
    bonus: int
    number: str

    def back(self, fen: int) -> tuple[int, int]:
        """(paid, bonus): paid money first, the reverse of spending."""
        paid = min(fen, self.paid)
        return paid, fen - paid


@dataclass(eq=False)
class Taking:
    """A refund of a recharge: open until its wallet is final, then done or kept."""

    wish: Wish
    refund_id: int
    fen: int
    bonus: int
    state: str = "open"


@dataclass
class Model:
    card_cap: int
    total_cap: int
    bonus_days: int | None
    cards: list[Card] = field(default_factory=list)
    imported: int = 0

    def owed(self) -> int:
        return self.imported + sum(card.paid + card.bonus for card in self.cards)

    def left(self) -> int:
        """Room of all cards together."""
        return self.total_cap - self.owed() - sum(card.held for card in self.cards)

    def room(self, card: Card) -> int:
        return min(self.card_cap - card.paid - card.bonus - card.held, self.left())

    def spendable_bonus(self, card: Card, today: date) -> int:
        return 0 if card.bonus_until is not None and today > card.bonus_until else card.bonus
