"""Refunds of what was consumed of a deposit. Source: wechat.md F; who was silent: upstream's pages
of 2025 (refunds only after a consumption, by transaction_id, total_fee the deposit's).
"""

from __future__ import annotations

import datetime as dt

from simulator.books import Refund, Trade
from simulator.clock import SHANGHAI
from simulator.freezes import Freeze
from simulator.parties import WechatProvider
from simulator.wechat import deposit_rules as rules
from simulator.wechat import deposits, micropay, orders, refunds
from simulator.wechat.refund_notices import V2_FUNDS, V2_STATES
from simulator.wechat.v2_gate import Field, Fields, No, text
from simulator.world import World

FUNDS = {v2: v3 for v3, v2 in V2_FUNDS.items()}  # the books keep APIv3's words


def ask(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/refund: accepted, and final after a while. The same number again: the same."""
    with world.books.lock:
        rules.may_give_back(world, micropay.own_merchant(world, provider, asked))
        freeze = deposits.age(world, rules.found(world, provider, asked))
        rules.same_total(freeze, asked)
        trade = _consumption(world, freeze)
        number, fen = asked["out_refund_no"], int(asked["refund_fee"])
        holder = world.books.by_refund(orders.CHANNEL, provider.sp_mchid, number)
        if holder is not None:
            return _again(freeze, trade, holder, asked)
        funds = FUNDS.get(asked.get("refund_account", ""), refunds.UNSETTLED)
        _may_refund(world, trade, fen, funds)
        facts = {
            "fingerprint": micropay.fingerprint(asked),
            "notify_url": None,
            "funds_account": funds,
        }
        refund = refunds.new(world, number, fen, facts)
        refunds.begin(world, provider, trade, refund)
        return _told(freeze, trade, refund)


def query(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/refundquery: by refund_id, which wins, or out_refund_no."""
    world.due.run()
    with world.books.lock:
        merchant = micropay.own_merchant(world, provider, asked)
        number, ref = asked.get("out_refund_no"), asked.get("refund_id")
        if not number and not ref:
            raise No("LACK_PARAMS", "out_refund_no与refund_id不能同时为空")
        mine = (orders.CHANNEL, provider.sp_mchid, merchant.sub_mchid)
        for trade in world.books.all():
            if (trade.channel, trade.owner, trade.sub_mchid) != mine:
                continue
            for refund in trade.refunds if orders.is_deposit(trade) else ():
                if refund.refund_id == ref or (not ref and refund.out_refund_no == number):
                    return _told_in_full(world, trade, refund)
    raise No("REFUNDNOTEXIST", "退款订单查询失败")


def _consumption(world: World, freeze: Freeze) -> Trade:
    """What may be refunded is what was consumed; all else is reversed."""
    trade = world.books.find(orders.CHANNEL, freeze.owner, freeze.out_freeze_no)
    if trade is None:
        raise No("INVALID_REQUEST", "押金未消费，不能申请退款，请使用撤销接口")
    return trade


def _again(freeze: Freeze, trade: Trade, holder: Trade, asked: Fields) -> Fields:
    refund = next(r for r in holder.refunds if r.out_refund_no == asked["out_refund_no"])
    if holder is not trade or refund.facts["fingerprint"] != micropay.fingerprint(asked):
        raise No("INVALID_REQUEST", "退款单号重复，请求参数与首次退款不一致")
    return _told(freeze, trade, refund)


def _may_refund(world: World, trade: Trade, fen: int, funds: str) -> None:
    held = [r for r in trade.refunds if r.state != refunds.GONE]
    if world.clock.time() > trade.facts["paid_time"] + refunds.WINDOW_S:
        raise No("TRADE_OVERDUE", "订单已经超过退款期限")
    if sum(r.amount_fen for r in held) + fen > trade.amount_fen:
        raise No("INVALID_REQUEST", "申请退款金额大于可退金额")
    if len(held) >= refunds.MOST:
        raise No("INVALID_REQUEST", "部分退款次数超过限制")
    if refunds.is_short(world, funds):
        raise No("NOTENOUGH", "商户可用退款余额不足")


def _told(freeze: Freeze, trade: Trade, refund: Refund) -> Fields:
    return {
        "out_trade_no": trade.out_trade_no,
        "transaction_id": str(trade.transaction_id),
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "total_fee": str(freeze.freeze_fen),
        "fee_type": "CNY",
        "refund_fee": str(refund.amount_fen),
        "cash_fee": str(freeze.freeze_fen),
        "cash_refund_fee": str(refund.amount_fen),
    }


def _told_in_full(world: World, trade: Trade, refund: Refund) -> Fields:
    freeze = world.freezes.find(trade.channel, trade.owner, trade.out_trade_no)
    assert freeze is not None  # the trade is its consumption
    said = _told(freeze, trade, refund) | {
        "refund_channel": "ORIGINAL",
        "refund_status": V2_STATES[refund.state],
        "refund_account": V2_FUNDS[refund.facts["funds_account"]],
        "refund_recv_accout": "支付用户零钱",
    }
    if "success_time" in refund.facts:
        at = dt.datetime.fromisoformat(refund.facts["success_time"]).astimezone(SHANGHAI)
        said["refund_success_time"] = f"{at:%Y-%m-%d %H:%M:%S}"
    return said


_NUMBER = r"[0-9A-Za-z_\-|*@]{1,64}"
OPERATIONS = (
    deposits.operation(
        "refund",
        ask,
        deposits.WHO
        | {
            "transaction_id": Field(r"[0-9]{1,32}", True),
            "out_refund_no": Field(_NUMBER, True),
            "total_fee": Field(r"[1-9][0-9]{0,9}", True),
            "refund_fee": Field(r"[1-9][0-9]{0,9}", True),
            "refund_fee_type": Field(r"CNY"),
            "refund_desc": text(70),
            "refund_account": Field("|".join(FUNDS)),
        },
        needs_certificate=True,
    ),
    deposits.operation(
        "refundquery",
        query,
        deposits.WHO | {"out_refund_no": Field(_NUMBER), "refund_id": Field(r"[0-9]{1,32}")},
    ),
)
