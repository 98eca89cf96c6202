"""A payer, member or staff identity: the only place where an openid is kept, and kept sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, TenantId


class Person(Base):
    """Found by `subject_hash` (a keyed hash); erasing empties `sealed`, the books stay whole."""

    __tablename__ = "person"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "subject_hash"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(16))
    app: Mapped[str] = mapped_column(String(32))  # sp_appid or Alipay app_id
    subject_hash: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str | None] = mapped_column(String(512))
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
