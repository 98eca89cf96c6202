"""What a notice says. A recharge of a member's card never looks like a sale (product NTF-5). Pure.

A template's keywords take little: WeChat's kinds of keyword with their lengths are wechat.md C5's;
what is longer is cut, since a refused notice tells less than a short one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateways.money import yuan_from_fen
from services.payment_notices.hours import SHANGHAI

FIXED: Final = "="  # what begins so is said as it stands
SOURCES: Final = {
    "amount": "the sum in yuan",
    "time": "when it was paid",
    "store": "the store; with the kind before it where no keyword has that",
    "number": "the order's number",
    "wallet": "微信支付, 支付宝 or 会员卡",
    "kind": "收款, 会员充值, 大额收款 or 大额充值",
    "merchant": "the merchant's short name",
}
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝", "balance": "会员卡"}
_LENGTHS: Final = {"thing": 20, "character_string": 32, "phrase": 5, "number": 32}
_BY_LABEL: Final = (
    ("kind", "类型|类别|项目|事项|业务"),
    ("wallet", "方式|渠道|钱包"),
    ("number", "单号|编号|流水"),
    ("time", "时间|日期"),
    ("amount", "金额"),
    ("store", "门店|店铺|店名|网点|收款方"),
    ("merchant", "商户|商家"),
)
_BY_KIND: Final = {
    "amount": "amount", "time": "time", "date": "time", "character_string": "number",
    "phrase": "wallet", "thing": "store",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """A paid order as its people are told of it."""

    out_trade_no: str
    amount_fen: int
    paid_at: datetime
    channel: str
    is_recharge: bool
    is_large: bool
    merchant: str
    store: str

    @property
    def kind(self) -> str:
        if self.is_large:
            return "大额充值" if self.is_recharge else "大额收款"
        return "会员充值" if self.is_recharge else "收款"

    @property
    def wallet(self) -> str:
        return WALLETS.get(self.channel, "其他")


def guess(keys: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """What each keyword of a template most likely wants, by its label, else by its kind."""
    found = {}
    for key, label in keys:
        by_label = next((s for s, words in _BY_LABEL if re.search(words, label)), None)
        source = by_label or _BY_KIND.get(_kind(key), "kind")
        if _kind(key) == "amount":
            source = "amount"
        found[key] = source
    return found


def data(fields: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """Each keyword's value. KeyError for a source that is not one of `SOURCES`."""
    says_kind = "kind" in fields.values()
    return {key: _fit(key, _value(source, facts, says_kind)) for key, source in fields.items()}


def _value(source: str, facts: Facts, says_kind: bool) -> str:
    if source.startswith(FIXED):
        return source[len(FIXED) :]
    place = facts.store or facts.merchant
    if not says_kind and facts.kind != "收款":
        place = f"{facts.kind} · {place}"
    values = {
        "amount": f"{yuan_from_fen(facts.amount_fen)}元",
        "time": f"{facts.paid_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "store": place,
        "number": facts.out_trade_no,
        "wallet": facts.wallet,
        "kind": facts.kind,
        "merchant": facts.merchant,
    }
    return values[source]


def _fit(key: str, value: str) -> str:
    kind = _kind(key)
    if kind == "number":
        value = value.removesuffix("元")
    if kind == "date":
        value = value[:10]
    if kind == "phrase":
        value = re.sub(r"[^\u4e00-\u9fff]", "", value) or "收款"
    value = " ".join(value.split())
    return value[: _LENGTHS.get(kind, 32)]


def _kind(key: str) -> str:
    return key.rstrip("0123456789")


def sms(facts: Facts) -> str:
    """The same as a short message."""
    local = facts.paid_at.astimezone(SHANGHAI)
    place = f"{facts.merchant} {facts.store}".strip()
    return (
        f"{place}：{facts.kind}{yuan_from_fen(facts.amount_fen)}元，"
        f"{local:%m-%d %H:%M}，{facts.wallet}，订单尾号{facts.out_trade_no[-4:]}。"
    )
