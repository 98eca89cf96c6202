"""The ledger of stored value: double entry, append-only, sealed into a chain per merchant.

A movement is a few entries with one key that sum to zero. The database refuses any other, refuses
to change or remove an entry, and refuses a card whose balance is not that of its last entries.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class LedgerAccount(StrEnum):
    """Where value stands. What the merchant owes its members, the obligation, is the control
    account over every card's two: it is not posted to but is their sum (`CardRoom.balance_fen`)."""

    CARD_PAID = "card_paid"  # what a member paid for
    CARD_BONUS = "card_bonus"  # what the merchant gave on top
    FUNDS = "funds"  # money that came in over a wallet, or went back
    IN_TRANSIT = "in_transit"  # of recharges: came without finding room, or on its way back
    SALES = "sales"  # spent in a store
    BONUS = "bonus"  # what bonuses cost the merchant
    ADJUSTMENTS = "adjustments"  # by a person, and balances of an older system
    PAID_OUT = "paid_out"  # handed back by a person, not over a wallet


CARD_ACCOUNTS = (LedgerAccount.CARD_PAID, LedgerAccount.CARD_BONUS)
_CARD_SQL = "account IN ('card_paid', 'card_bonus')"


class MovementKind(StrEnum):
    RECHARGE = "recharge"
    LATE_RECHARGE = "late_recharge"  # paid after its order closed, and no room any more
    RECHARGE_BACK = "recharge_back"  # taken from the card, on its way to the payer
    RECHARGE_KEPT = "recharge_kept"  # could not be given back: on the card again
    RETURNED = "returned"  # the wallet has given it back
    PAY = "pay"
    PAY_BACK = "pay_back"
    ADJUST = "adjust"
    IMPORT = "import"
    BONUS_EXPIRED = "bonus_expired"
    PAID_OUT = "paid_out"  # a rest that no wallet can give back, handed over by a person


class LedgerEntry(Base):
    """One line. `balance_after_fen` is the card's part after it; lines of a card are in order of
    `id`, and neither `recorded_at` nor `day_on` ever goes back along them."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        UniqueConstraint("provider_id", "key", "account"),
        CheckConstraint("delta_fen <> 0", name="moves_something"),
        CheckConstraint(f"(balance_after_fen IS NOT NULL) = ({_CARD_SQL})", name="balance_of_card"),
        CheckConstraint("balance_after_fen >= 0", name="never_negative"),
        Index(
            "ix_ledger_entry_card",
            "provider_id",
            "card_id",
            "account",
            text("id DESC"),
            postgresql_where=text(_CARD_SQL),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    card_id: Mapped[BigId]
    kind: Mapped[MovementKind]
    account: Mapped[LedgerAccount]
    delta_fen: Mapped[Fen]
    balance_after_fen: Mapped[Fen | None]
    key: Mapped[str] = mapped_column(String(64))  # of the movement; the same again changes nothing
    order_id: Mapped[BigId | None]
    refund_id: Mapped[BigId | None]
    actor: Mapped[str] = mapped_column(String(64))  # a role and an id, as in the audit trail
    reason: Mapped[str] = mapped_column(String(80), default="", info={"personal": "words"})
    recorded_at: Mapped[datetime]
    day_on: Mapped[date]  # in China


class LedgerTail(Base):
    """A movement that is not sealed yet; written with it, removed by the job that seals it."""

    __tablename__ = "ledger_tail"
    __table_args__ = (Index("ix_ledger_tail_merchant", "provider_id", "merchant_id", "id"),)

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    key: Mapped[str] = mapped_column(String(64))


class LedgerSeal(Base):
    """An entry's place in its merchant's chain: `mac` covers the one before and the whole entry,
    under a key that is not in the database."""

    __tablename__ = "ledger_seal"
    __table_args__ = (UniqueConstraint("provider_id", "merchant_id", "seq"),)

    provider_id: Mapped[TenantId]
    entry_id: Mapped[BigId] = mapped_column(primary_key=True)
    merchant_id: Mapped[BigId]
    seq: Mapped[BigId]
    mac: Mapped[bytes] = mapped_column(LargeBinary)


class LedgerHead(Base):
    """The end of a merchant's chain; locked while it grows."""

    __tablename__ = "ledger_head"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
    )

    provider_id: Mapped[TenantId]
    merchant_id: Mapped[BigId] = mapped_column(primary_key=True)
    seq: Mapped[BigId]
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
