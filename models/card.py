"""A merchant's member card (会员卡), its members, and each member's stored value."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class ProgramStatus(StrEnum):
    """The life of a merchant's card (product CARD-2)."""

    DRAFT = "draft"
    AUDITING = "auditing"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"  # no recharge, no claim; spending and refunds go on
    DELETED = "deleted"  # only when no member has a balance (product CARD-30)


PROGRAM_TRANSITIONS: dict[ProgramStatus, frozenset[ProgramStatus]] = {
    ProgramStatus.DRAFT: frozenset({ProgramStatus.AUDITING, ProgramStatus.DELETED}),
    ProgramStatus.AUDITING: frozenset({ProgramStatus.APPROVED, ProgramStatus.REJECTED}),
    ProgramStatus.APPROVED: frozenset({ProgramStatus.SUSPENDED, ProgramStatus.DELETED}),
    ProgramStatus.REJECTED: frozenset({ProgramStatus.DRAFT, ProgramStatus.DELETED}),
    ProgramStatus.SUSPENDED: frozenset({ProgramStatus.APPROVED, ProgramStatus.DELETED}),
    ProgramStatus.DELETED: frozenset(),
}


class RechargeMode(StrEnum):
    """Fixed sums with a concrete bonus each, or any sum without one (product CARD-6)."""

    FIXED = "fixed"
    ANY = "any"


class CardStatus(StrEnum):
    IMPORTED = "imported"  # owed to a phone; nobody has claimed it
    ACTIVE = "active"
    CLOSED = "closed"  # its rest was given back


class RechargeStatus(StrEnum):
    HELD = "held"  # room is reserved while the payer may pay
    CREDITED = "credited"
    FREED = "freed"  # its order closed unpaid
    NO_ROOM = "no_room"  # paid when it was not held for, and did not fit: goes back by itself


RECHARGE_TRANSITIONS: dict[RechargeStatus, frozenset[RechargeStatus]] = {
    RechargeStatus.HELD: frozenset(  # no room: another attempt of its order was paid than it holds
        {RechargeStatus.CREDITED, RechargeStatus.FREED, RechargeStatus.NO_ROOM}
    ),
    RechargeStatus.FREED: frozenset({RechargeStatus.CREDITED, RechargeStatus.NO_ROOM}),
    RechargeStatus.CREDITED: frozenset(),
    RechargeStatus.NO_ROOM: frozenset(),
}


class IllegalCardTransition(Exception):
    """The code tried to move a card or a recharge where its table has no edge."""


class CardProgram(Base):
    """The card that a merchant issues. At most one that is not deleted."""

    __tablename__ = "card_program"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        Index(
            "uq_card_program_one_alive",
            "provider_id",
            "merchant_id",
            unique=True,
            postgresql_where=text("status <> 'deleted'"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    status: Mapped[ProgramStatus] = mapped_column(default=ProgramStatus.DRAFT)
    reject_reason: Mapped[str] = mapped_column(String(256), default="")
    title: Mapped[str] = mapped_column(String(9))  # WeChat's limit
    notice: Mapped[str] = mapped_column(String(16), default="")
    description: Mapped[str] = mapped_column(String(1024), default="")
    color: Mapped[str] = mapped_column(String(9), default="Color010")
    logo_url: Mapped[str] = mapped_column(String(256), default="")
    background_url: Mapped[str] = mapped_column(String(256), default="")
    service_phone: Mapped[str] = mapped_column(String(24), default="")
    card_sub_mchid: Mapped[str | None] = mapped_column(String(32))  # never the payment id
    wechat_card_id: Mapped[str | None] = mapped_column(String(64))
    mode: Mapped[RechargeMode] = mapped_column(default=RechargeMode.ANY)
    has_online_recharge: Mapped[bool] = mapped_column(default=True)
    bonus_days: Mapped[int | None]  # a bonus lapses so long after the last recharge; None: never
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    def move_to(self, new: ProgramStatus) -> None:
        if new not in PROGRAM_TRANSITIONS[self.status]:
            raise IllegalCardTransition(f"card program {self.id}: {self.status} -> {new}")
        self.status = new


class CardTier(Base):
    """A fixed sum and what is given on top. Off: kept for what was recharged with it."""

    __tablename__ = "card_tier"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["card_program.provider_id", "card_program.id"]
        ),
        UniqueConstraint("provider_id", "program_id", "pay_fen"),
        CheckConstraint("pay_fen >= 1 AND bonus_fen >= 0", name="amounts"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    program_id: Mapped[BigId]
    pay_fen: Mapped[Fen]
    bonus_fen: Mapped[Fen]
    is_active: Mapped[bool] = mapped_column(default=True)


class CardTerms(Base):
    """What a member agrees to before recharging. Written once; a change is a new version."""

    __tablename__ = "card_terms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", "version"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    version: Mapped[int]
    issuer_name: Mapped[str] = mapped_column(String(128))  # the legal name
    contact: Mapped[str] = mapped_column(String(128))
    refund_rule: Mapped[str] = mapped_column(String(512))
    body: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class CardRoom(Base):
    """A merchant's cap over all its cards. Locked by whatever makes more owed; the database itself
    refuses a row above the cap.

    `balance_fen` is what is owed to all members, less the rows of `CardRelease`: what was spent
    since it was added up.
    """

    __tablename__ = "card_room"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        CheckConstraint("balance_fen >= 0 AND held_fen >= 0", name="never_negative"),
        CheckConstraint("balance_fen + held_fen <= cap_fen", name="below_the_cap"),
    )

    provider_id: Mapped[TenantId]
    merchant_id: Mapped[BigId] = mapped_column(primary_key=True)
    cap_fen: Mapped[Fen]
    balance_fen: Mapped[Fen] = mapped_column(default=0)
    held_fen: Mapped[Fen] = mapped_column(default=0)  # of recharges under way


class CardRelease(Base):
    """Room that a movement has given back: added up and removed under the lock of `CardRoom`, so
    that spending never waits for another member."""

    __tablename__ = "card_release"
    __table_args__ = (
        Index("ix_card_release_merchant", "provider_id", "merchant_id"),
        CheckConstraint("freed_fen > 0", name="frees_something"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    freed_fen: Mapped[Fen]


class Member(Base):
    """Who holds a merchant's card: a payer, a phone, or both. Erasing empties what is sealed."""

    __tablename__ = "member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "merchant_id", "person_id"),
        UniqueConstraint("provider_id", "merchant_id", "phone_hash"),
        Index("ix_member_person", "provider_id", "person_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    person_id: Mapped[BigId | None]
    phone_hash: Mapped[str | None] = mapped_column(String(64), info={"personal": "phone"})
    phone_sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "phone"})
    name_hash: Mapped[str | None] = mapped_column(String(64), info={"personal": "name"})
    name_sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "name"})
    phone_confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class MemberCard(Base):
    """One member's card. Its balance moves with ledger entries only; the database sees to it."""

    __tablename__ = "member_card"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["card_program.provider_id", "card_program.id"]
        ),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        UniqueConstraint("provider_id", "public_id"),
        UniqueConstraint("provider_id", "number"),
        UniqueConstraint("provider_id", "program_id", "member_id"),
        CheckConstraint(
            "paid_fen >= 0 AND bonus_fen >= 0 AND held_fen >= 0", name="never_negative"
        ),
        CheckConstraint("paid_fen + bonus_fen + held_fen <= cap_fen", name="below_the_cap"),
        Index("ix_member_card_merchant", "provider_id", "merchant_id", text("id DESC")),
        Index(
            "ix_member_card_bonus_expires_on",
            "bonus_expires_on",
            postgresql_where=text("bonus_expires_on IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    program_id: Mapped[BigId]
    member_id: Mapped[BigId]
    public_id: Mapped[str] = mapped_column(String(24))  # random, in URLs
    number: Mapped[str] = mapped_column(String(16))  # what people read out
    status: Mapped[CardStatus]
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    bonus_fen: Mapped[Fen] = mapped_column(default=0)
    balance_fen: Mapped[Fen] = mapped_column(Computed("paid_fen + bonus_fen", persisted=True))
    held_fen: Mapped[Fen] = mapped_column(default=0)  # of recharges under way
    cap_fen: Mapped[Fen]
    version: Mapped[int] = mapped_column(default=0)  # one more with each movement
    wechat_code: Mapped[str | None] = mapped_column(
        String(32), info={"personal": "identity"}
    )  # in WeChat's own wallet
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    registered_at: Mapped[datetime | None]  # a confirmed phone stands behind it
    expires_on: Mapped[date | None]  # None: never
    bonus_expires_on: Mapped[date | None]
    moved_at: Mapped[datetime]  # of the last entry


class Recharge(Base):
    """One recharge: the room it holds, and what of it was taken back since."""

    __tablename__ = "recharge"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        UniqueConstraint("provider_id", "order_id"),
        CheckConstraint("paid_fen >= 1 AND bonus_fen >= 0", name="amounts"),
        CheckConstraint("taken_paid_fen BETWEEN 0 AND paid_fen", name="taken_paid"),
        CheckConstraint("taken_bonus_fen BETWEEN 0 AND bonus_fen", name="taken_bonus"),
        CheckConstraint("(status = 'held') = (due_at IS NOT NULL)", name="held_is_looked_at"),
        Index("ix_recharge_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_recharge_card", "provider_id", "card_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    card_id: Mapped[BigId]
    order_id: Mapped[BigId]
    status: Mapped[RechargeStatus] = mapped_column(default=RechargeStatus.HELD)
    paid_fen: Mapped[Fen]
    bonus_fen: Mapped[Fen]
    taken_paid_fen: Mapped[Fen] = mapped_column(default=0)
    taken_bonus_fen: Mapped[Fen] = mapped_column(default=0)
    terms_version: Mapped[int]
    accepted_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when somebody looks whether its order has closed
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    def move_to(self, new: RechargeStatus) -> None:
        if new not in RECHARGE_TRANSITIONS[self.status]:
            raise IllegalCardTransition(f"recharge {self.id}: {self.status} -> {new}")
        self.status = new


class CardSpend(Base):
    """Which parts of a card an order took, and what of them has gone back."""

    __tablename__ = "card_spend"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        CheckConstraint("paid_fen >= 0 AND bonus_fen >= 0", name="amounts"),
        CheckConstraint("back_paid_fen BETWEEN 0 AND paid_fen", name="back_paid"),
        CheckConstraint("back_bonus_fen BETWEEN 0 AND bonus_fen", name="back_bonus"),
    )

    provider_id: Mapped[TenantId]
    order_id: Mapped[BigId] = mapped_column(primary_key=True)
    card_id: Mapped[BigId]
    paid_fen: Mapped[Fen]
    bonus_fen: Mapped[Fen]
    back_paid_fen: Mapped[Fen] = mapped_column(default=0)
    back_bonus_fen: Mapped[Fen] = mapped_column(default=0)


class CardTaking(Base):
    """What a refund of a recharge took from the card, until its wallet has said how it ends."""

    __tablename__ = "card_taking"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "refund_id"], ["refund.provider_id", "refund.id"]),
        ForeignKeyConstraint(
            ["provider_id", "recharge_id"], ["recharge.provider_id", "recharge.id"]
        ),
        CheckConstraint("paid_fen >= 0 AND bonus_fen >= 0", name="amounts"),
    )

    provider_id: Mapped[TenantId]
    refund_id: Mapped[BigId] = mapped_column(primary_key=True)
    recharge_id: Mapped[BigId]
    card_id: Mapped[BigId]
    paid_fen: Mapped[Fen]
    bonus_fen: Mapped[Fen]
    ended_at: Mapped[datetime | None]  # given back by the wallet, or put back on the card
    is_kept: Mapped[bool] = mapped_column(default=False)  # put back on the card


class CardCode(Base):
    """The bar code of a card (99…): one use, one minute. The code itself is not kept."""

    __tablename__ = "card_code"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        UniqueConstraint("provider_id", "code_hash"),
        Index("ix_card_code_card", "provider_id", "card_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    card_id: Mapped[BigId]
    code_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    order_id: Mapped[BigId | None]  # what it paid
    created_at: Mapped[datetime]
