"""An order is one intention to pay; an attempt is one upstream trade of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class OrderStatus(StrEnum):
    CREATED = "created"
    PAYING = "paying"
    PAID = "paid"
    CLOSED = "closed"


class OrderPurpose(StrEnum):
    SALE = "sale"
    RECHARGE = "recharge"  # of a member's card


class CloseReason(StrEnum):
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    VOID = "void"
    REVERSED = "reversed"  # a payment code's trade, ended by us: nothing of it is kept


class AttemptMethod(StrEnum):
    """How a payer is charged, which says how the trade is ended: closed, or reversed."""

    JSAPI = "jsapi"  # on the payer's own page
    CODE = "code"  # by the payment code that the payer shows
    # asked for by the merchant's own system
    NATIVE = "native"  # by scanning a code that is made for this one order
    H5 = "h5"  # in another browser of the phone
    APP = "app"  # in the merchant's own app
    MINI = "mini"  # in the merchant's mini program
    DEPOSIT = "deposit"  # out of money that its wallet holds already: see `models/deposit.py`


class AttemptStatus(StrEnum):
    CREATED = "created"  # written down; the wallet may not have heard of it yet
    PAYABLE = "payable"  # the wallet has it and a payer can pay it
    CLOSING = "closing"  # being closed upstream, nothing may be paid after it
    PAID = "paid"
    CLOSED = "closed"
    REJECTED = "rejected"  # the wallet refused to take it


# A closed order can still turn paid: the payer may finish in the second we close it.
ORDER_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.CREATED: frozenset({OrderStatus.PAYING, OrderStatus.PAID, OrderStatus.CLOSED}),
    OrderStatus.PAYING: frozenset({OrderStatus.PAID, OrderStatus.CLOSED}),
    OrderStatus.CLOSED: frozenset({OrderStatus.PAID}),
    OrderStatus.PAID: frozenset(),
}
# A payable attempt may be paid or closed at its wallet without us; a closed one still turns paid.
ATTEMPT_TRANSITIONS: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.CREATED: frozenset(AttemptStatus) - {AttemptStatus.CREATED},
    AttemptStatus.PAYABLE: frozenset(
        {AttemptStatus.CLOSING, AttemptStatus.PAID, AttemptStatus.CLOSED}
    ),
    AttemptStatus.CLOSING: frozenset({AttemptStatus.PAID, AttemptStatus.CLOSED}),
    # a payment code's: what its wallet shows as payable after all is reversed once more
    AttemptStatus.CLOSED: frozenset({AttemptStatus.PAID, AttemptStatus.CLOSING}),
    AttemptStatus.REJECTED: frozenset(),
    AttemptStatus.PAID: frozenset(),
}
OPEN_ATTEMPTS = (AttemptStatus.CREATED, AttemptStatus.PAYABLE, AttemptStatus.CLOSING)
_OPEN_SQL = "status IN ('created', 'payable', 'closing')"


class IllegalTransition(Exception):
    """The code tried to move an order where the table above has no edge."""


class PayOrder(Base):
    """What a payer owes one store, with the number that people see."""

    __tablename__ = "pay_order"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(
            ["provider_id", "pay_code_id"], ["pay_code.provider_id", "pay_code.id"]
        ),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        ForeignKeyConstraint(["provider_id", "staff_id"], ["staff.provider_id", "staff.id"]),
        UniqueConstraint("provider_id", "out_trade_no"),
        UniqueConstraint("provider_id", "public_id"),
        UniqueConstraint("provider_id", "intent_key"),
        CheckConstraint("amount_fen BETWEEN 1 AND 2147483647", name="amount_in_range"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="refunded_in_range"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_has_time"),
        Index("ix_pay_order_merchant_newest", "provider_id", "merchant_id", text("id DESC")),
        Index("ix_pay_order_store_newest", "provider_id", "store_id", text("id DESC")),
        Index(
            "ix_pay_order_merchant_refunded",
            "provider_id",
            "merchant_id",
            text("id DESC"),
            postgresql_where=text("refunded_fen > 0"),
        ),
        Index(
            "ix_pay_order_store_refunded",
            "provider_id",
            "store_id",
            text("id DESC"),
            postgresql_where=text("refunded_fen > 0"),
        ),
        Index(
            "ix_pay_order_merchant_open",
            "provider_id",
            "merchant_id",
            text("id DESC"),
            postgresql_where=text("status IN ('created', 'paying')"),
        ),
        Index(
            "ix_pay_order_payer_newest", "provider_id", "pay_code_id", "person_id", text("id DESC")
        ),
        Index(
            "ix_pay_order_staff_newest",
            "provider_id",
            "staff_id",
            text("id DESC"),
            postgresql_where=text("staff_id IS NOT NULL"),
        ),
        Index(
            "ix_pay_order_merchant_paid",
            *("provider_id", "merchant_id", "paid_at", "id"),
            postgresql_include=["store_id", "channel"],
            postgresql_where=text("status = 'paid'"),
        ),
        Index(
            "ix_pay_order_merchant_made",
            *("provider_id", "merchant_id", "created_at", "id"),
            postgresql_include=["store_id", "channel", "status"],
        ),
        Index(
            "ix_pay_order_unpaid_expiry",
            "expires_at",
            postgresql_where=text("status IN ('created', 'paying')"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    out_trade_no: Mapped[str] = mapped_column(String(32))
    public_id: Mapped[str] = mapped_column(String(24))  # random, in URLs
    intent_key: Mapped[str] = mapped_column(String(80))
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    pay_code_id: Mapped[BigId | None]
    staff_id: Mapped[BigId | None]  # whose pay code it was made at, as it was then
    person_id: Mapped[BigId | None]
    channel: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[OrderPurpose] = mapped_column(default=OrderPurpose.SALE, server_default="sale")
    status: Mapped[OrderStatus] = mapped_column(default=OrderStatus.CREATED)
    close_reason: Mapped[CloseReason | None]
    amount_fen: Mapped[Fen]
    undiscountable_fen: Mapped[Fen | None]
    deposit_fen: Mapped[Fen | None]
    quantity: Mapped[int] = mapped_column(default=1)
    refunded_fen: Mapped[Fen] = mapped_column(default=0)
    remark: Mapped[str] = mapped_column(String(128), default="", info={"personal": "words"})
    is_unknown: Mapped[bool] = mapped_column(default=False)
    is_late: Mapped[bool] = mapped_column(default=False)  # paid after we had closed it
    is_frozen: Mapped[bool] = mapped_column(default=False)  # a case stands against it
    reject_code: Mapped[str | None] = mapped_column(String(64))
    reject_message: Mapped[str | None] = mapped_column(String(256))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    transaction_id: Mapped[str | None] = mapped_column(String(64))
    followed_up_at: Mapped[datetime | None]  # the jobs that follow a payment have run

    def move_to(self, new: OrderStatus) -> None:
        if new not in ORDER_TRANSITIONS[self.status]:
            raise IllegalTransition(f"{self.out_trade_no}: {self.status} -> {new}")
        self.status = new


class PayAttempt(Base):
    """One upstream trade. At most one attempt of an order is open: the database says so too."""

    __tablename__ = "pay_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "out_trade_no"),
        UniqueConstraint("provider_id", "channel", "transaction_id"),
        CheckConstraint("amount_fen BETWEEN 1 AND 2147483647", name="amount_in_range"),
        CheckConstraint(f"due_at IS NOT NULL OR NOT ({_OPEN_SQL})", name="open_is_looked_at_again"),
        CheckConstraint("held_fen BETWEEN refunded_fen AND amount_fen", name="room_for_refunds"),
        CheckConstraint("held_fen = 0 OR status = 'paid'", name="only_paid_is_refunded"),
        Index(
            "uq_pay_attempt_one_open",
            "provider_id",
            "order_id",
            unique=True,
            postgresql_where=text(_OPEN_SQL),
        ),
        Index("ix_pay_attempt_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_pay_attempt_order", "provider_id", "order_id"),
        Index(
            "ix_pay_attempt_paid_at",
            "provider_id",
            "paid_at",
            postgresql_where=text("paid_at IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    order_id: Mapped[BigId]
    out_trade_no: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16))
    method: Mapped[AttemptMethod] = mapped_column(
        default=AttemptMethod.JSAPI, server_default="jsapi"
    )
    app: Mapped[str] = mapped_column(String(32))  # sp_appid or Alipay app_id that ordered
    payee: Mapped[str] = mapped_column(String(32))  # sub_mchid or the merchant's PID
    person_id: Mapped[BigId | None]
    amount_fen: Mapped[Fen]
    status: Mapped[AttemptStatus] = mapped_column(default=AttemptStatus.CREATED)
    is_unknown: Mapped[bool] = mapped_column(default=False)
    request: Mapped[dict[str, Any]]  # what was asked, so that a repeat is the same; no payer in it
    prepay_id: Mapped[str | None] = mapped_column(String(128))
    transaction_id: Mapped[str | None] = mapped_column(String(64))
    raw_state: Mapped[str | None] = mapped_column(String(32))
    held_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")  # of refunds, done or not
    refunded_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")  # of refunds done
    polls: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]  # when to ask the wallet next; None: nothing left to ask
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reverse_asked_at: Mapped[datetime | None]  # from now on it is reversed, whatever is told
    reversed_at: Mapped[datetime | None]  # the wallet's word that nothing of it is kept
