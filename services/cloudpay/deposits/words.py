"""A hold and a release in numbers and words: the one table of states, and what is to be done."""

from __future__ import annotations

from typing import Final

from services.codepay.blame import HINTS, blame

# Our word -> (WxpayFreezeOrderState, AlipayFreezeOrderState)
_FREEZES: Final = {
    "created": (1, 1),
    "waiting": (3, 1),
    "frozen": (2, 2),
    "closed": (5, 3),
    "failed": (6, 3),
    "void": (7, 4),
}
_PAYER_STOPPED: Final = 4
_AT_THE_PAYER: Final = frozenset({"PAYERROR", "CANCELLED"})
# WxpayUnfreezeOrderState and AlipayUnfreezeOrderState have these alike
_RELEASES: Final = {"created": 1, "unknown": 1, "done": 2, "failed": 3}

_SAID: Final = {
    "created": "结果未知，请用query_freeze_order查询，不要重复冻结",
    "waiting": "等待用户确认，请每2秒用query_freeze_order查询，最长2分钟",
    "frozen": "押金已冻结",
    "closed": "押金已全部消费或解冻",
    "void": "没有冻结任何金额",
}
UNSURE: Final = _SAID["created"]
NOAUTH: Final = frozenset({"NOAUTH", "NO_AUTH", "ACCESS_FORBIDDEN"})
RELEASED: Final = {
    "created": "解冻已受理，请用query_unfreeze_order查询结果",
    "unknown": "解冻结果未知，请用query_unfreeze_order查询，不要换单号",
    "done": "解冻成功",
}


def freeze_state(channel: str, status: str, reject_code: str | None) -> int:
    """WxpayFreezeOrderState or AlipayFreezeOrderState."""
    wechat, alipay = _FREEZES[status]
    if channel == "alipay":
        return alipay
    return _PAYER_STOPPED if status == "failed" and reject_code in _AT_THE_PAYER else wechat


def release_state(status: str) -> int:
    return _RELEASES[status]


def freeze_words(status: str, is_unknown: bool, code: str | None, words: str | None) -> str:
    if status == "waiting" and is_unknown:
        return UNSURE
    if status != "failed":
        return _SAID[status]
    if code == "CANCELLED":
        return "用户没有及时确认，没有冻结，请重新扫码"
    hint = HINTS[blame(code)] if code else ""
    return f"没有冻结：{words or '钱包没有接受'}{f'（{code}）' if code else ''}。{hint}"[:255]


def release_words(status: str, code: str | None, words: str | None) -> str:
    if status != "failed":
        return RELEASED[status]
    return f"没有解冻：{words or '钱包没有接受'}{f'（{code}）' if code else ''}"[:255]
