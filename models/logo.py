"""Logos of providers and merchants, as payers see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, TenantId


class Logo(Base):
    """A picture that we drew anew. It stays when another takes its place: a page that is open may
    still ask for it, and the audit log names it.
    """

    __tablename__ = "logo"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "public_id"),
        UniqueConstraint("provider_id", "sha256"),
        CheckConstraint("octet_length(body) <= 24576", name="body_is_small"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(24))
    sha256: Mapped[str] = mapped_column(String(64))  # of the body
    body: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
