"""The Gold Plan's calls, each refusal, and the 24 hours after closing. Source: wechat.md B1, B2."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from simulator.books import Trade
from simulator.gold_state import Plan
from simulator.parties import WechatProvider
from simulator.wechat import gate
from simulator.wechat.errors import Refusal
from simulator.world import World

ROOT: Final = "/v3/goldplan/merchants"
REOPENS_AFTER_S: Final = 24 * 3600
PROVIDER: Final = "wechat.goldplan_provider"
LINK: Final = "wechat.goldplan_link"
DEFAULT: Final = "wechat.goldplan_default"
SWITCHES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "goldplan_provider": (
        "open",
        ("open", "not_open", "punished", "not_provider"),
        "how the caller stands with the Gold Plan",
    ),
    "goldplan_default": ("off", ("off", "on"), "on: open by default, nobody is closed singly"),
    "goldplan_link": ("", (), "the receipt link; empty: the product's /receipt, none: not set"),
}


def receipt_link(world: World) -> str:
    """What the provider has entered at WeChat; "" when nothing."""
    said = world.switches.get(LINK)
    return "" if said == "none" else said or f"{world.public_url.rstrip('/')}/receipt"


def plan_of(world: World, sub_mchid: str) -> Plan:
    """How it stands now; with "open by default" every merchant is open."""
    plan = world.gold.of(sub_mchid)
    return replace(plan, is_open=True) if world.switches.get(DEFAULT) == "on" else plan


def shows_official(world: World, trade: Trade) -> bool:
    """Whether the phone leaves the paying page for WeChat's own once this trade is paid."""
    plan = plan_of(world, trade.sub_mchid)
    return trade.facts["product"] == "jsapi" and plan.is_open and plan.scene != "MINIPROGRAM"


def official_path(trade: Trade) -> str:
    """Where the phone goes in place of the page that paid."""
    return f"/sim/official-page/{trade.out_trade_no}"


def iframe_url(world: World, trade: Trade) -> str:
    """B3: the link with the check code, which is taken over the transaction's id as well."""
    link = receipt_link(world)
    told = {"sub_mch_id": trade.sub_mchid, "out_trade_no": trade.out_trade_no}
    proved = urlencode({**told, "transaction_id": trade.transaction_id})
    check = hashlib.md5(f"{link}?{proved}".encode(), usedforsecurity=False).hexdigest()
    return f"{link}?{urlencode({**told, 'check_code': check})}"


# --- the calls --------------------------------------------------------------------------------


def change_plan(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
    sub_mchid = _allowed(world, provider, params)
    with world.lock:
        plan, wants_open = world.gold.of(sub_mchid), params["operation_type"] == "OPEN"
        if wants_open:
            _may_reopen(world, plan)
        elif world.switches.get(DEFAULT) == "on":
            raise Refusal("INVALID_REQUEST", "服务商已默认开通点金计划，不支持单独关闭特约商户")
        elif plan.is_open:
            plan.closed_at = world.clock.time()
        plan.is_open, plan.scene = wants_open, params.get("operation_pay_scene", "JSAPI")
        world.gold.keep(sub_mchid, plan)
    return {"sub_mchid": sub_mchid}


def _may_reopen(world: World, plan: Plan) -> None:
    if plan.is_open or plan.closed_at is None:
        return
    if world.clock.time() < plan.closed_at + REOPENS_AFTER_S:
        raise Refusal("INVALID_REQUEST", "关闭点金计划后24小时内不能重新开通")


def change_receipt(
    world: World, provider: WechatProvider, params: dict[str, Any]
) -> dict[str, Any]:
    sub_mchid = _allowed(world, provider, params)
    if not receipt_link(world):
        raise Refusal("INVALID_REQUEST", "服务商未配置商家小票链接")
    with world.lock:
        plan = world.gold.of(sub_mchid)
        plan.has_receipt = params["operation_type"] == "OPEN"
        world.gold.keep(sub_mchid, plan)
    return {"sub_mchid": sub_mchid}


def set_tags(world: World, provider: WechatProvider, params: dict[str, Any]) -> None:
    _change_open(world, provider, params, tags=_tags(params))


def open_ads(world: World, provider: WechatProvider, params: dict[str, Any]) -> None:
    _change_open(world, provider, params, tags=_tags(params), has_ads=True)


def close_ads(world: World, provider: WechatProvider, params: dict[str, Any]) -> None:
    _change_open(world, provider, params, has_ads=False)


def _change_open(
    world: World, provider: WechatProvider, params: dict[str, Any], **changed: Any
) -> None:
    sub_mchid = _allowed(world, provider, params)
    if not plan_of(world, sub_mchid).is_open:
        raise Refusal("INVALID_REQUEST", "该特约商户未开通点金计划")
    with world.lock:
        world.gold.keep(sub_mchid, replace(world.gold.of(sub_mchid), **changed))


def _tags(params: dict[str, Any]) -> list[str]:
    tags = list(params.get("advertising_industry_filters", ()))
    if len(set(tags)) != len(tags):
        raise Refusal("PARAM_ERROR", "同业过滤标签重复")
    return tags


def _allowed(world: World, provider: WechatProvider, params: dict[str, Any]) -> str:
    """The merchant, once caller and merchant may."""
    stands = world.switches.get(PROVIDER)
    if stands == "not_provider":
        raise Refusal("INVALID_REQUEST", "调用方不是普通服务商或渠道商，无权限操作")
    if stands == "not_open":
        raise Refusal("INVALID_REQUEST", "服务商未开通点金计划，请先在服务商平台开通")
    if stands == "punished":
        raise Refusal("INVALID_REQUEST", "服务商处于处罚期，暂不支持操作")
    sub_mchid = str(params["sub_mchid"])
    if not any(sub_mchid in one.merchants for one in world.wechat.values()):
        raise Refusal("MCH_NOT_EXISTS", "商户号不存在")
    merchant = provider.merchants.get(sub_mchid)
    if merchant is None:
        raise Refusal("INVALID_REQUEST", "该商户不是服务商的特约商户，受理关系不存在")
    if merchant.punished:
        raise Refusal("INVALID_REQUEST", "特约商户处于处罚期，暂不支持操作")
    return sub_mchid


OPERATIONS: Final = (
    gate.Operation("wechat.goldplan", "POST", f"{ROOT}/changegoldplanstatus", change_plan),
    gate.Operation(
        "wechat.goldplan_receipt", "POST", f"{ROOT}/changecustompagestatus", change_receipt
    ),
    gate.Operation(
        "wechat.goldplan_tags", "POST", f"{ROOT}/set-advertising-industry-filter", set_tags
    ),
    gate.Operation("wechat.goldplan_ads", "PATCH", f"{ROOT}/open-advertising-show", open_ads),
    gate.Operation("wechat.goldplan_no_ads", "POST", f"{ROOT}/close-advertising-show", close_ads),
)


def mount_control(app: Flask, world: World) -> None:
    @app.get("/sim/gold-plans")
    def gold_plans() -> ResponseReturnValue:
        """By sub_mchid: what nobody can ask WeChat, for tests and people."""
        with world.lock:
            return jsonify(world.gold.rows())
