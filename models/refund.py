"""A refund: money of one paid attempt on its way back, under one number that never changes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class RefundStatus(StrEnum):
    """The words of the one table of states; `waiting` and `abnormal` wait for a person."""

    CREATED = "created"  # room is held; the wallet may not have heard of it yet
    PROCESSING = "processing"  # the wallet has accepted it: the money is not back yet
    UNKNOWN = "unknown"  # no answer: asked about, never sent under another number
    WAITING = "waiting"  # the merchant's balance is too low
    SUCCESS = "success"
    FAILED = "failed"
    ABNORMAL = "abnormal"  # the payer's account takes nothing (WeChat)
    VOID = "void"  # the wallet never had it: a person says so after the bill


# A refund that had failed here can still turn out to have succeeded: the wallet's word counts.
REFUND_TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.CREATED: frozenset(RefundStatus) - {RefundStatus.CREATED, RefundStatus.VOID},
    RefundStatus.UNKNOWN: frozenset(RefundStatus) - {RefundStatus.CREATED, RefundStatus.UNKNOWN},
    RefundStatus.PROCESSING: frozenset(
        {RefundStatus.SUCCESS, RefundStatus.FAILED, RefundStatus.ABNORMAL}
    ),
    RefundStatus.WAITING: frozenset(
        {
            RefundStatus.CREATED,
            RefundStatus.PROCESSING,
            RefundStatus.SUCCESS,
            RefundStatus.FAILED,
            RefundStatus.ABNORMAL,
        }
    ),
    RefundStatus.ABNORMAL: frozenset(
        {RefundStatus.PROCESSING, RefundStatus.SUCCESS, RefundStatus.FAILED}
    ),
    # its asker repeats the number after a top-up: sent again
    RefundStatus.FAILED: frozenset({RefundStatus.SUCCESS, RefundStatus.CREATED}),
    RefundStatus.VOID: frozenset({RefundStatus.SUCCESS}),
    RefundStatus.SUCCESS: frozenset(),
}
ROOMLESS = frozenset({RefundStatus.FAILED, RefundStatus.VOID})  # all others hold room
OPEN_REFUNDS = (RefundStatus.CREATED, RefundStatus.PROCESSING, RefundStatus.UNKNOWN)
_OPEN_SQL = "status IN ('created', 'processing', 'unknown')"


class IllegalRefundTransition(Exception):
    """The code tried to move a refund where the table above has no edge."""


class Refund(Base):
    """Room for it stands in the attempt's `held_fen` from before the wallet is called."""

    __tablename__ = "refund"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "attempt_id"], ["pay_attempt.provider_id", "pay_attempt.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        UniqueConstraint("provider_id", "out_refund_no"),
        CheckConstraint("amount_fen BETWEEN 1 AND 2147483647", name="amount_in_range"),
        CheckConstraint(f"due_at IS NOT NULL OR NOT ({_OPEN_SQL})", name="open_is_looked_at_again"),
        Index("ix_refund_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_refund_order", "provider_id", "order_id"),
        Index(
            "ix_refund_succeeded_at",
            "provider_id",
            "succeeded_at",
            postgresql_where=text("succeeded_at IS NOT NULL"),
        ),
        Index(
            "ix_refund_wallet_number",
            "provider_id",
            "refund_id",
            postgresql_where=text("refund_id IS NOT NULL"),
        ),
        Index(
            "ix_refund_merchant_succeeded",
            *("provider_id", "merchant_id", "succeeded_at", "id"),
            postgresql_include=["store_id"],
            postgresql_where=text("status = 'success' AND NOT is_second"),
        ),
        Index(
            "ix_refund_merchant_made",
            *("provider_id", "merchant_id", "created_at", "id"),
            postgresql_include=["store_id"],
            postgresql_where=text("NOT is_second"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    order_id: Mapped[BigId]
    attempt_id: Mapped[BigId]
    merchant_id: Mapped[BigId]  # the order's, so that a merchant's refunds are found alone
    store_id: Mapped[BigId]
    # of a payment that came a second time: neither it nor its way back is taken, told or listed
    is_second: Mapped[bool] = mapped_column(default=False, server_default="false")
    out_refund_no: Mapped[str] = mapped_column(String(32))
    amount_fen: Mapped[Fen]
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.CREATED)
    reason: Mapped[str] = mapped_column(String(80), default="", info={"personal": "words"})
    asked_by: Mapped[str] = mapped_column(String(64))  # a role and an id, as in the audit trail
    allowed_by: Mapped[str] = mapped_column(String(64))
    upstream_code: Mapped[str | None] = mapped_column(String(64))  # of the last refusal
    upstream_message: Mapped[str | None] = mapped_column(String(256))
    # what it is to be paid out of and, once the wallet has said so, is: WeChat's words
    funds_asked: Mapped[str | None] = mapped_column(String(16))
    funds_account: Mapped[str | None] = mapped_column(String(16))
    refund_id: Mapped[str | None] = mapped_column(String(64))  # the wallet's own number
    raw_state: Mapped[str | None] = mapped_column(String(32))
    sends: Mapped[int] = mapped_column(
        default=0
    )  # how often it went out since the wallet surely had nothing
    polls: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]  # when to send or ask next; None: a person, or nothing
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]  # failed or void since

    def move_to(self, new: RefundStatus) -> None:
        if new is self.status:
            return
        if new not in REFUND_TRANSITIONS[self.status]:
            raise IllegalRefundTransition(f"{self.out_refund_no}: {self.status} -> {new}")
        self.status = new
