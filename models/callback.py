"""A call to the provider's own system: one row per event, sent until it is heard or given up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class CallbackEvent(StrEnum):
    """What is told. Cloud Pay has told payments always and refunds from 2017-09 to 2019-04."""

    PAY_SUCCESS = "pay_success"
    REFUND_SUCCESS = "refund_success"


class CallbackStatus(StrEnum):
    PENDING = "pending"  # to be sent, or sent without an answer that counts
    DELIVERED = "delivered"  # the receiver said 200; never sent again by itself
    DEAD = "dead"  # given up after the last try: a person sends it again, or lets it be


class Callback(Base):
    """The content is made from the books when it is sent, so a late one tells the state of then."""

    __tablename__ = "callback"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(["provider_id", "refund_id"], ["refund.provider_id", "refund.id"]),
        UniqueConstraint("provider_id", "event", "number"),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="pending_has_due_time"),
        CheckConstraint(
            "(event = 'refund_success') = (refund_id IS NOT NULL)", name="refund_has_refund"
        ),
        Index(
            "ix_callback_due",
            "provider_id",
            "due_at",
            "id",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_callback_dead",
            "provider_id",
            "id",
            postgresql_where=text("status = 'dead' AND dismissed_at IS NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    event: Mapped[CallbackEvent]
    number: Mapped[str] = mapped_column(String(32))  # out_trade_no or out_refund_no: once per event
    order_id: Mapped[BigId]
    refund_id: Mapped[BigId | None]
    status: Mapped[CallbackStatus] = mapped_column(default=CallbackStatus.PENDING)
    tries: Mapped[int] = mapped_column(default=0)  # begun, since it was written or sent by a person
    replays: Mapped[int] = mapped_column(default=0)  # how often a person had it sent again
    last_status: Mapped[int | None]  # HTTP
    last_code: Mapped[str | None] = mapped_column(String(32))  # docs/errors.md
    last_error: Mapped[str | None] = mapped_column(String(256))  # in words
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]  # a person has decided that nobody misses it
