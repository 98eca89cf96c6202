"""Around a member card: the phone's codes, imports of old members, the copy in WeChat's wallet."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class PhoneCode(Base):
    """A code sent to a phone. Neither phone nor code is kept: both are keyed hashes."""

    __tablename__ = "phone_code"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        Index("ix_phone_code_card", "provider_id", "card_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    card_id: Mapped[BigId]
    phone_hash: Mapped[str] = mapped_column(String(64), info={"personal": "phone"})
    code_hash: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(default=0)  # wrong ones
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SmsQuota(Base):
    """Messages sent for one phone or one card within an hour; counted exactly, under its lock."""

    __tablename__ = "sms_quota"

    provider_id: Mapped[TenantId]
    subject: Mapped[str] = mapped_column(String(80), primary_key=True, info={"personal": "phone"})
    since_at: Mapped[datetime]
    taken: Mapped[int]
    last_at: Mapped[datetime]


class ImportBatch(Base):
    """One file of old members that was taken over, whole."""

    __tablename__ = "import_batch"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", "file_hash"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    file_hash: Mapped[str] = mapped_column(String(64))  # SHA-256: the same file counts once
    rows: Mapped[int]
    sum_fen: Mapped[Fen]
    actor: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class WechatCardState(StrEnum):
    """A program's card in WeChat's wallet."""

    WANTED = "wanted"  # to be made there
    REVIEWED = "reviewed"  # made, WeChat looks at it
    PASSED = "passed"
    REFUSED = "refused"


class WechatCard(Base):
    """A program that is to be in WeChat's wallet, too; without a row it is on our page only."""

    __tablename__ = "wechat_card"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["card_program.provider_id", "card_program.id"]
        ),
        CheckConstraint(
            "(state IN ('wanted', 'reviewed')) = (due_at IS NOT NULL)", name="open_is_looked_at"
        ),
        Index("ix_wechat_card_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    program_id: Mapped[BigId] = mapped_column(primary_key=True)
    state: Mapped[WechatCardState]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    said: Mapped[str] = mapped_column(String(200), default="")  # WeChat's last no
    created_at: Mapped[datetime]


class WechatCardCopy(Base):
    """A member's balance as WeChat's wallet shows it: a copy, never the ledger.

    A trigger makes it due when the card moves. After too many failures `due_at` is empty and
    `said` has the reason, until the card moves again.
    """

    __tablename__ = "wechat_card_copy"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "card_id"], ["member_card.provider_id", "member_card.id"]
        ),
        Index("ix_wechat_card_copy_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    card_id: Mapped[BigId] = mapped_column(primary_key=True)
    is_activated: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=-1)  # of the card, when it was last shown
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    said: Mapped[str] = mapped_column(String(200), default="")
    shown_at: Mapped[datetime | None]
