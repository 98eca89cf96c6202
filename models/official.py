"""The official account: what WeChat granted us of it, its tokens, what it told us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class OaMode(StrEnum):
    DIRECT = "direct"  # the deployment has the account's own secret
    COMPONENT = "component"  # the account granted rights to our third-party platform


class OfficialAccount(Base):
    """A provider's official account. No token is in here, and nothing that is not sealed opens it.

    `granted` are the numbers of the permission sets (wechat.md D), as last told.
    """

    __tablename__ = "official_account"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id"),
        CheckConstraint(
            "(mode = 'component') = (component_appid IS NOT NULL)", name="component_has_platform"
        ),
        Index("ix_official_account_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    mode: Mapped[OaMode]
    app_id: Mapped[str] = mapped_column(String(32))
    component_appid: Mapped[str | None] = mapped_column(String(32))
    user_name: Mapped[str] = mapped_column(String(64), default="")  # gh_…: whom pushes are for
    nick_name: Mapped[str] = mapped_column(String(64), default="")
    principal_name: Mapped[str] = mapped_column(String(128), default="")
    service_type: Mapped[int | None]  # 0, 1: subscription account; 2: service account
    verify_type: Mapped[int | None]  # -1: not verified
    verify_until: Mapped[datetime | None]  # no call tells it: from events, or entered by hand
    granted: Mapped[list[int]] = mapped_column(JSONB)
    is_authorised: Mapped[bool] = mapped_column(default=True)
    authorised_at: Mapped[datetime | None]
    event_at: Mapped[datetime | None]  # of WeChat's last word on the authorisation
    seal_key: Mapped[str] = mapped_column(String(64))
    push_token_sealed: Mapped[str | None] = mapped_column(Text)
    push_key_sealed: Mapped[str | None] = mapped_column(Text)  # EncodingAESKey
    refresh_sealed: Mapped[str | None] = mapped_column(Text)  # authorizer_refresh_token
    said_code: Mapped[str] = mapped_column(String(32), default="")  # WeChat's last refusal
    said_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # when to look at what was granted
    created_at: Mapped[datetime]


class WechatComponent(Base):
    """Our third-party platform (第三方平台): the deployment's, not a tenant's."""

    __tablename__ = "wechat_component"
    __table_args__ = (UniqueConstraint("app_id"),)

    id: Mapped[RowId]
    app_id: Mapped[str] = mapped_column(String(32))
    seal_key: Mapped[str] = mapped_column(String(64))
    secret_sealed: Mapped[str] = mapped_column(Text)
    push_token_sealed: Mapped[str] = mapped_column(Text)
    push_key_sealed: Mapped[str] = mapped_column(Text)
    ticket_sealed: Mapped[str | None] = mapped_column(Text)  # component_verify_ticket, 12 h
    ticket_at: Mapped[datetime | None]
    asked_ticket_at: Mapped[datetime | None]  # api_start_push_ticket
    created_at: Mapped[datetime]


class OaToken(Base):
    """A token as every process uses it. `version` rises with each; a late holder's is refused.

    `provider_id` 0 is the deployment's own: the platform's component_access_token.
    """

    __tablename__ = "oa_token"
    __table_args__ = (
        UniqueConstraint("provider_id", "kind", "app_id"),
        Index("ix_oa_token_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(String(16))  # access, jsapi, wx_card, component
    app_id: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[str | None] = mapped_column(Text)
    got_at: Mapped[datetime | None]
    until_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # at 2/3 of its life
    tries: Mapped[int] = mapped_column(default=0)  # in vain since the last success
    said_code: Mapped[str] = mapped_column(String(32), default="")
    said: Mapped[str] = mapped_column(String(200), default="")
    said_at: Mapped[datetime | None]


class OaPush(Base):
    """A push that was taken: WeChat sends each up to three times, others may send it again."""

    __tablename__ = "oa_push"
    __table_args__ = (
        UniqueConstraint("provider_id", "dedupe_key"),
        Index("ix_oa_push_received", "received_at"),
    )

    provider_id: Mapped[TenantId]  # 0: the platform's
    id: Mapped[RowId]
    dedupe_key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(48))
    received_at: Mapped[datetime]


class VerifyFile(Base):
    """A file that WeChat looks for at the root before it believes that a domain is ours."""

    __tablename__ = "verify_file"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    content: Mapped[str] = mapped_column(String(1024))
    provider_id: Mapped[BigId | None]
    created_at: Mapped[datetime]
