"""What the checks of the configuration found, for a provider, each merchant and each store."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class Level(StrEnum):
    """`unknown`: it was asked and nothing could be told. It is never shown as fine."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class HealthFinding(Base):
    """The newest word on one check of one subject: the provider's own where no merchant is named,
    a merchant's where no store is. No secret and nothing of a payer is in it."""

    __tablename__ = "health_finding"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        UniqueConstraint(
            "provider_id",
            "merchant_id",
            "store_id",
            "check_name",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_health_finding_level", "provider_id", "level", "merchant_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId | None]
    store_id: Mapped[BigId | None]
    check_name: Mapped[str] = mapped_column(String(32))
    level: Mapped[Level]
    said: Mapped[str] = mapped_column(String(200))  # in words for people
    upstream_code: Mapped[str] = mapped_column(String(64), default="")
    upstream_text: Mapped[str] = mapped_column(String(200), default="")
    until_at: Mapped[datetime | None]  # when what was found fine ends
    since_at: Mapped[datetime]  # of this level
    checked_at: Mapped[datetime]
