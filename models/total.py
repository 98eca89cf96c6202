"""Takings by store, wallet and day: what is added up, and what has not been added yet."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKeyConstraint, Index, String
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
    store_id: Mapped[BigId]
    channel: Mapped[str] = mapped_column(String(16))
    paid_count: Mapped[BigId] = mapped_column(default=0)
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    refund_count: Mapped[BigId] = mapped_column(default=0)
    refund_fen: Mapped[Fen] = mapped_column(default=0)
    returned_fen: Mapped[Fen] = mapped_column(default=0)
    last_order_id: Mapped[BigId] = mapped_column(default=0)
