"""Refunds over APIv2: the same books and rules as APIv3's. Source: wechat.md A8, A9, A10.

Those pages name the calls, the certificate and the notification. The fields and the codes that they
leave out are of upstream's APIv2 pages.
"""

from __future__ import annotations

import datetime as dt

from simulator.books import Refund, Trade
from simulator.clock import SHANGHAI
from simulator.parties import WechatProvider
from simulator.wechat import micropay, orders, refunds, rules
from simulator.wechat.errors import Refusal
from simulator.wechat.refund_notices import V2_FUNDS, V2_STATES
from simulator.wechat.v2_gate import IDENTITY, Field, Fields, No, V2Operation, text
from simulator.world import World

FUNDS = {v2: v3 for v3, v2 in V2_FUNDS.items()}
CODES = {
    "RESOURCE_NOT_EXISTS": "ORDERNOTEXIST",
    "NOT_ENOUGH": "NOTENOUGH",
    "NO_AUTH": "NOAUTH",
    refunds.OVERDUE: "TRADE_OVERDUE",
    refunds.MISMATCH: "REFUND_FEE_MISMATCH",
}


def ask(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /secapi/pay/refund: accepted, final after a while. The same number again: the same."""
    micropay.own_merchant(world, provider, asked)
    url = asked.get("notify_url")
    try:
        if url:
            rules.check_notify_url(url)
        made = refunds.ask(world, provider, _as_v3(asked), v2_notify_url=url)
    except Refusal as no:
        code = CODES.get(no.message) or CODES.get(no.code, no.code)
        raise No(code, no.message) from None
    return {
        "transaction_id": str(made["transaction_id"]),
        "out_trade_no": str(made["out_trade_no"]),
        "out_refund_no": str(made["out_refund_no"]),
        "refund_id": str(made["refund_id"]),
        "refund_channel": "ORIGINAL",
        "total_fee": asked["total_fee"],
        "fee_type": "CNY",
        "refund_fee": asked["refund_fee"],
        "cash_fee": asked["total_fee"],
        "cash_refund_fee": asked["refund_fee"],
    }


def _as_v3(asked: Fields) -> dict[str, object]:
    said: dict[str, object] = {
        "sub_mchid": asked["sub_mch_id"],
        "out_refund_no": asked["out_refund_no"],
        "amount": {
            "refund": int(asked["refund_fee"]),
            "total": int(asked["total_fee"]),
            "currency": "CNY",
        },
    }
    for name in ("transaction_id", "out_trade_no"):
        if asked.get(name):
            said[name] = asked[name]
    if asked.get("refund_desc"):
        said["reason"] = asked["refund_desc"]
    if asked.get("refund_account"):
        said["funds_account"] = FUNDS[asked["refund_account"]]
    return said


def query(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /pay/refundquery: one refund by its number, or all of an order; each field with _n."""
    world.due.run()
    with world.books.lock:
        merchant = micropay.own_merchant(world, provider, asked)
        if not any(asked.get(name) for name in WHICH):
            raise No("LACK_PARAMS", "四个单号不能同时为空")
        for trade in world.books.all():
            mine = (trade.channel, trade.owner, trade.sub_mchid)
            if mine != (orders.CHANNEL, provider.sp_mchid, merchant.sub_mchid):
                continue
            found = [] if orders.is_deposit(trade) else _wanted(trade, asked)
            if found:
                return _told(trade, found)
    raise No("REFUNDNOTEXIST", "退款订单查询失败")


def _wanted(trade: Trade, asked: Fields) -> list[Refund]:
    """refund_id, out_refund_no, transaction_id, out_trade_no: the first that is said counts."""
    if ref := asked.get("refund_id"):
        return [r for r in trade.refunds if r.refund_id == ref]
    if number := asked.get("out_refund_no"):
        return [r for r in trade.refunds if r.out_refund_no == number]
    if ref := asked.get("transaction_id"):
        return trade.refunds if trade.transaction_id == ref else []
    return trade.refunds if trade.out_trade_no == asked["out_trade_no"] else []


def _told(trade: Trade, found: list[Refund]) -> Fields:
    said = {
        "transaction_id": str(trade.transaction_id),
        "out_trade_no": trade.out_trade_no,
        "total_fee": str(trade.amount_fen),
        "fee_type": "CNY",
        "cash_fee": str(trade.amount_fen),
        "refund_count": str(len(found)),
    }
    for at, refund in enumerate(found):
        said |= {f"{name}_{at}": value for name, value in _one(refund).items()}
    return said


def _one(refund: Refund) -> Fields:
    said = {
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_channel": "ORIGINAL",
        "refund_fee": str(refund.amount_fen),
        "refund_status": V2_STATES[refund.state],
        "refund_account": V2_FUNDS[refund.facts["funds_account"]],
        "refund_recv_accout": "支付用户零钱",
    }
    if "success_time" in refund.facts:
        at = dt.datetime.fromisoformat(refund.facts["success_time"]).astimezone(SHANGHAI)
        said["refund_success_time"] = f"{at:%Y-%m-%d %H:%M:%S}"
    return said


_FEN = Field(r"[1-9][0-9]{0,9}", True)
_NUMBER = r"[0-9A-Za-z_\-|*@]{1,64}"
WHICH = {
    **micropay.WHICH,
    "out_refund_no": Field(_NUMBER),
    "refund_id": Field(r"[0-9]{1,32}"),
}
_OLD = {"op_user_id": Field(r"[0-9]{8,10}"), "device_info": text(32)}  # SDKs still say them
OPERATIONS = (
    V2Operation(
        "wechat.refund_v2",
        "/secapi/pay/refund",
        ask,
        IDENTITY
        | micropay.WHICH
        | _OLD
        | {
            "out_refund_no": Field(_NUMBER, True),
            "total_fee": _FEN,
            "refund_fee": _FEN,
            "refund_fee_type": Field(r"CNY"),
            "refund_desc": text(80),
            "refund_account": Field("|".join(FUNDS)),
            "notify_url": text(256),
        },
        needs_certificate=True,
    ),
    V2Operation(
        "wechat.refundquery_v2",
        "/pay/refundquery",
        query,
        IDENTITY | WHICH | _OLD | {"offset": Field(r"[0-9]{1,3}")},
    ),
)
