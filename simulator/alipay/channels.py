"""What a buyer pays with, and what a seller does not take (渠道). Source: alipay.md 4.1 and 4.9;
the names are those of Alipay's own list of channels.

The switch `alipay.payer_channels` is what a buyer has, the one that is tried first in front.
"""

from __future__ import annotations

from typing import Any, Final

from simulator.alipay.codes import Refusal
from simulator.alipay.state import Alipay
from simulator.books import Trade

SWITCH: Final = "payer_channels"
HAVE: Final = ("balance", "pcredit", "creditCardExpress", "debitCardExpress", "pcredit,balance")
CREDIT: Final = frozenset(
    ("creditCard", "creditCardExpress", "creditCardCartoon", "pcredit", "pcreditpayInstallment")
)
KNOWN: Final = CREDIT | {
    *("balance", "moneyFund", "bankPay", "debitCardExpress", "credit_group", "coupon", "point"),
    *("promotion", "voucher", "mdiscount", "mcard", "pcard", "honeyPay"),
}
_WORDS: Final = {
    "balance": "余额",
    "pcredit": "花呗",
    "creditCardExpress": "信用卡",
    "debitCardExpress": "储蓄卡",
}
_FUNDS: Final = {
    "balance": "ALIPAYACCOUNT",
    "pcredit": "PCREDIT",
    "creditCardExpress": "BANKCARD",
    "debitCardExpress": "BANKCARD",
}


def check(biz: dict[str, Any]) -> None:
    """Names that Alipay does not have, and both lists at once, are refused."""
    both = [biz.get(name) for name in ("disable_pay_channels", "enable_pay_channels")]
    for text in filter(None, both):
        for name in str(text).split(","):
            if name not in KNOWN:
                raise Refusal("ACQ.INVALID_PARAMETER", f"参数无效：没有名为 {name} 的渠道")
    if all(both):
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：可用渠道与禁用渠道不能同时指定")


def offered(sim: Alipay, asked: dict[str, Any]) -> list[str]:
    """What the buyer's sheet lists for this order, the first one tried first."""
    taken, refused = _names(asked, "enable_pay_channels"), _names(asked, "disable_pay_channels")
    return [
        name
        for name in sim.switch(SWITCH).split(",")
        if name not in refused and (not taken or name in taken)
    ]


def ways(sim: Alipay, asked: dict[str, Any]) -> list[str]:
    """The same in the buyer's words."""
    return [_WORDS[name] for name in offered(sim, asked)]


def _names(asked: dict[str, Any], which: str) -> frozenset[str]:
    said = frozenset(filter(None, str(asked.get(which) or "").split(",")))
    return said | CREDIT if "credit_group" in said else said


def used(sim: Alipay, asked: dict[str, Any]) -> str:
    """The fund channel that the money comes from. Raises Refusal where nothing is left."""
    left = offered(sim, asked)
    if not left:
        raise Refusal("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE")
    return _FUNDS[left[0]]


def of_trade(trade: Trade) -> str:
    """The fund channel of a paid trade."""
    return str(trade.facts.get("fund_channel", "ALIPAYACCOUNT"))
