"""What 买单 (WeChat's own collecting product) says of its providers and their sub-merchants."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class LinkState(StrEnum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    OVER = "over"  # nobody confirmed in time, or a newer one was shown


class MaidanLink(Base):
    """A code shown on the console for 买单's administrator to scan (product SYN-1).

    Confirmed, it holds the grant by which sub-merchants are listed; the newest one serves.
    """

    __tablename__ = "maidan_link"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["provider.id"]),)

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    ticket: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(String(512))
    state: Mapped[LinkState] = mapped_column(default=LinkState.WAITING)
    seal_key: Mapped[str] = mapped_column(String(64))
    grant_sealed: Mapped[str | None] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class MaidanProvider(Base):
    """A 买单 provider whose merchants are brought in."""

    __tablename__ = "maidan_provider"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "sp_mchid"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    sp_mchid: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    added_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class MaidanMerchant(Base):
    """A sub-merchant as 买单 listed it; without `merchant_id` it is known there and not here.

    `seen_job_id` is the sync that met it last: twice in one sync is a double of the list.
    """

    __tablename__ = "maidan_merchant"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "sp_mchid", "sub_mchid"),
        Index("ix_maidan_merchant_number", "provider_id", "sub_mchid"),
        Index(
            "ix_maidan_merchant_merchant",
            "provider_id",
            "merchant_id",
            postgresql_where=text("merchant_id IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    sp_mchid: Mapped[str] = mapped_column(String(32))
    sub_mchid: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    short_name: Mapped[str] = mapped_column(String(32))
    merchant_id: Mapped[BigId | None]
    seen_job_id: Mapped[BigId | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class SyncedDevice(Base):
    """A device that a merchant brought along from 买单 (product SYN-6)."""

    __tablename__ = "synced_device"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", "serial"),
        Index("ix_synced_device_serial", "provider_id", "serial"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(24), default="mobile_terminal")
    serial: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class MaidanPart(Base):
    """Some hundred rows of an uploaded list, read and not yet worked off; gone with its job."""

    __tablename__ = "maidan_part"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "job_id"], ["long_job.provider_id", "long_job.id"]),
        UniqueConstraint("provider_id", "job_id", "number"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    job_id: Mapped[BigId]
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
