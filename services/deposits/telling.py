"""One hold as people are told of it: how it stands, what took from it, and what happened when.

The words are for the merchant's office and the provider's desk alike; `{yuan}` is filled in there.
No openid, payment code or body of a message is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.deposit import DepositMove, FreezeStatus, MoveKind, MoveStatus
from models.event import AuditEntry
from services.deposits.listing import SOON, HoldRow

F = FreezeStatus
_UNKNOWN: Final = ("warn", "结果未知")
_STATES: Final = {
    F.CREATED: ("info", "待确认"),
    F.WAITING: ("info", "待顾客确认"),
    F.FAILED: ("", "没有冻结"),
    F.VOID: ("", "没有冻结"),
}
MOVES: Final = {
    MoveStatus.CREATED: ("info", "处理中"),
    MoveStatus.UNKNOWN: ("warn", "结果未知"),
    MoveStatus.DONE: ("ok", "已完成"),
    MoveStatus.FAILED: ("bad", "未成功"),
}
KINDS: Final = {MoveKind.CONSUME: "消费", MoveKind.RELEASE: "退还"}
STORY: Final = {
    "deposit_asked": "发起冻结 {yuan}",
    "deposit_frozen": "钱包确认冻结 {yuan}",
    "deposit_not_held": "没有冻结任何钱",
    "deposit_consume_asked": "发起消费 {yuan}",
    "deposit_consume_done": "消费 {yuan} 成功",
    "deposit_consume_failed": "消费 {yuan} 未成功，钱仍冻结",
    "deposit_release_asked": "发起退还 {yuan}",
    "deposit_release_done": "已退还顾客 {yuan}",
    "deposit_release_failed": "退还 {yuan} 未成功，钱仍冻结",
    "deposit_release_denied": "申请退还 {yuan}，没有权限，没有退",
    "deposit_lapsed": "到期，钱包自动退回顾客 {yuan}",
}


def state(row: HoldRow, now: datetime) -> tuple[str, str]:
    """The kind and the words of its chip."""
    if row.status in (F.CREATED, F.WAITING) and row.is_unknown:
        return _UNKNOWN
    if row.status is F.FROZEN:
        days = days_left(row, now)
        return ("ok", "冻结中") if days is None else ("warn", _in_days(days))
    if row.status is F.CLOSED:
        return ("", _ended(row))
    return _STATES[row.status]


def _in_days(days: int) -> str:
    return (
        f"{days} 天后自动退回" if days > 0 else "今天自动退回" if days == 0 else "到期，等钱包退回"
    )


def _ended(row: HoldRow) -> str:
    if row.consumed_fen:
        return "已消费" if row.consumed_fen == row.freeze_fen else "已消费，余下退回"
    return "到期退回" if row.lapsed_fen == row.freeze_fen else "已退还"


def days_left(row: HoldRow, now: datetime) -> int | None:
    """Whole days until the wallet gives it back, below 0 once it should have; None: over a week."""
    if row.lapses_at is None or row.lapses_at - now > SOON:
        return None
    return (row.lapses_at - now).days


@dataclass(frozen=True, slots=True)
class Move:
    """What took from a hold. `number` of a consumption is its order's."""

    kind: MoveKind
    number: str
    amount_fen: int
    rest_fen: int
    status: MoveStatus
    remark: str
    why: str  # of one that failed, in the wallet's words
    at: datetime


def moves(session: Session, provider_id: int, freeze_id: int) -> list[Move]:
    """The newest first."""
    rows = session.scalars(
        select(DepositMove)
        .where(DepositMove.provider_id == provider_id, DepositMove.freeze_id == freeze_id)
        .order_by(DepositMove.id.desc())
    )
    return [
        Move(
            one.kind, one.number, one.amount_fen, one.rest_fen, one.status, one.remark,
            one.upstream_message or one.upstream_code or "", one.done_at or one.created_at,
        )
        for one in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened; `actor` as the audit has it."""

    at: datetime
    actor: str
    allowed_by: str
    words: str  # with {yuan} in it where there is an amount
    amount_fen: int | None
    number: str


def story(session: Session, provider_id: int, out_freeze_no: str) -> list[Line]:
    """The newest first."""
    entries = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.provider_id == provider_id,
            AuditEntry.subject == f"deposit:{out_freeze_no}",
            AuditEntry.action.in_(STORY),
        )
        .order_by(AuditEntry.id.desc())
    )
    return [
        Line(
            one.created_at, one.actor, str(one.facts.get("allowed_by") or ""), STORY[one.action],
            one.facts.get("amount_fen"), str(one.facts.get("number") or ""),
        )
        for one in entries
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """Who froze: the actor of the audit, and whom and which device the till named, "" if none.

    The latter two are what the merchant's own system says; nobody proves them.
    """

    actor: str
    staff: str
    device: str
    wallet_number: str
    reject: str


_ORIGIN: Final = text("""
SELECT f.asked_by AS actor, COALESCE(f.freeze_id, '') AS wallet_number,
    COALESCE(f.reject_message, f.reject_code, '') AS reject,
    COALESCE((SELECT w.name FROM staff w WHERE w.provider_id = f.provider_id
        AND w.merchant_id = f.merchant_id AND c.staff_id IN (w.number, w.public_id)
        AND c.staff_id <> '' ORDER BY w.number = c.staff_id DESC NULLS LAST LIMIT 1),
        c.staff_id, '') AS staff,
    COALESCE((SELECT d.name FROM device d WHERE d.provider_id = f.provider_id
        AND d.store_id = f.store_id AND d.device_id = c.device_id AND c.device_id <> '' LIMIT 1),
        c.device_id, '') AS device
FROM deposit_freeze f
LEFT JOIN cpay_call c ON c.provider_id = f.provider_id AND c.merchant_id = f.merchant_id
    AND c.kind = 'freeze' AND c.number = f.out_freeze_no AND c.same <> ''
WHERE f.provider_id = :p AND f.id = :f
""")


def origin(session: Session, provider_id: int, freeze_id: int) -> Origin:
    row = session.execute(_ORIGIN, {"p": provider_id, "f": freeze_id}).one()
    return Origin(**row._mapping)
