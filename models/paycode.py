"""Pay codes (收款码): what is printed and scanned; and the table that finds their provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class PayCodeKind(StrEnum):
    STORE = "store"
    STAFF = "staff"
    FIXED = "fixed"  # a unit price; the payer chooses how many
    BLANK = "blank"  # printed before it belongs to a store


class PayCode(Base):
    """A blank code has no store; every other kind has one.

    A code that was unbound is blank again and keeps its merchant: nobody else may bind it, since it
    may still hang in that merchant's shop.
    """

    __tablename__ = "pay_code"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        UniqueConstraint("provider_id", "code"),
        ForeignKeyConstraint(
            ["provider_id", "batch_id"], ["code_batch.provider_id", "code_batch.id"]
        ),
        Index("ix_pay_code_store", "provider_id", "store_id", "id"),
        Index(
            "uq_pay_code_batch_place",
            "provider_id",
            "batch_id",
            "batch_place",
            unique=True,
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        CheckConstraint("kind = 'blank' OR store_id IS NOT NULL", name="bound_has_store"),
        CheckConstraint("kind <> 'fixed' OR unit_price_fen > 0", name="fixed_has_price"),
        CheckConstraint("(batch_id IS NULL) = (batch_place IS NULL)", name="place_in_a_batch"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    code: Mapped[str] = mapped_column(String(24))
    kind: Mapped[PayCodeKind]
    name: Mapped[str] = mapped_column(String(32), default="", info={"personal": "name"})
    merchant_id: Mapped[BigId | None]
    store_id: Mapped[BigId | None]
    staff_id: Mapped[BigId | None]
    unit_price_fen: Mapped[Fen | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    # printed before it belonged to anybody, or bound again: by scanning it (product COD-2)
    bound_at: Mapped[datetime | None]
    batch_id: Mapped[BigId | None]  # printed in this batch, whatever became of it since
    batch_place: Mapped[int | None]  # from one
    created_at: Mapped[datetime]


class Route(Base):
    """Which provider an id belongs to when it arrives without one (an old printed code)."""

    __tablename__ = "route"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)  # shop, person_code
    external_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    provider_id: Mapped[BigId]
    code: Mapped[str | None] = mapped_column(String(24))  # the pay code it means
