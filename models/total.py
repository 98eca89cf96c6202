"""Takings by store, wallet and day, and by provider and hour: added up, or not added yet."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class DayTotal(Base):
    """One store, one wallet, one China day. Exact only together with the rows of `DayDelta`."""

    __tablename__ = "day_total"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        Index("ix_day_total_day", "provider_id", "day_on", "merchant_id"),
    )

    provider_id: Mapped[TenantId]
    merchant_id: Mapped[BigId] = mapped_column(primary_key=True)
    day_on: Mapped[date] = mapped_column(primary_key=True)
    store_id: Mapped[BigId] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    paid_count: Mapped[BigId]
    paid_fen: Mapped[Fen]
    refund_count: Mapped[BigId]  # refunds that succeeded on this day, whenever they were paid
    refund_fen: Mapped[Fen]
    returned_fen: Mapped[Fen]  # of what was paid on this day, whenever it went back
    # of these, by the payment code that the payer showed
    code_paid_count: Mapped[BigId] = mapped_column(default=0, server_default="0")
    code_paid_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    code_refund_count: Mapped[BigId] = mapped_column(default=0, server_default="0")
    code_refund_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    last_order_id: Mapped[BigId]  # newest order made and paid on this day, where a list may begin


class DayDelta(Base):
    """What one payment or refund adds. Written once, in its transaction, and soon added up.

    No foreign keys: the order of the same transaction has them, and it pays for each.
    """

    __tablename__ = "day_delta"
    __table_args__ = (Index("ix_day_delta_merchant_day", "provider_id", "merchant_id", "day_on"),)

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    day_on: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")  # of the day
    store_id: Mapped[BigId]
    channel: Mapped[str] = mapped_column(String(16))
    paid_count: Mapped[BigId] = mapped_column(default=0)
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    refund_count: Mapped[BigId] = mapped_column(default=0)
    refund_fen: Mapped[Fen] = mapped_column(default=0)
    returned_fen: Mapped[Fen] = mapped_column(default=0)
    # of these, by the payment code that the payer showed
    code_paid_count: Mapped[BigId] = mapped_column(default=0, server_default="0")
    code_paid_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    code_refund_count: Mapped[BigId] = mapped_column(default=0, server_default="0")
    code_refund_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    way: Mapped[str] = mapped_column(String(16), default="", server_default="")  # see `WayTotal`
    last_order_id: Mapped[BigId] = mapped_column(default=0)


class ProviderHour(Base):
    """All merchants of a provider, one wallet, one hour of a China day: the same rows added up."""

    __tablename__ = "provider_hour"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["provider.id"]),)

    provider_id: Mapped[TenantId]
    day_on: Mapped[date] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # 0 to 23, of China
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    paid_count: Mapped[BigId]
    paid_fen: Mapped[Fen]
    refund_count: Mapped[BigId]
    refund_fen: Mapped[Fen]
    code_paid_count: Mapped[BigId]
    code_paid_fen: Mapped[Fen]
    code_refund_count: Mapped[BigId]
    code_refund_fen: Mapped[Fen]


class WayTotal(Base):
    """One merchant, or all of a provider's (0), one wallet, one China day, one way that payments
    came: those of `services/ways.py` that the other totals do not tell apart.

    No foreign key of the merchant: there is none of all.
    """

    __tablename__ = "way_total"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["provider.id"]),)

    provider_id: Mapped[TenantId]
    merchant_id: Mapped[BigId] = mapped_column(primary_key=True)
    day_on: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    way: Mapped[str] = mapped_column(String(16), primary_key=True)
    paid_count: Mapped[BigId]
    paid_fen: Mapped[Fen]
    refund_count: Mapped[BigId]
    refund_fen: Mapped[Fen]
