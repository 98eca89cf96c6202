"""What a person at the till reads of an order's state, and what is to be done next."""

from __future__ import annotations

from typing import Any, Final

from services.codepay.blame import HINTS, Blame, blame

_AT_THE_PAYER: Final = frozenset({"USERPAYING", "10003", "WAIT_BUYER_PAY", "NOTPAY"})
PAYING: Final = "等待用户输入密码，请每2秒查询一次，最长2分钟"
UNKNOWN: Final = "结果未知，请查询订单确认，不要重复收款"
REVERSING: Final = "正在撤销，请查询订单确认，不要交付商品"
_STATES: Final = {
    "created": UNKNOWN,
    "unknown": UNKNOWN,
    "pending": "等待用户付款，请查询订单",
    "paid": "支付成功",
    "late_paid": "关闭后用户仍完成了支付，已收款",
    "part_refunded": "支付成功，已部分退款",
    "refunded": "已全额退款",
    "closed": "已关闭，没有收款",
    "failed": "支付失败",
    "void": "没有这笔交易，没有收款",
}
_DEPOSIT: Final = {
    "pending": "钱包正在处理押金消费，请查询订单确认",
    "paid": "押金消费成功",
    "late_paid": "押金消费成功",
    "closed": "没有消费押金",
    "void": "没有消费押金",
}


def state_words(state: str, row: Any) -> str:
    """trade_state_desc: for a failure the wallet's own words and what helps."""
    if state == "failed":
        return failure(row)
    if row.method == "deposit":
        return _DEPOSIT.get(state, _STATES[state])
    if row.method == "code":
        if row.attempt_status == "closing":
            return REVERSING
        if state == "pending":
            return PAYING if row.raw_state in _AT_THE_PAYER else UNKNOWN
        if state == "closed":
            return "已撤销，没有收款"
    return _STATES[state]


def failure(row: Any) -> str:
    """Why the wallet refused, in its words and code, and who can do something about it."""
    code, words = row.reject_code or "", row.reject_message or ""
    hint = HINTS[blame(code)] if code else HINTS[Blame.PAYER]
    said = words or "支付失败"
    return f"{said}{f'（{code}）' if code else ''}。{hint}"
