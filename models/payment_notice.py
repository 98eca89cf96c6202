"""Notices to a shop's people when money arrives: one row per order and person."""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class NoticeStatus(StrEnum):
    PENDING = "pending"  # to be sent, by `way`
    SENT = "sent"  # WeChat or the relay of short messages took it
    FAILED = "failed"  # surely not told, by no way that there was
    UNSURE = "unsure"  # no answer came, and asking again could tell it twice
    QUIET = "quiet"  # within the person's quiet hours: not sent, and not later either


class NoticeWay(StrEnum):
    WECHAT = "wechat"
    SMS = "sms"


class PaymentNotice(Base):
    """What it says is made from the books when it is sent. No openid and no phone is in here.

    `maybe_at`: since when it may have arrived, written before each try and taken back by a definite
    no: whoever finds it knows that a try was begun and nobody heard how it ended.
    """

    __tablename__ = "payment_notice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "order_id", "person_id"),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="pending_has_due_time"),
        Index("ix_payment_notice_due", "due_at", "id", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_payment_notice_msg",
            "provider_id",
            "msg_id",
            postgresql_where=text("msg_id IS NOT NULL"),
        ),
        Index(
            "ix_payment_notice_trouble",
            "provider_id",
            "merchant_id",
            text("id DESC"),
            postgresql_where=text("wechat_code <> '' OR status IN ('failed', 'unsure')"),
        ),
        Index("ix_payment_notice_created", "created_at"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    order_id: Mapped[BigId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    staff_id: Mapped[BigId]  # the role by which the person is told; its phone is the one that rings
    person_id: Mapped[BigId]
    is_large: Mapped[bool]
    status: Mapped[NoticeStatus] = mapped_column(default=NoticeStatus.PENDING)
    way: Mapped[NoticeWay] = mapped_column(default=NoticeWay.WECHAT)
    tries: Mapped[int] = mapped_column(default=0)  # of this way
    maybe_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    msg_id: Mapped[str | None] = mapped_column(String(32))  # WeChat's, in its later event
    wechat_code: Mapped[str] = mapped_column(String(32), default="")  # why not by WeChat
    sms_code: Mapped[str] = mapped_column(String(32), default="")  # why not by short message
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class NoticeTemplate(Base):
    """Which of the account's templates a payment is told by; without one nobody is told.

    `fields` says for each of its keywords what stands there (`services/payment_notices/words.py`).
    """

    __tablename__ = "notice_template"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    template_id: Mapped[str] = mapped_column(String(64))
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_active: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]


class NoticeChoice(Base):
    """What a person has chosen; without a row nothing is quiet and an owner hears of large ones."""

    __tablename__ = "notice_choice"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "person_id"),
        CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from IS DISTINCT FROM"
            " quiet_until OR quiet_from IS NULL AND quiet_until IS NULL",
            name="quiet_is_a_span",
        ),
        CheckConstraint("large_fen IS NULL OR large_fen > 0", name="large_is_a_sum"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    person_id: Mapped[BigId]
    quiet_from: Mapped[time | None]  # Asia/Shanghai; may lie after `quiet_until`: over midnight
    quiet_until: Mapped[time | None]
    large_fen: Mapped[Fen | None]  # told at any hour from here on; None: the deployment's
    all_payments: Mapped[bool] = mapped_column(default=False)  # as an owner, of all stores
    changed_at: Mapped[datetime]


class NoticeVerdict(Base):
    """WeChat's later word that a notice it had taken did not arrive. It may come before our own
    write of the number that it names: so it waits here until that is there."""

    __tablename__ = "notice_verdict"
    __table_args__ = (
        UniqueConstraint("provider_id", "msg_id"),
        Index("ix_notice_verdict_due", "due_at", "id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    msg_id: Mapped[str] = mapped_column(String(32))
    said: Mapped[str] = mapped_column(String(32))
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
