"""Blank codes are printed in batches, fifty to a package (product BLK-1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class CodeBatch(Base):
    """So many packages of blank codes; `made` says how many codes there are already.

    `number` counts a provider's batches from one: it is printed on the sheets. The codes themselves
    are rows of `pay_code`, which know their batch and their place in it.
    """

    __tablename__ = "code_batch"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "public_id"),
        UniqueConstraint("provider_id", "number"),
        CheckConstraint("packages BETWEEN 1 AND 100", name="packages_of_a_batch"),
        CheckConstraint("made BETWEEN 0 AND packages * 50", name="made_of_it"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(24))
    number: Mapped[int]
    packages: Mapped[int]
    made: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(40), default="")
    asked_by: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[BigId | None]  # of long_job, whose rows may go; None: made at once
    created_at: Mapped[datetime]
