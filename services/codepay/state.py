"""How a payment by code stands, in the few words that a till needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import (
    OPEN_ATTEMPTS,
    AttemptMethod,
    AttemptStatus,
    CloseReason,
    OrderStatus,
    PayAttempt,
    PayOrder,
)
from services.codepay.blame import HINTS, Blame, blame
from services.deps import Deps

_AT_THE_PAYER = frozenset({"USERPAYING", "10003", "WAIT_BUYER_PAY", "NOTPAY"})


class CodeState(StrEnum):
    PAID = "paid"
    WAITING = "waiting"  # the payer types the password
    UNKNOWN = "unknown"  # the wallet has not said: asked about, never guessed
    REVERSING = "reversing"  # being undone, not yet confirmed
    FAILED = "failed"  # a definite no, with its reason
    CLOSED = "closed"  # reversed, or it never came to be: nothing is kept


WORDS = {
    CodeState.PAID: "收款成功",
    CodeState.WAITING: "等待用户输入密码中",
    CodeState.UNKNOWN: "结果未知，通过订单查询确认支付结果",
    CodeState.REVERSING: "正在撤销，请勿交付商品",
    CodeState.FAILED: "收款失败",
    CodeState.CLOSED: "已撤销，没有收款，请勿交付商品",
}
FINAL = frozenset({CodeState.PAID, CodeState.FAILED, CodeState.CLOSED})


@dataclass(frozen=True, slots=True)
class Charged:
    """One payment by code as of now. Only `paid` means that money came."""

    provider_id: int
    out_trade_no: str
    channel: str
    amount_fen: int
    state: CodeState
    transaction_id: str | None
    paid_at: datetime | None
    reason_code: str = ""  # the upstream's own, when failed
    reason: str = ""  # in its words
    blame: Blame | None = None
    is_late: bool = False  # paid although it had been reversed

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def words(self) -> str:
        return WORDS[self.state]

    @property
    def hint(self) -> str:
        """What to do about it, and whose side it is on."""
        return HINTS[self.blame] if self.blame else ""


def read(deps: Deps, provider_id: int, out_trade_no: str) -> Charged:
    """By the order's number. Raises NotFound when no payment by code has it."""
    return deps.transact(lambda s: charged(*find(s, provider_id, out_trade_no)))


def find(
    session: Session, provider_id: int, out_trade_no: str, *, lock: bool = False
) -> tuple[PayOrder, PayAttempt]:
    """The order and its one attempt; with `lock` the order is locked first, then both read."""
    wanted = select(PayOrder).where(
        PayOrder.provider_id == provider_id, PayOrder.out_trade_no == out_trade_no
    )
    order = session.scalar(wanted.with_for_update() if lock else wanted)
    attempt = None
    if order is not None:
        attempt = session.scalar(
            select(PayAttempt).where(
                PayAttempt.provider_id == provider_id,
                PayAttempt.order_id == order.id,
                PayAttempt.method == AttemptMethod.CODE,
            )
        )
    if order is None or attempt is None:
        raise NotFound(f"no payment by code has the number {out_trade_no}")
    return order, attempt


def charged(order: PayOrder, attempt: PayAttempt) -> Charged:
    state = _state(order, attempt)
    code = order.reject_code or ""
    failed = state is CodeState.FAILED
    whose = blame(code) if failed and code else None
    return Charged(
        provider_id=order.provider_id,
        out_trade_no=order.out_trade_no,
        channel=attempt.channel,
        amount_fen=order.amount_fen,
        state=state,
        transaction_id=order.transaction_id,
        paid_at=order.paid_at,
        reason_code=code if failed else "",
        reason=(order.reject_message or "") if failed else "",
        blame=Blame.NETWORK if state is CodeState.UNKNOWN else whose,
        is_late=order.is_late,
    )


def _state(order: PayOrder, attempt: PayAttempt) -> CodeState:
    if order.status is OrderStatus.PAID:
        return CodeState.PAID
    if order.is_frozen:
        return CodeState.UNKNOWN
    if order.status is OrderStatus.CLOSED:
        rejected = order.close_reason is CloseReason.REJECTED
        return CodeState.FAILED if rejected else CodeState.CLOSED
    if attempt.status is AttemptStatus.CLOSING:
        return CodeState.REVERSING
    known = attempt.status in OPEN_ATTEMPTS and not attempt.is_unknown
    if known and attempt.raw_state in _AT_THE_PAYER:
        return CodeState.WAITING
    return CodeState.UNKNOWN
