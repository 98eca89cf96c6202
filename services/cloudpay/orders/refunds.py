"""Refunds in Cloud Pay's words (RefundOrderContent): what `refund` and its query show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field
from sqlalchemy import text

from models.refund import RefundStatus
from services.callbacks.envelope import REFUND_ACCOUNTS, nonce_of, refund_state
from services.cloudpay.call import Call
from services.cloudpay.orders.shown import Shown, client_of
from services.cloudpay.shapes import Told
from services.cloudpay.structures import OrderClientTold
from services.refunds.sweep import NOT_ENOUGH

_READ: Final = """
SELECT r.out_refund_no, r.refund_id, r.status, r.amount_fen, r.reason, r.created_at, r.accepted_at,
    r.succeeded_at, r.closed_at, r.upstream_code, r.upstream_message, r.due_at, r.id,
    r.funds_account,     c.nonce_str, c.staff_id, c.asked
FROM refund r
JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
LEFT JOIN cpay_call c ON c.provider_id = r.provider_id AND c.merchant_id = :m
    AND c.kind = 'refund' AND c.number = r.out_refund_no AND c.same <> ''
WHERE r.provider_id = :p AND r.order_id = :o AND a.id = :a
"""
_ALL = text(_READ + "ORDER BY r.id")
_ONE = text(_READ + "AND r.out_refund_no = :n ORDER BY r.id")
_OPEN: Final = frozenset({"created", "processing", "unknown"})


class WxpayRefundExt(Told):
    state: int
    refund_account: str | None = Field(
        default=None, description="微信所用的资金来源 / what WeChat says that it is paid out of"
    )


class AlipayRefundExt(Told):
    refund_status: int


class CardRefundExt(Told):
    state: int


class RefundOrderContent(Told):
    out_refund_no: str
    refund_id: str | None = None
    out_trade_no: str
    trade_type: int | None = None
    nonce_str: str
    create_time: int
    last_update_time: int
    is_transforming: bool
    total_fee: int
    refund_fee: int
    refund_fee_type: str = "CNY"
    refund_reason: str | None = None
    refund_success_time: int | None = None
    client_refund_flow_id: str | None = None
    wxpay_refund_order_content_ext: WxpayRefundExt | None = None
    alipay_refund_order_content_ext: AlipayRefundExt | None = None
    card_refund_order_content_ext: CardRefundExt | None = None


@dataclass(frozen=True, slots=True)
class ShownRefund:
    """One refund of an order's own payment."""

    content: RefundOrderContent
    client: OrderClientTold
    status: RefundStatus
    refund_id: int  # ours
    upstream_code: str
    upstream_message: str

    @property
    def is_open(self) -> bool:
        return self.status.value in _OPEN

    @property
    def lacked_balance(self) -> bool:
        """Failed for want of the merchant's balance: the same number may go again."""
        return self.status is RefundStatus.FAILED and self.upstream_code in NOT_ENOUGH


def refunds_of(call: Call, shown: Shown, out_refund_no: str = "") -> list[ShownRefund]:
    """The order's refunds, oldest first; with a number that one alone. What goes back of a second
    payment by itself is no refund of the order."""
    keys = {
        "p": call.caller.provider_id, "m": call.caller.merchant_id, "o": shown.row.id,
        "a": shown.row.attempt_id, "n": out_refund_no,
    }  # fmt: skip
    clause = _ONE if out_refund_no else _ALL
    rows = call.deps.transact(lambda s: s.execute(clause, keys).all())
    return [_shown(shown, row) for row in rows]


def _shown(shown: Shown, row: Any) -> ShownRefund:
    asked = row.asked or {}
    said = asked.get("refund_content") or {}
    status = RefundStatus(row.status)
    changed = max(
        at for at in (row.created_at, row.accepted_at, row.succeeded_at, row.closed_at) if at
    )
    content = RefundOrderContent(
        out_refund_no=row.out_refund_no,
        refund_id=row.refund_id,
        out_trade_no=shown.order_content.out_trade_no,
        trade_type=shown.order_content.trade_type,
        nonce_str=row.nonce_str or nonce_of(row.out_refund_no),
        create_time=int(row.created_at.timestamp()),
        last_update_time=int(changed.timestamp()),
        is_transforming=status is RefundStatus.UNKNOWN,
        total_fee=shown.order_content.total_fee,
        refund_fee=row.amount_fen,
        refund_reason=_reason(row, said, asked) or None,
        refund_success_time=int(row.succeeded_at.timestamp()) if row.succeeded_at else None,
        client_refund_flow_id=said.get("client_refund_flow_id") or None,
        **_ext(shown.channel, refund_state(shown.channel, status.value), row.funds_account),
    )
    client = client_of(row, asked) if asked else shown.order_client
    code, words = row.upstream_code or "", row.upstream_message or ""
    return ShownRefund(content, client, status, row.id, code, words)


def _reason(row: Any, said: dict[str, Any], asked: dict[str, Any]) -> str:
    """The reason, then who did it and who allowed it, each on a line (Cloud Pay 4.6)."""
    lines = [said.get("refund_reason") or row.reason]
    if row.staff_id:
        lines.append(f"操作者：{row.staff_id}")
    allowed = (asked.get("pay_mch_key") or {}).get("authorization_name")
    if allowed:
        lines.append(f"授权者：{allowed}")
    return "\n".join(line for line in lines if line)[:255]


def _ext(channel: str, number: int, funds: str | None) -> dict[str, Any]:
    if channel == "wechat":
        own = WxpayRefundExt(state=number, refund_account=REFUND_ACCOUNTS.get(funds or ""))
        return {"wxpay_refund_order_content_ext": own}
    if channel == "alipay":
        return {"alipay_refund_order_content_ext": AlipayRefundExt(refund_status=number)}
    return {"card_refund_order_content_ext": CardRefundExt(state=number)}
