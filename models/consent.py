"""What a person agreed to about the own data: what for, which words, since when and until when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from models.base import Base, BigId, RowId, TenantId


class ConsentKind(StrEnum):
    MEMBER_PHONE = "member_phone"  # to find a card again, and for its codes
    MEMBER_NAME = "member_name"  # what the shop's people call a member
    STAFF_PHONE = "staff_phone"  # notices by message to somebody who works in a shop


class Consent(Base):
    """One yes to one merchant. Withdrawn it stays, as the proof that it was there; a new yes is a
    new row. The words of each version stand in `services/privacy/consents.py`."""

    __tablename__ = "consent"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        Index(
            "uq_consent_live",
            "provider_id",
            "person_id",
            "merchant_id",
            "kind",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    person_id: Mapped[BigId]
    kind: Mapped[ConsentKind]
    text_version: Mapped[int]
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
