"""Accounts of the console (控制台), their sessions, and what each may do at which provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class ConsoleRole(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class ConsoleUser(Base):
    """An account of the deployment: one may work for several providers (product PRV-1).

    Without a confirmed TOTP secret it cannot sign in. `last_step` is the newest time step whose
    code was taken: no code serves twice.
    """

    __tablename__ = "console_user"
    __table_args__ = (
        UniqueConstraint("username"),
        CheckConstraint("username = lower(username)", name="username_is_lower"),
    )

    id: Mapped[RowId]
    username: Mapped[str] = mapped_column(String(64), info={"personal": "name"})
    name: Mapped[str] = mapped_column(String(32), info={"personal": "name"})
    password_hash: Mapped[str] = mapped_column(String(200), info={"personal": "secret"})
    seal_key: Mapped[str] = mapped_column(String(64))
    totp_sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "secret"})
    last_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    can_add_providers: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    failed_count: Mapped[int] = mapped_column(default=0, server_default="0")
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ConsoleMember(Base):
    """What an account may do at one provider. An account that was there before says yes first
    (`accepted_at`): nobody's account is tied to a provider without its owner."""

    __tablename__ = "console_member"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "user_id"),
        Index("ix_console_member_user", "user_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    user_id: Mapped[BigId]  # of console_user, whose rows stay; no tenant's key leads out of it
    role: Mapped[ConsoleRole]
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]


class ConsoleSession(Base):
    """A browser that is signed in, for one provider at a time (None: not chosen, or none yet).

    `confirmed_at`: when its person last gave a fresh TOTP code inside the session.
    `by_recovery`: it began with a recovery code in place of the second factor's.
    """

    __tablename__ = "console_session"
    __table_args__ = (
        Index("ix_console_session_user", "user_id"),
        Index("ix_console_session_expiry", "expires_at"),
    )

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[BigId] = mapped_column(ForeignKey("console_user.id"))
    provider_id: Mapped[BigId | None] = mapped_column(ForeignKey("provider.id"))
    agent: Mapped[str] = mapped_column(String(160), default="", server_default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    by_recovery: Mapped[bool] = mapped_column(default=False, server_default="false")


class ConsoleInvite(Base):
    """A set-up link: whoever holds it sets password and second factor of the account, once."""

    __tablename__ = "console_invite"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_console_invite_user", "user_id"),
        Index("ix_console_invite_expiry", "expires_at"),
    )

    id: Mapped[RowId]
    user_id: Mapped[BigId] = mapped_column(ForeignKey("console_user.id"))
    token_hash: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # used, or another one was made


class ConsoleRecovery(Base):
    """A recovery code: stands in for the second factor once. A keyed hash; nobody can read it."""

    __tablename__ = "console_recovery"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[RowId]
    user_id: Mapped[BigId] = mapped_column(ForeignKey("console_user.id"))
    code_hash: Mapped[str] = mapped_column(String(64), info={"personal": "secret"})
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ConsoleTry(Base):
    """How often something was tried since `began_at`, counted under the row's lock.

    `subject` is a kind and a keyed hash: of an address, of a name that is no account's; or "all".
    """

    __tablename__ = "console_try"
    __table_args__ = (Index("ix_console_try_began", "began_at"),)

    subject: Mapped[str] = mapped_column(
        String(80), primary_key=True, info={"personal": "identity"}
    )
    count: Mapped[int]
    began_at: Mapped[datetime]
