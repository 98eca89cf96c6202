"""A payer, member or staff identity: the only place where an openid is kept, and kept sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, TenantId


class Person(Base):
    """Found by `subject_hash`, a keyed hash. Erased, both are gone: whoever comes again is somebody
    new, and the books stay whole. `seen_at` is the last time that the wallet told who it is."""

    __tablename__ = "person"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "subject_hash"),
        Index("ix_person_seen", "seen_at", postgresql_where=text("sealed IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(16))
    app: Mapped[str] = mapped_column(String(32))  # sp_appid or Alipay app_id
    subject_hash: Mapped[str] = mapped_column(String(64), info={"personal": "identity"})
    sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "identity"})
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    erased_at: Mapped[datetime | None]
