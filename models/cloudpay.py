"""Calls of the Cloud Pay API that are done once per number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class CpayCall(Base):
    """One number of one merchant: what was asked under it and the reply that repeats get.

    `same` is a keyed hash of the content, nonce and till apart; empty while a refusal left the
    number free. `reply` is the content that was signed, byte for byte.
    """

    __tablename__ = "cpay_call"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", "kind", "number"),
        CheckConstraint("kind IN ('pay', 'refund', 'freeze', 'unfreeze')", name="kind_known"),
        CheckConstraint("(reply IS NULL) = (answered_at IS NULL)", name="reply_has_time"),
        Index(
            "ix_cpay_call_device",
            "provider_id",
            "merchant_id",
            "device_id",
            text("id DESC"),
            postgresql_where=text("device_id <> ''"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(8))
    number: Mapped[str] = mapped_column(String(32))
    method: Mapped[str] = mapped_column(String(40))
    same: Mapped[str] = mapped_column(String(64))
    trade_type: Mapped[int | None] = mapped_column(SmallInteger)
    device_id: Mapped[str] = mapped_column(String(64), default="", server_default="")
    staff_id: Mapped[str] = mapped_column(String(64), default="", server_default="")
    nonce_str: Mapped[str] = mapped_column(String(32), default="", server_default="")
    # the content without payment codes and payers' ids
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB, info={"personal": "words"})
    lease_until: Mapped[datetime]  # somebody works on it
    reply: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
