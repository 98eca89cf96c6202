"""Devices (机具) of stores: what is bound to them, how they are bound, and what they report."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class ShiftType(IntEnum):
    """device_shift_type of the API (product DEV-1)."""

    MOBILE_TERMINAL = 1
    PC_CASHIER = 2
    SMART_POS = 3
    OTHER = 4


class BoundBy(StrEnum):
    """How a serial number came to a device: told by whoever had the code, or proven by a key."""

    SETTING = "setting"
    KEY = "key"


class Device(Base):
    """A cash point of a store. `device_id` is the merchant's own; it is never given to another
    device of that store, also after this one was deleted: order numbers are made from it.

    A serial number stands at one device of a merchant; one that is proven by its key, at one device
    of the provider.
    """

    __tablename__ = "device"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        UniqueConstraint("provider_id", "store_id", "device_id"),
        UniqueConstraint("provider_id", "out_device_id"),
        Index("uq_device_serial", "provider_id", "merchant_id", "sn_code", unique=True),
        Index(
            "uq_device_proven",
            "provider_id",
            "sn_code",
            unique=True,
            postgresql_where=text("bound_by = 'key'"),
        ),
        CheckConstraint("shift_type BETWEEN 1 AND 4", name="shift_type_known"),
        CheckConstraint(
            "(sn_code IS NULL) = (bound_at IS NULL) AND (sn_code IS NULL) = (bound_by IS NULL)",
            name="bound_is_whole",
        ),
        CheckConstraint("deleted_at IS NULL OR sn_code IS NULL", name="deleted_is_unbound"),
        CheckConstraint("unbound_at IS NULL OR sn_code IS NULL", name="unbound_or_bound"),
        CheckConstraint("(refused_at IS NULL) = (refused_why IS NULL)", name="refused_is_whole"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    device_id: Mapped[str] = mapped_column(String(64))
    out_device_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(32))
    remark: Mapped[str] = mapped_column(String(127), default="", server_default="")
    shift_type: Mapped[int] = mapped_column(SmallInteger)
    staff_id: Mapped[BigId | None]  # whose name the bound device works under
    sn_code: Mapped[str | None] = mapped_column(String(64))
    bound_by: Mapped[BoundBy | None]
    bound_at: Mapped[datetime | None]
    unbound_at: Mapped[datetime | None]  # bound before, and not since: it cannot trade
    # a trade in its name was refused by the API (`TradeRefusal`); the last one
    refused_at: Mapped[datetime | None]
    refused_why: Mapped[str | None] = mapped_column(String(16))
    app_version: Mapped[str] = mapped_column(String(32), default="", server_default="")
    seen_at: Mapped[datetime | None]  # it last told of itself
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class DeviceSetting(Base):
    """A code of five minutes by which one device of one serial number is set up (DEV-2, DEV-3)."""

    __tablename__ = "device_setting"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "row_id"], ["device.provider_id", "device.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        UniqueConstraint("provider_id", "code_hash"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    row_id: Mapped[BigId]  # of `device`
    staff_id: Mapped[BigId]
    code_hash: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String(64))
    used_by: Mapped[str | None] = mapped_column(String(64))  # the serial number that took it
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class DeviceKey(Base):
    """A serial number with the init key that its factory gave it."""

    __tablename__ = "device_key"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "sn_code"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    sn_code: Mapped[str] = mapped_column(String(64))
    seal_key: Mapped[str] = mapped_column(String(64))
    init_key_sealed: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime]


class DeviceBinding(Base):
    """A code that a device shows to be bound by; over when `expires_at` has come."""

    __tablename__ = "device_binding"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "key_id"], ["device_key.provider_id", "device_key.id"]
        ),
        ForeignKeyConstraint(["provider_id", "row_id"], ["device.provider_id", "device.id"]),
        UniqueConstraint("provider_id", "activator"),
        UniqueConstraint("provider_id", "token_hash"),
        CheckConstraint("(row_id IS NULL) = (activated_at IS NULL)", name="activated_has_device"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    key_id: Mapped[BigId]
    activator: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64))
    app_version: Mapped[str] = mapped_column(String(32), default="", server_default="")
    row_id: Mapped[BigId | None]  # of `device`
    activated_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class TillLogin(Base):
    """A till that shows a code to be let in by one of the merchant's people (product LOG-1)."""

    __tablename__ = "till_login"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        UniqueConstraint("provider_id", "activator"),
        UniqueConstraint("provider_id", "token_hash"),
        CheckConstraint("(staff_id IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        CheckConstraint("NOT is_granted OR staff_id IS NOT NULL", name="granted_by_somebody"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    activator: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64))
    terminal_type: Mapped[int] = mapped_column(SmallInteger)  # 1 PC, 2 Android
    is_granted: Mapped[bool] = mapped_column(default=False, server_default="false")
    staff_id: Mapped[BigId | None]  # who decided
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class DeviceReport(Base):
    """What a device counted between two moments, in its own words; kept for some time."""

    __tablename__ = "device_report"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "row_id"], ["device.provider_id", "device.id"]),
        UniqueConstraint("provider_id", "row_id", "begin_at", "end_at"),
        Index("ix_device_report_old", "received_at"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    row_id: Mapped[BigId]  # of `device`
    sn_code: Mapped[str] = mapped_column(String(64))
    begin_at: Mapped[datetime]
    end_at: Mapped[datetime]
    pay_count: Mapped[int]
    success_count: Mapped[int]
    amount_fen: Mapped[Fen]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the single numbers, no order's
    received_at: Mapped[datetime]


class TillTelemetry(Base):
    """The newest of each kind that a till told of itself."""

    __tablename__ = "till_telemetry"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        UniqueConstraint("provider_id", "store_id", "till", "kind"),
        CheckConstraint("kind IN ('monitor', 'conf')", name="kind_known"),
        Index("ix_till_telemetry_old", "received_at"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    store_id: Mapped[BigId]
    till: Mapped[str] = mapped_column(String(64))  # its device_id, else its machine_no
    kind: Mapped[str] = mapped_column(String(8))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime]
