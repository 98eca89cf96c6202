"""A wallet's bill of one day, what it adds up to, and every place where it and our books differ."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class BillStatus(StrEnum):
    """Wanted, fetched, matched; `broken` is fetched again a few times, then waits for a person."""

    WANTED = "wanted"
    FETCHING = "fetching"
    LOADED = "loaded"
    EMPTY = "empty"  # the wallet says that nothing happened; our books may say otherwise
    MATCHED = "matched"
    BROKEN = "broken"


class BillSubject(StrEnum):
    TRADE = "trade"
    REFUND = "refund"


class DifferenceKind(StrEnum):
    """How a bill and our books can differ about one payment or refund."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    STATE = "state"
    DUPLICATE = "duplicate"  # the bill has it twice
    FOREIGN = "foreign"  # the bill says that another merchant has the money


class BillCaseStatus(StrEnum):
    """`waiting`: close to midnight, so the next day's bill may have it."""

    WAITING = "waiting"
    FOUND = "found"
    HEALED = "healed"
    EXPLAINED = "explained"
    CLOSED = "closed"


OPEN_CASES = (BillCaseStatus.WAITING, BillCaseStatus.FOUND)


class Bill(Base):
    """One day of one wallet account: the provider's at WeChat Pay, a merchant's at Alipay."""

    __tablename__ = "bill"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "channel", "account", "bill_on"),
        Index("ix_bill_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(32))  # sp_mchid, or the merchant's PID
    merchant_id: Mapped[BigId | None]  # of an Alipay bill
    bill_on: Mapped[date]  # in Asia/Shanghai
    status: Mapped[BillStatus] = mapped_column(default=BillStatus.WANTED)
    due_at: Mapped[datetime | None]  # when to fetch or match next; None: done, or a person
    tries: Mapped[int] = mapped_column(default=0)  # since it was last well
    said: Mapped[str | None] = mapped_column(String(128))  # why it could not be fetched
    rows_name: Mapped[str | None] = mapped_column(String(32))  # of the file with its rows
    broken_line: Mapped[int | None]  # 0: the whole file
    broken_reason: Mapped[str | None] = mapped_column(String(256))
    trades: Mapped[int] = mapped_column(default=0)
    trade_fen: Mapped[Fen] = mapped_column(default=0)
    refunds: Mapped[int] = mapped_column(default=0)
    refund_fen: Mapped[Fen] = mapped_column(default=0)
    fee_millifen: Mapped[BigId] = mapped_column(default=0)  # 1/100000 yuan
    elsewhere: Mapped[int] = mapped_column(default=0)  # rows of the merchant's other tills
    differences: Mapped[int] = mapped_column(default=0)  # of the last match
    rounds: Mapped[int] = mapped_column(default=0)  # how often it was matched
    created_at: Mapped[datetime]
    loaded_at: Mapped[datetime | None]
    matched_at: Mapped[datetime | None]


class BillPayee(Base):
    """What one bill says about one merchant: a day's sums and fees."""

    __tablename__ = "bill_payee"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "bill_id"], ["bill.provider_id", "bill.id"]),
        UniqueConstraint("provider_id", "bill_id", "payee"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    bill_id: Mapped[BigId]
    payee: Mapped[str] = mapped_column(String(32))
    trades: Mapped[int]
    trade_fen: Mapped[Fen]
    refunds: Mapped[int]
    refund_fen: Mapped[Fen]
    fee_millifen: Mapped[BigId]  # 1/100000 yuan


class BillStray(Base):
    """A row of one day's bill that our books have on another day: at midnight, or refunded later.

    That other day's match must not miss it.
    """

    __tablename__ = "bill_stray"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "bill_id"], ["bill.provider_id", "bill.id"]),
        UniqueConstraint("provider_id", "bill_id", "subject", "number"),
        Index("ix_bill_stray_number", "provider_id", "subject", "number"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    bill_id: Mapped[BigId]
    subject: Mapped[BillSubject]
    number: Mapped[str] = mapped_column(String(64))


class BillCase(Base):
    """A difference with its life: found, then healed or explained, then closed; one by one."""

    __tablename__ = "bill_case"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "bill_id"], ["bill.provider_id", "bill.id"]),
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        UniqueConstraint("provider_id", "bill_id", "kind", "subject", "number"),
        CheckConstraint(
            "status <> 'explained' OR (length(reason) > 0 AND explained_by IS NOT NULL)",
            name="explained_by_somebody",
        ),
        Index("ix_bill_case_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_bill_case_status", "provider_id", "status"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    bill_id: Mapped[BigId]
    kind: Mapped[DifferenceKind]
    subject: Mapped[BillSubject]
    number: Mapped[str] = mapped_column(String(64))  # our number of the payment or refund
    status: Mapped[BillCaseStatus] = mapped_column(default=BillCaseStatus.FOUND)
    payee: Mapped[str | None] = mapped_column(String(32))
    order_id: Mapped[BigId | None]
    bill_fen: Mapped[Fen | None]  # None: the bill has it not
    our_fen: Mapped[Fen | None]  # None: we have it not
    facts: Mapped[dict[str, Any]]
    due_at: Mapped[datetime | None]  # when the wallet is asked; None: a person, or nothing
    tries: Mapped[int] = mapped_column(default=0)
    round: Mapped[int]  # of the match that saw it last
    found_at: Mapped[datetime]
    healed_at: Mapped[datetime | None]
    healed_by: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(
        String(256), default="", server_default="", info={"personal": "words"}
    )
    explained_at: Mapped[datetime | None]
    explained_by: Mapped[str | None] = mapped_column(String(64))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(64))
