"""Verified upstream events as they came, cases that a person must look at, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class UpstreamEvent(Base):
    """A notification whose signature held. The body is sealed: it names the payer, and goes when
    its time is over or the payer is erased; that it came stays."""

    __tablename__ = "upstream_event"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "channel", "dedupe_key"),
        Index(
            "ix_upstream_event_kept",
            "received_at",
            postgresql_where=text("sealed IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(24))  # trade, refund
    dedupe_key: Mapped[str] = mapped_column(
        String(80)
    )  # nonce of the signature, or the body's hash
    body_hash: Mapped[str] = mapped_column(String(64))
    out_trade_no: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str | None] = mapped_column(Text, info={"personal": "message"})
    received_at: Mapped[datetime]


class CaseKind(StrEnum):
    AMOUNT_MISMATCH = "amount_mismatch"
    PAYEE_MISMATCH = "payee_mismatch"
    UNKNOWN_TRADE = "unknown_trade"
    PAID_TWICE = "paid_twice"
    REFUND_NOTICE = "refund_notice"  # about a refund that we did not ask for
    REFUND_WAITING = "refund_waiting"  # the merchant's balance is too low
    REFUND_ABNORMAL = "refund_abnormal"  # the payer's account takes nothing
    REFUND_MISMATCH = "refund_mismatch"  # another amount than ours, or no room for a late success
    REFUND_SLOW = "refund_slow"  # not final after three days
    PAID_AFTER_REVERSE = "paid_after_reverse"  # kept by the wallet although it was reversed
    LEDGER_BROKEN = "ledger_broken"  # of a merchant's cards: an entry, seal, balance or sum
    AUDIT_BROKEN = "audit_broken"  # the audit log's chain: an entry was changed, removed or added
    PAYOUT_OVERDUE = "payout_overdue"  # a card's money is not back by its day
    NO_ANSWER = "no_answer"  # the wallet has been silent for two minutes
    DEPOSIT_MISMATCH = "deposit_mismatch"  # the wallet holds another amount than we think
    DEPOSIT_ENDS = "deposit_ends"  # in two days the wallet gives it back by itself


class MoneyCase(Base):
    """Something about money that no rule may decide: a person closes it."""

    __tablename__ = "money_case"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "dedupe_key"),
        Index(
            "ix_money_case_open",
            "provider_id",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    kind: Mapped[CaseKind]
    dedupe_key: Mapped[str] = mapped_column(String(96))
    out_trade_no: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[BigId | None]
    facts: Mapped[dict[str, Any]] = mapped_column(info={"personal": "words"})
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    healed: Mapped[bool] = mapped_column(default=False, server_default="false")  # by itself


class AuditEntry(Base):
    """Who did what to which thing. `actor` is a role and an id, never an openid."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        Index("ix_audit_entry_subject", "provider_id", "subject", text("id DESC")),
        Index("ix_audit_entry_actor", "provider_id", "actor", text("id DESC")),
        Index("ix_audit_entry_action", "provider_id", "action", text("id DESC")),
        Index("ix_audit_entry_created", "provider_id", "created_at"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(48))
    subject: Mapped[str] = mapped_column(String(80))
    facts: Mapped[dict[str, Any]] = mapped_column(info={"personal": "words"})
    created_at: Mapped[datetime]
