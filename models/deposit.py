"""Deposits (押金): money of a payer that a wallet holds for a merchant, and what becomes of it.

A freeze is one hold at a wallet. It moves by consumptions (each pays an order) and releases. Until
the wallet has said what came of one, its money is held out of the freeze's room, so whatever races
never takes more than was frozen: the database says so, too.
"""

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


class FreezeMethod(StrEnum):
    CODE = "code"  # the till scanned the payer's code
    QR = "qr"  # the payer scans a code that the till shows: Alipay only


class FreezeStatus(StrEnum):
    """The words of the one table of states."""

    CREATED = "created"  # written down; the wallet may not have heard of it yet
    WAITING = "waiting"  # the payer has yet to agree, or the wallet has not said
    FROZEN = "frozen"
    CLOSED = "closed"  # all of it is consumed or back with the payer
    FAILED = "failed"  # nothing is held: refused, or the payer did not agree in time
    VOID = "void"  # the wallet never had it


F = FreezeStatus
# What had failed here may still turn out to be held: the wallet's word counts.
FREEZE_TRANSITIONS: dict[FreezeStatus, frozenset[FreezeStatus]] = {
    F.CREATED: frozenset({F.WAITING, F.FROZEN, F.FAILED, F.VOID}),
    F.WAITING: frozenset({F.FROZEN, F.FAILED, F.VOID}),
    F.FROZEN: frozenset({F.CLOSED}),
    F.FAILED: frozenset({F.FROZEN}),
    F.VOID: frozenset({F.FROZEN}),
    F.CLOSED: frozenset(),
}
OPEN_FREEZES = (F.CREATED, F.WAITING, F.FROZEN)
_OPEN_FREEZE = "status IN ('created', 'waiting', 'frozen')"


class MoveKind(StrEnum):
    CONSUME = "consume"
    RELEASE = "release"


class MoveStatus(StrEnum):
    CREATED = "created"  # held out of the room; the wallet may not have heard of it yet
    UNKNOWN = "unknown"  # no answer: asked about, never sent under another number
    DONE = "done"
    FAILED = "failed"  # a definite no: its room is free again


M = MoveStatus
MOVE_TRANSITIONS: dict[MoveStatus, frozenset[MoveStatus]] = {
    M.CREATED: frozenset({M.UNKNOWN, M.DONE, M.FAILED}),
    M.UNKNOWN: frozenset({M.DONE, M.FAILED}),
    M.FAILED: frozenset({M.DONE}),  # done after all
    M.DONE: frozenset(),
}
OPEN_MOVES = (M.CREATED, M.UNKNOWN)


class IllegalDepositMove(Exception):
    """The code tried to move a freeze, or money of one, where the tables above have no edge."""


class DepositFreeze(Base):
    """One hold. `held_fen` is on its way: consumptions and releases not yet decided."""

    __tablename__ = "deposit_freeze"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        UniqueConstraint("provider_id", "out_freeze_no"),
        CheckConstraint("freeze_fen BETWEEN 1 AND 2147483647", name="amount_in_range"),
        CheckConstraint(
            "held_fen >= 0 AND consumed_fen >= 0 AND released_fen >= 0 AND lapsed_fen >= 0"
            " AND held_fen + consumed_fen + released_fen + lapsed_fen <= freeze_fen",
            name="room",
        ),
        CheckConstraint(
            "(held_fen + consumed_fen + released_fen + lapsed_fen = 0)"
            " OR status IN ('frozen', 'closed')",
            name="only_frozen_is_moved",
        ),
        CheckConstraint(f"due_at IS NOT NULL OR NOT ({_OPEN_FREEZE})", name="open_is_looked_at"),
        Index("ix_deposit_freeze_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_deposit_freeze_newest", "provider_id", "merchant_id", text("id DESC")),
        Index("ix_deposit_freeze_store", "provider_id", "store_id", text("id DESC")),
        Index(
            "ix_deposit_freeze_open",
            *("provider_id", "merchant_id", text("id DESC")),
            postgresql_where=text(_OPEN_FREEZE),
        ),
        Index(
            "ix_deposit_freeze_all_open",
            *("provider_id", text("id DESC")),
            postgresql_where=text(_OPEN_FREEZE),
        ),
        Index(
            "ix_deposit_freeze_wallet",
            *("provider_id", "freeze_id"),
            postgresql_where=text("freeze_id IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId]
    out_freeze_no: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16))
    method: Mapped[FreezeMethod]
    app: Mapped[str] = mapped_column(String(32))  # sp_appid or Alipay app_id that asked
    payee: Mapped[str] = mapped_column(String(32))  # sub_mchid or the merchant's PID
    freeze_fen: Mapped[Fen]
    status: Mapped[FreezeStatus] = mapped_column(default=FreezeStatus.CREATED)
    is_unknown: Mapped[bool] = mapped_column(default=False, server_default="false")
    request: Mapped[dict[str, Any]] = mapped_column(info={"personal": "words"})  # no payer in it
    asked_by: Mapped[str] = mapped_column(String(64))  # a role and an id, as in the audit trail
    code_url: Mapped[str | None] = mapped_column(String(512))  # what the payer scans
    freeze_id: Mapped[str | None] = mapped_column(String(64))  # the wallet's number of the hold
    operation_id: Mapped[str | None] = mapped_column(String(64))  # Alipay's number of the freezing
    raw_state: Mapped[str | None] = mapped_column(String(32))
    reject_code: Mapped[str | None] = mapped_column(String(64))
    reject_message: Mapped[str | None] = mapped_column(String(256))
    held_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    consumed_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    released_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")  # by us, rests too
    lapsed_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")  # by the wallet itself
    polls: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime | None]  # when to ask the wallet next; None: nothing left to ask
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # of the payer's time to agree
    changed_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    cancel_asked_at: Mapped[datetime | None]  # from now on it is ended, whatever is told

    @property
    def room_fen(self) -> int:
        """What a further consumption or release may take, in fen."""
        gone = self.held_fen + self.consumed_fen + self.released_fen + self.lapsed_fen
        return self.freeze_fen - gone

    def move_to(self, new: FreezeStatus) -> None:
        if new is self.status:
            return
        if new not in FREEZE_TRANSITIONS[self.status]:
            raise IllegalDepositMove(f"{self.out_freeze_no}: {self.status} -> {new}")
        self.status = new


class DepositMove(Base):
    """One consumption or release. `rest_fen` goes back to the payer together with a consumption.

    A consumption's number is its order's, and its state follows the order; a release's number is
    the caller's own, and it has a due time of its own.
    """

    __tablename__ = "deposit_move"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "freeze_id"], ["deposit_freeze.provider_id", "deposit_freeze.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "order_id"], ["pay_order.provider_id", "pay_order.id"]
        ),
        UniqueConstraint("provider_id", "kind", "number"),
        UniqueConstraint("provider_id", "order_id"),
        CheckConstraint("amount_fen BETWEEN 1 AND 2147483647", name="amount_in_range"),
        CheckConstraint("rest_fen >= 0 AND (rest_fen = 0 OR kind = 'consume')", name="rest"),
        CheckConstraint("(kind = 'consume') = (order_id IS NOT NULL)", name="consumption_pays"),
        CheckConstraint(
            "due_at IS NOT NULL OR kind = 'consume' OR status IN ('done', 'failed')",
            name="open_is_looked_at",
        ),
        Index("ix_deposit_move_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_deposit_move_freeze", "provider_id", "freeze_id", "id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    freeze_id: Mapped[BigId]
    kind: Mapped[MoveKind]
    number: Mapped[str] = mapped_column(String(32))
    order_id: Mapped[BigId | None]
    amount_fen: Mapped[Fen]
    rest_fen: Mapped[Fen] = mapped_column(default=0, server_default="0")
    ends: Mapped[bool] = mapped_column(default=True, server_default="true")  # is_confirm_unfreeze
    status: Mapped[MoveStatus] = mapped_column(default=MoveStatus.CREATED)
    remark: Mapped[str] = mapped_column(
        String(128), default="", server_default="", info={"personal": "words"}
    )
    asked_by: Mapped[str] = mapped_column(String(64))
    allowed_by: Mapped[str] = mapped_column(String(64))
    upstream_id: Mapped[str | None] = mapped_column(String(64))  # the wallet's number of a release
    upstream_code: Mapped[str | None] = mapped_column(String(64))  # of the last refusal
    upstream_message: Mapped[str | None] = mapped_column(String(256))
    sends: Mapped[int] = mapped_column(default=0, server_default="0")
    polls: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    @property
    def takes_fen(self) -> int:
        """What it holds out of the freeze's room, in fen."""
        return self.amount_fen + self.rest_fen

    def move_to(self, new: MoveStatus) -> None:
        if new is self.status:
            return
        if new not in MOVE_TRANSITIONS[self.status]:
            raise IllegalDepositMove(f"{self.kind} {self.number}: {self.status} -> {new}")
        self.status = new
