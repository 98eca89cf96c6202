"""Browser sessions as rows: the cookie holds only a random id, the row only its hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class WebSession(Base):
    """kind `payer`: who pays, per wallet; kind `staff`: who acts for a merchant, as what.

    A staff session is a person's (`wechat_person_id`) and acts in one role at a time: as a row of
    `staff`, or as a `provider_admin` in one merchant. Neither: the person has not chosen yet.
    """

    __tablename__ = "web_session"
    __table_args__ = (Index("ix_web_session_expiry", "expires_at"),)

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    provider_id: Mapped[BigId]
    wechat_person_id: Mapped[BigId | None]
    alipay_person_id: Mapped[BigId | None]
    staff_id: Mapped[BigId | None]
    provider_admin_id: Mapped[BigId | None]
    merchant_id: Mapped[BigId | None]  # where the provider's person acts
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class OauthState(Base):
    """One departure to a wallet's OAuth page: bound to a session, good once, for ten minutes."""

    __tablename__ = "oauth_state"
    __table_args__ = (Index("ix_oauth_state_expiry", "expires_at"),)

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_hash: Mapped[str] = mapped_column(String(64))
    provider_id: Mapped[BigId]
    channel: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(2048))  # path of ours to return to
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
