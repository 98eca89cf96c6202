"""A merchant's people beside their rows in `staff`: provider people, activation codes, shifts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class ProviderAdmin(Base):
    """A person of the provider, or of one sub-provider; acts in the merchants that are theirs."""

    __tablename__ = "provider_admin"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "public_id"),
        Index(
            "uq_provider_admin_person",
            "provider_id",
            text("COALESCE(sub_provider_id, 0)"),
            "person_id",
            unique=True,
            postgresql_where=text("is_active AND person_id IS NOT NULL"),
        ),
        CheckConstraint("removed_at IS NULL OR NOT is_active", name="removed_is_inactive"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    sub_provider_id: Mapped[BigId | None]  # None: of the provider itself
    person_id: Mapped[BigId | None]  # None: not activated yet
    public_id: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(32), info={"personal": "name"})
    can_refund: Mapped[bool] = mapped_column(default=False)
    can_manage_admins: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


_LIVE = "used_at IS NULL AND revoked_at IS NULL"


class Activation(Base):
    """An activation code (激活码): whoever presents it first takes the role it was made for.

    The token stands in the QR code; the six digits are for typing. Good once, until `expires_at`.
    """

    __tablename__ = "activation"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        ForeignKeyConstraint(
            ["provider_id", "provider_admin_id"],
            ["provider_admin.provider_id", "provider_admin.id"],
        ),
        ForeignKeyConstraint(["provider_id", "used_by"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "token_hash"),
        CheckConstraint(
            "(staff_id IS NULL) <> (provider_admin_id IS NULL)", name="is_for_one_role"
        ),
        CheckConstraint("used_at IS NULL OR used_by IS NOT NULL", name="used_by_somebody"),
        Index(
            "uq_activation_digits",
            "provider_id",
            "digits_hash",
            unique=True,
            postgresql_where=text(_LIVE),
        ),
        Index(
            "uq_activation_staff",
            "provider_id",
            "staff_id",
            unique=True,
            postgresql_where=text(f"{_LIVE} AND staff_id IS NOT NULL"),
        ),
        Index(
            "uq_activation_admin",
            "provider_id",
            "provider_admin_id",
            unique=True,
            postgresql_where=text(f"{_LIVE} AND provider_admin_id IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    staff_id: Mapped[BigId | None]
    provider_admin_id: Mapped[BigId | None]
    token_hash: Mapped[str] = mapped_column(String(64))
    digits_hash: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str] = mapped_column(String(512))  # token and digits, to show them again
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    used_by: Mapped[BigId | None]  # the person


class ActivationTry(Base):
    """Six digits that belonged to no code, typed by a person: a few, then he has to wait."""

    __tablename__ = "activation_try"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        Index("ix_activation_try_recent", "provider_id", "tried_at"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    person_id: Mapped[BigId]
    tried_at: Mapped[datetime]


class ShiftState(StrEnum):
    ON = "on"  # somebody is on duty
    SUMMING = "summing"  # 生成中: the slip is not there yet
    DONE = "done"


class Shift(Base):
    """One person's duty, from clocking in to clocking out, at a store or at one of its codes."""

    __tablename__ = "shift"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        ForeignKeyConstraint(
            ["provider_id", "pay_code_id"], ["pay_code.provider_id", "pay_code.id"]
        ),
        CheckConstraint("(state = 'on') = (ended_at IS NULL)", name="on_is_not_ended"),
        CheckConstraint("(state = 'summing') = (due_at IS NOT NULL)", name="summing_is_looked_at"),
        CheckConstraint("(state = 'done') = (slip IS NOT NULL)", name="done_has_a_slip"),
        Index(
            "uq_shift_one_of_a_person",
            "provider_id",
            "staff_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_shift_one_at_a_code",
            "provider_id",
            "pay_code_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL AND pay_code_id IS NOT NULL"),
        ),
        Index("ix_shift_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_shift_store", "provider_id", "store_id", text("id DESC")),
        Index("ix_shift_staff", "provider_id", "staff_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    staff_id: Mapped[BigId]
    pay_code_id: Mapped[BigId | None]  # None: the whole store
    state: Mapped[ShiftState] = mapped_column(default=ShiftState.ON)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))  # himself, or who removed him
    due_at: Mapped[datetime | None]  # when the slip is to be made
    slip: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
