"""Restored backups: what the books may have forgotten, and the mark that keeps numbers apart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId


class RestoredBackup(Base):
    """One restore. Until `resynced_at`, refunds wait: one made after the backup may be forgotten.

    `mark` stands in every number made from here on out of an older one (`…R1abc`, `…_2abc`): the
    plain one may have been used at the wallet after the backup.
    """

    __tablename__ = "restored_backup"
    __table_args__ = (CheckConstraint("mark ~ '^[a-z]{3}$'", name="mark_is_three_letters"),)

    id: Mapped[RowId]
    mark: Mapped[str] = mapped_column(String(3), unique=True)
    snapshot_at: Mapped[datetime]  # everything committed before it is here
    restored_at: Mapped[datetime]
    resynced_at: Mapped[datetime | None]
