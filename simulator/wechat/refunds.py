"""Refunds: accepted, then final after a while by themselves. Source: wechat.md A7, A9."""

from __future__ import annotations

import hashlib
import json
import secrets
from functools import partial
from typing import Any

from simulator.books import Refund, Trade
from simulator.clock import rfc3339
from simulator.parties import WechatProvider
from simulator.wechat import orders, refund_notices, rules
from simulator.wechat.errors import (
    BAD_PARAMETER,
    MERCHANT_ORDER,
    NO_RELATION,
    RATE,
    SUB_ORDER,
    Refusal,
)
from simulator.world import World

MOST = 50
WINDOW_S = 365 * rules.DAY_S
FINAL = {"success": "SUCCESS", "closed": "CLOSED", "abnormal": "ABNORMAL"}
UNSETTLED = "UNSETTLED"  # where nothing is said
OVERDUE = "订单已超过可退款的最大期限(支付后一年内可退款)"
MISMATCH = "订单金额或退款金额与之前请求不一致，请核实后再试"
GONE = "CLOSED"  # a closed refund gives its room back


def ask(
    world: World, provider: WechatProvider, params: dict[str, Any], v2_notify_url: str | None = None
) -> dict[str, Any]:
    """POST /v3/refund/domestic/refunds. `v2_notify_url` wants APIv2's notification instead."""
    _merchant(world, provider, params)
    if "notify_url" in params:
        rules.check_notify_url(params["notify_url"])
    with world.books.lock:
        trade = _trade(world, provider, params)
        found = _find(world, provider, params["out_refund_no"])
        if found is not None:
            return _repeat(world, trade, *found, params)
        _may_refund(world, trade, params)
        refund = new(
            world,
            params["out_refund_no"],
            params["amount"]["refund"],
            {
                "fingerprint": _fingerprint(params),
                "notify_url": params.get("notify_url"),
                "v2_notify_url": v2_notify_url,
                "funds_account": params.get("funds_account", UNSETTLED),
            },
        )
        begin(world, provider, trade, refund)
        return refund_object(trade, refund)


def query(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
    """GET /v3/refund/domestic/refunds/{out_refund_no}."""
    merchant = _merchant(world, provider, params)
    world.due.run()
    with world.books.lock:
        found = _find(world, provider, params["out_refund_no"])
        if found is None or orders.is_deposit(found[0]):
            raise Refusal("RESOURCE_NOT_EXISTS", "退款单不存在")
        trade, refund = found
        if trade.sub_mchid != merchant:
            raise Refusal("INVALID_REQUEST", "特约商户号与订单不匹配", SUB_ORDER)
        return refund_object(trade, refund)


def _merchant(world: World, provider: WechatProvider, params: dict[str, Any]) -> str:
    sub_mchid = str(params["sub_mchid"])
    if sub_mchid not in provider.merchants:
        if any(sub_mchid in other.merchants for other in world.wechat.values()):
            raise Refusal("NO_AUTH", "受理关系不存在", NO_RELATION)
        raise Refusal("MCH_NOT_EXISTS", "商户号不存在", status=404)
    if world.switches.get(f"wechat.sub.{sub_mchid}") == "no_refund":
        raise Refusal("NO_AUTH", "特约商户未授权服务商API退款")
    return sub_mchid


def _trade(world: World, provider: WechatProvider, params: dict[str, Any]) -> Trade:
    by_id, by_number = params.get("transaction_id"), params.get("out_trade_no")
    if not by_id and not by_number:
        raise Refusal("PARAM_ERROR", "transaction_id和out_trade_no不能同时为空", BAD_PARAMETER)
    trade = (
        world.books.by_ref(orders.CHANNEL, by_id)
        if by_id
        else world.books.find(orders.CHANNEL, provider.sp_mchid, str(by_number))
    )
    if trade is None or (by_id and trade.transaction_id != by_id) or orders.is_deposit(trade):
        raise Refusal("RESOURCE_NOT_EXISTS", "订单不存在")
    if trade.owner != provider.sp_mchid:
        raise Refusal("INVALID_REQUEST", "商户号与订单不匹配", MERCHANT_ORDER)
    if trade.sub_mchid != params["sub_mchid"]:
        raise Refusal("INVALID_REQUEST", "特约商户号与订单不匹配", SUB_ORDER)
    if by_id and by_number and trade.out_trade_no != by_number:
        raise Refusal("INVALID_REQUEST", "transaction_id和out_trade_no不一致")
    if trade.state not in orders.PAID:
        raise Refusal("RESOURCE_NOT_EXISTS", "订单未支付，不能退款")
    return trade


def _find(
    world: World, provider: WechatProvider, out_refund_no: str
) -> tuple[Trade, Refund] | None:
    """A refund number is unique below one provider."""
    trade = world.books.by_refund(orders.CHANNEL, provider.sp_mchid, out_refund_no)
    if trade is None:
        return None
    return trade, next(r for r in trade.refunds if r.out_refund_no == out_refund_no)


def _repeat(
    world: World, asked: Trade, trade: Trade, refund: Refund, params: dict[str, Any]
) -> dict[str, Any]:
    if trade is not asked or refund.facts["fingerprint"] != _fingerprint(params):
        raise Refusal("INVALID_REQUEST", "商户退款单号重复，请求参数与首次退款不一致")
    return refund_object(trade, refund)


def _may_refund(world: World, trade: Trade, params: dict[str, Any]) -> None:
    now, amount = world.clock.time(), params["amount"]
    if amount["total"] != trade.amount_fen:
        raise Refusal("INVALID_REQUEST", MISMATCH)
    if now > trade.facts["paid_time"] + WINDOW_S:
        raise Refusal("INVALID_REQUEST", OVERDUE)
    held = [r for r in trade.refunds if r.state != GONE]
    if sum(r.amount_fen for r in held) + amount["refund"] > trade.amount_fen:
        raise Refusal("INVALID_REQUEST", "申请退款金额大于可退金额")
    if len(held) >= MOST:
        raise Refusal("INVALID_REQUEST", "部分退款次数超过限制")
    spacing = float(world.switches.get("wechat.refund_spacing_s"))
    if any(now < r.created_at + spacing for r in held):
        raise Refusal("FREQUENCY_LIMITED", "同一笔订单部分退款请间隔1分钟", RATE)
    parts = amount.get("from")
    if parts is not None and sum(part["amount"] for part in parts) != amount["refund"]:
        raise Refusal("INVALID_REQUEST", "出资金额之和与退款金额不一致")
    if is_short(world, params.get("funds_account", UNSETTLED)):
        raise Refusal("NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")


def is_short(world: World, funds_account: str) -> bool:
    """Whether this money of the merchant's is too little."""
    short = world.switches.get("wechat.merchant_funds")
    return short == "short" or (short == "unsettled_short" and funds_account == UNSETTLED)


def new(world: World, out_refund_no: str, amount_fen: int, facts: dict[str, Any]) -> Refund:
    """A refund that was accepted now; how it ends is a switch."""
    stamp = f"{world.clock.now():%Y%m%d}"
    return Refund(
        out_refund_no=out_refund_no,
        refund_id=f"503{stamp}{''.join(secrets.choice('0123456789') for _ in range(18))}",
        amount_fen=amount_fen,
        state="PROCESSING",
        created_at=world.clock.time(),
        facts=facts
        | {
            "create_time": rfc3339(world.clock.now()),
            "outcome": world.switches.get("wechat.refund_outcome"),
            "final_at": world.clock.time() + float(world.switches.get("wechat.refund_delay_s")),
        },
    )


def begin(world: World, provider: WechatProvider, trade: Trade, refund: Refund) -> None:
    """Write it down under the books' lock, and let it end by itself."""
    trade.refunds.append(refund)
    trade.state = "REFUND"
    world.books.put(trade)
    _arm(world, provider, trade, refund)


def _fingerprint(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def rearm(world: World) -> None:
    """After a restart: refunds under way go on."""
    for trade in world.books.all():
        for refund in trade.refunds:
            if trade.channel == orders.CHANNEL and refund.state == "PROCESSING":
                _arm(world, world.wechat[trade.owner], trade, refund)


def _arm(world: World, provider: WechatProvider, trade: Trade, refund: Refund) -> None:
    if refund.facts["outcome"] in FINAL:
        act = partial(_finish, world, provider, trade, refund)
        world.due.at(refund.facts["final_at"], act)


def _finish(world: World, provider: WechatProvider, trade: Trade, refund: Refund) -> None:
    with world.books.lock:
        if refund.state != "PROCESSING":
            return
        refund.state = FINAL[refund.facts["outcome"]]
        if refund.state == "SUCCESS":
            refund.facts["success_time"] = rfc3339(world.clock.now())
        world.books.put(trade)
    refund_notices.post(world, provider, trade, refund)


def refund_object(trade: Trade, refund: Refund) -> dict[str, Any]:
    """What asking and a query answer (A9). Absent is absent, never null."""
    said: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": refund.facts["create_time"],
        "status": refund.state,
        "funds_account": refund.facts["funds_account"],
        "amount": {
            "total": trade.amount_fen,
            "refund": refund.amount_fen,
            "payer_total": trade.amount_fen,
            "payer_refund": refund.amount_fen,
            "settlement_refund": refund.amount_fen,
            "settlement_total": trade.amount_fen,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
    }
    if "success_time" in refund.facts:
        said["success_time"] = refund.facts["success_time"]
    return said
