"""What processes agree on through the database: leases, heartbeats, upstream quotas."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class Lease(Base):
    """One at a time across processes. A late holder is refused by its fencing number."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime]
    fencing: Mapped[int] = mapped_column(BigInteger)


class Heartbeat(Base):
    """A worker's sign of life, for `readyz`."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    seen_at: Mapped[datetime]


class UpstreamQuota(Base):
    """Calls taken from one provider's allowance in one minute, in blocks."""

    __tablename__ = "upstream_quota"

    provider_id: Mapped[BigId] = mapped_column(BigInteger, primary_key=True)
    operation: Mapped[str] = mapped_column(String(32), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    taken: Mapped[int]


class NonceSeen(Base):
    """A nonce of a signed link, so that the same nonce with other values is refused (DSP-2)."""

    __tablename__ = "nonce_seen"

    provider_id: Mapped[BigId] = mapped_column(BigInteger, primary_key=True)
    merchant_id: Mapped[BigId] = mapped_column(BigInteger, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
