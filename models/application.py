"""特约商户进件: a merchant's application at WeChat Pay, and the papers that go with it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class ApplicationState(StrEnum):
    """WeChat's own states (wechat.md E1) behind two of ours."""

    DRAFT = "draft"
    SUBMITTING = "submitting"  # papers are on their way; nothing is known of it upstream yet
    EDITING = "editing"  # WeChat did not take it: it can be changed and sent again
    AUDITING = "auditing"
    REJECTED = "rejected"
    TO_BE_CONFIRMED = "to_be_confirmed"  # the account is to be verified, within 10 days
    TO_BE_SIGNED = "to_be_signed"  # the merchant signs, within 30 days
    SIGNING = "signing"  # permissions are being opened
    FINISHED = "finished"
    CANCELED = "canceled"


CHANGEABLE = frozenset(
    {ApplicationState.DRAFT, ApplicationState.EDITING, ApplicationState.REJECTED}
)
FINAL = frozenset({ApplicationState.FINISHED, ApplicationState.CANCELED})


class Application(Base):
    """One application, under one `business_code` whatever becomes of it.

    `answers` holds what anybody of the console may read, `private_sealed` the rest, as JSON.
    `problems` is what stands against a field, by its name. Asked about at `due_at`.
    """

    __tablename__ = "application"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "business_code"),
        CheckConstraint(
            "state NOT IN ('draft', 'editing', 'rejected', 'finished', 'canceled')"
            " OR due_at IS NULL",
            name="only_open_ones_are_asked_about",
        ),
        Index("ix_application_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_application_kept",
            "changed_at",
            postgresql_where=text("papers_gone_at IS NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    business_code: Mapped[str] = mapped_column(String(64))
    state: Mapped[ApplicationState] = mapped_column(default=ApplicationState.DRAFT)
    title: Mapped[str] = mapped_column(String(64), default="")  # the business, for lists
    answers: Mapped[dict[str, Any]]
    seal_key: Mapped[str] = mapped_column(String(64))
    private_sealed: Mapped[str | None] = mapped_column(Text, info={"personal": "identity"})
    problems: Mapped[dict[str, Any]]
    words: Mapped[str] = mapped_column(String(200), default="")  # WeChat's, about the state
    sign_url: Mapped[str | None] = mapped_column(String(1024))
    applyment_id: Mapped[str | None] = mapped_column(String(32))
    sub_mchid: Mapped[str | None] = mapped_column(String(32))
    merchant_id: Mapped[BigId | None]
    made_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    tries: Mapped[int] = mapped_column(default=0)  # questions without an answer, in a row
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    state_at: Mapped[datetime]  # since when it is in this state
    papers_gone_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]


class ApplicationPaper(Base):
    """A picture of a paper, locked by a key of its own that the ring seals."""

    __tablename__ = "application_paper"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "application_id"], ["application.provider_id", "application.id"]
        ),
        UniqueConstraint("provider_id", "application_id", "field"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    application_id: Mapped[BigId]
    field: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(8))  # jpg, png, bmp: what it is, whatever its name
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    seal_key: Mapped[str] = mapped_column(String(64))
    key_sealed: Mapped[str] = mapped_column(String(512))
    content: Mapped[bytes] = mapped_column(
        LargeBinary, deferred=True, info={"personal": "identity"}
    )
    media_id: Mapped[str | None] = mapped_column(String(256))  # as WeChat knows it
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
