"""The audit log's chain: which entries wait for their seal, the seals, and where each chain is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, TenantId


class AuditTail(Base):
    """An entry that has no seal yet; written by the statement that writes the entry."""

    __tablename__ = "audit_tail"

    provider_id: Mapped[TenantId]
    entry_id: Mapped[BigId] = mapped_column(primary_key=True)


class AuditSeal(Base):
    """An entry's place in its provider's chain: `mac` covers the one before and the whole entry,
    under a key that is not in the database. No foreign key: what was removed is told by its seal.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("provider_id", "seq"),)

    provider_id: Mapped[TenantId]
    entry_id: Mapped[BigId] = mapped_column(primary_key=True)
    seq: Mapped[BigId]
    mac: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The end of a provider's chain, locked while it grows; and what the last check found."""

    __tablename__ = "audit_head"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["provider.id"]),)

    provider_id: Mapped[TenantId]
    seq: Mapped[BigId]
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    verified_count: Mapped[BigId | None]
    finding: Mapped[str] = mapped_column(String(200), default="", server_default="")
