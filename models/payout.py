"""Giving the unused paid balance of a card back: the request, and the parts in which it returns."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class PayoutStatus(StrEnum):
    ASKED = "asked"  # waits for the merchant's owner
    ALLOWED = "allowed"  # nothing has left the card yet
    REFUSED = "refused"
    RETURNING = "returning"  # off the card, on its way
    DONE = "done"  # every part has come to its end
    CANCELLED = "cancelled"


PAYOUT_TRANSITIONS: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    PayoutStatus.ASKED: frozenset(
        {PayoutStatus.ALLOWED, PayoutStatus.REFUSED, PayoutStatus.CANCELLED}
    ),
    PayoutStatus.ALLOWED: frozenset(
        {PayoutStatus.RETURNING, PayoutStatus.DONE, PayoutStatus.CANCELLED}
    ),
    PayoutStatus.RETURNING: frozenset({PayoutStatus.DONE}),
    PayoutStatus.REFUSED: frozenset(),
    PayoutStatus.DONE: frozenset(),
    PayoutStatus.CANCELLED: frozenset(),
}
OPEN_PAYOUTS = (PayoutStatus.ASKED, PayoutStatus.ALLOWED, PayoutStatus.RETURNING)
_OPEN_SQL = "status IN ('asked', 'allowed', 'returning')"


class PayoutGround(StrEnum):
    """Why it must, or may, be given back."""

    COOLING = "cooling"  # soon after a recharge: without a reason, and nobody may refuse it
    TERMS = "terms"  # later, by what the merchant's terms say


class PartWay(StrEnum):
    WALLET = "wallet"  # a refund of the recharge's own payment
    HAND = "hand"  # what no wallet gives back any more: paid by a person, and written down


class PartStatus(StrEnum):
    OPEN = "open"
    RETURNED = "returned"
    KEPT = "kept"  # it could not be given back: on the card again


class IllegalPayoutTransition(Exception):
    """The code tried to move a payout where its table has no edge."""


class CardPayout(Base):
    """One request. It and its parts are changed under the card's lock; a card has one at a time."""

    __tablename__ = "card_payout"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "recharge_id"], ["recharge.provider_id", "recharge.id"]
        ),
        CheckConstraint(f"({_OPEN_SQL}) = (due_at IS NOT NULL)", name="open_is_looked_at"),
        CheckConstraint("status <> 'refused' OR length(refusal) > 0", name="refused_with_a_reason"),
        Index(
            "uq_card_payout_one_open",
            "provider_id",
            "card_id",
            unique=True,
            postgresql_where=text(_OPEN_SQL),
        ),
        Index("ix_card_payout_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_card_payout_merchant", "provider_id", "merchant_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    card_id: Mapped[BigId]
    status: Mapped[PayoutStatus] = mapped_column(default=PayoutStatus.ASKED)
    ground: Mapped[PayoutGround]
    recharge_id: Mapped[BigId | None]  # the one that is taken back; None: all that may be
    closes_card: Mapped[bool] = mapped_column(default=False)
    asked_fen: Mapped[Fen]  # the paid balance when it was asked for
    reason: Mapped[str] = mapped_column(String(80), default="", info={"personal": "words"})
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    due_on: Mapped[date]  # the day by which the money is back, in China
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(String(80), default="", info={"personal": "words"})
    due_at: Mapped[datetime | None]  # when somebody looks at it; None: it is over
    ended_at: Mapped[datetime | None]

    def move_to(self, new: PayoutStatus) -> None:
        if new not in PAYOUT_TRANSITIONS[self.status]:
            raise IllegalPayoutTransition(f"payout {self.id}: {self.status} -> {new}")
        self.status = new


class CardPayoutPart(Base):
    """What goes back one way. `deducted_fen` is bonus that was spent and is paid for out of the
    recharge's own money; `bonus_fen` is bonus that is taken back. Both are undone with `kept`."""

    __tablename__ = "card_payout_part"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "payout_id"], ["card_payout.provider_id", "card_payout.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "recharge_id"], ["recharge.provider_id", "recharge.id"]
        ),
        ForeignKeyConstraint(["provider_id", "refund_id"], ["refund.provider_id", "refund.id"]),
        UniqueConstraint("provider_id", "refund_id"),
        CheckConstraint("amount_fen >= 1 AND bonus_fen >= 0 AND deducted_fen >= 0", name="amounts"),
        CheckConstraint("(way = 'wallet') = (refund_id IS NOT NULL)", name="wallet_is_a_refund"),
        CheckConstraint(
            "way = 'wallet' OR status <> 'returned' OR"
            " (paid_by IS NOT NULL AND length(how) > 0 AND length(reference) > 0)",
            name="paid_by_somebody",
        ),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ends_once"),
        Index("ix_card_payout_part_payout", "provider_id", "payout_id"),
        Index(
            "ix_card_payout_part_open",
            "provider_id",
            "card_id",
            postgresql_where=text("status = 'open'"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    payout_id: Mapped[BigId]
    merchant_id: Mapped[BigId]
    card_id: Mapped[BigId]
    way: Mapped[PartWay]
    status: Mapped[PartStatus] = mapped_column(default=PartStatus.OPEN)
    amount_fen: Mapped[Fen]
    bonus_fen: Mapped[Fen] = mapped_column(default=0)
    deducted_fen: Mapped[Fen] = mapped_column(default=0)
    recharge_id: Mapped[BigId | None]  # of a wallet's part, and of a recharge that goes by hand
    refund_id: Mapped[BigId | None]
    how: Mapped[str] = mapped_column(String(32), default="")  # transfer, cash
    reference: Mapped[str] = mapped_column(
        String(64), default="", info={"personal": "words"}
    )  # of the transfer or receipt
    paid_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
