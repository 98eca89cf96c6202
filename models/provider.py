"""The service provider (服务商), its wallet accounts and their sealed credentials."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class OaState(StrEnum):
    """Whether the official account may ask WeChat for a payer's openid (product OA-5, OA-6)."""

    AUTHORIZED = "authorized"
    NOT_AUTHORIZED = "not_authorized"
    NOT_VERIFIED = "not_verified"
    SCOPE_DENIED = "scope_denied"  # WeChat's 10005


class Provider(Base):
    """The root of a tenant: every tenant table's keys begin with this id."""

    __tablename__ = "provider"
    __table_args__ = (
        CheckConstraint(
            "NOT callback_is_active"
            " OR (callback_url IS NOT NULL AND authen_key_sealed IS NOT NULL)",
            name="active_callback_has_address_and_key",
        ),
    )

    id: Mapped[RowId]
    out_mch_id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    oa_state: Mapped[OaState] = mapped_column(default=OaState.AUTHORIZED)
    max_fen: Mapped[Fen | None]
    follow_url: Mapped[str | None] = mapped_column(String(512))
    account_version: Mapped[int] = mapped_column(default=1)  # rises with every credential change
    seal_key: Mapped[str | None] = mapped_column(String(64))
    authen_key_sealed: Mapped[str | None] = mapped_column(String(512))  # signs our callbacks
    cpay_sign_public_key: Mapped[str | None] = mapped_column(Text)  # PEM: signs refunds by API
    callback_url: Mapped[str | None] = mapped_column(String(512))  # may hold a token: never log it
    callback_is_active: Mapped[bool] = mapped_column(default=False, server_default="false")
    callback_on_refund: Mapped[bool] = mapped_column(default=False, server_default="false")
    short_name: Mapped[str] = mapped_column(String(32), default="", server_default="")
    admin_name: Mapped[str] = mapped_column(
        String(32), default="", server_default="", info={"personal": "name"}
    )  # shown only: never an identity
    admin_phone_sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "phone"})
    remark: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # hundredths of a percent, for estimates alone: None where nothing was agreed
    wechat_rebate_bp: Mapped[int | None]
    alipay_rebate_bp: Mapped[int | None]
    logo_id: Mapped[str | None] = mapped_column(String(24))  # `public_id` of one of `logo`
    created_at: Mapped[datetime]


class ChannelAccount(Base):
    """One wallet account of a provider, or a merchant's grant to it; no secret is in `facts`."""

    __tablename__ = "channel_account"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint(
            "provider_id",
            "channel",
            "kind",
            "merchant_id",
            postgresql_nulls_not_distinct=True,
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(16))  # wechat, alipay
    kind: Mapped[str] = mapped_column(String(24))  # pay, oa, grant
    merchant_id: Mapped[BigId | None]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Credential(Base):
    """One secret, sealed by the key ring. Several of a kind may be live during a change."""

    __tablename__ = "credential"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "account_id"], ["channel_account.provider_id", "channel_account.id"]
        ),
        Index("ix_credential_live", "provider_id", "account_id", "kind"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    account_id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(32))  # apiv3_key, merchant_private_key, …
    seal_key: Mapped[str] = mapped_column(
        String(64)
    )  # names this row in the seal: random, never changes
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
