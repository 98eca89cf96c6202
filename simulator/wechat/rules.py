"""What an order must be besides well formed. Source: wechat.md A1, A5, A6, E2."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import urlsplit

from simulator.parties import WechatMerchant, WechatProvider
from simulator.wechat.errors import (
    APPID_MCHID,
    COLLECTION_RESTRICTED,
    MERCHANT_DISABLED,
    NO_RELATION,
    OPENID_MISSING,
    SUB_IS_OWN,
    Refusal,
    to_json,
)
from simulator.world import World

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
DAY_S = 86400
DEFAULT_LIFE_S = 7 * DAY_S
LONGEST_LIFE_S = {"native": 7 * DAY_S}  # the Native page says 7 d, the others 15 d
DETAIL_BYTES = 6144
SUB_STATES = ("", "no_relation", "unknown", "no_product", "punished", "no_refund")


def declare_merchant(world: World, merchant: WechatMerchant) -> None:
    """Its switch, as soon as it is a sub-merchant."""
    about = f"{merchant.name}: how WeChat Pay treats this sub-merchant"
    world.switches.declare(f"wechat.sub.{merchant.sub_mchid}", "", SUB_STATES, about)


def own_merchant(world: World, provider: WechatProvider, params: dict[str, Any]) -> WechatMerchant:
    """The sub-merchant that the caller may speak for."""
    if params["sp_mchid"] != provider.sp_mchid:
        raise Refusal("PARAM_ERROR", "http header中的mchid与post payload中的mchid不匹配")
    sub_mchid = params["sub_mchid"]
    if sub_mchid == provider.sp_mchid:
        raise Refusal("PARAM_ERROR", "sub_mchid不能与sp_mchid相同", SUB_IS_OWN)
    if sub_mchid in provider.merchants:
        _known_to(world, sub_mchid)
        return provider.merchants[sub_mchid]
    if any(sub_mchid in other.merchants for other in world.wechat.values()):
        raise Refusal("NO_AUTH", "受理关系不存在", NO_RELATION)
    raise Refusal("MCH_NOT_EXISTS", "商户号不存在")


def _known_to(world: World, sub_mchid: str) -> None:
    state = world.switches.get(f"wechat.sub.{sub_mchid}")
    if state == "no_relation":
        raise Refusal("NO_AUTH", "受理关系不存在", NO_RELATION)
    if state == "unknown":
        raise Refusal("MCH_NOT_EXISTS", "商户号不存在")


def may_sell(world: World, merchant: WechatMerchant, product: str) -> None:
    state = world.switches.get(f"wechat.sub.{merchant.sub_mchid}")
    if merchant.punished or state == "punished":
        raise Refusal("NO_AUTH", "特约商户收款功能受限", COLLECTION_RESTRICTED)
    if product not in merchant.products or state == "no_product":
        raise Refusal("NO_AUTH", "特约商户未授权该产品权限", MERCHANT_DISABLED)


def appids_bound(
    provider: WechatProvider, merchant: WechatMerchant, params: dict[str, Any]
) -> None:
    if params["sp_appid"] not in provider.appids:
        raise Refusal("APPID_MCHID_NOT_MATCH", "sp_appid与sp_mchid不匹配", APPID_MCHID)
    if "sub_appid" in params and params["sub_appid"] not in merchant.sub_appids:
        raise Refusal("APPID_MCHID_NOT_MATCH", "sub_mch_id与sub_appid不匹配", APPID_MCHID)


def payer_of(world: World, params: dict[str, Any]) -> str:
    """The person whose openid was given; both openids must be the same person's."""
    payer = params["payer"]
    if not payer:
        raise Refusal("PARAM_ERROR", "sp_openid和sub_openid不能同时为空", OPENID_MISSING)
    if "sub_openid" in payer and "sub_appid" not in params:
        raise Refusal("PARAM_ERROR", "传入sub_openid时sub_appid必填")
    people = set()
    for name, appid in (("sp_openid", "sp_appid"), ("sub_openid", "sub_appid")):
        if name in payer:
            people.add(world.person_of(params[appid], payer[name]))
    person = people.pop()
    if person is None or people:
        raise Refusal("PARAM_ERROR", "无效的openid")
    return person


def check_notify_url(url: str) -> None:
    """https, no query string; http only where no network is crossed (our rule: loopback)."""
    if not re.fullmatch(r"[!-~]+", url):
        raise Refusal("PARAM_ERROR", "notify_url格式错误")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise Refusal("PARAM_ERROR", "notify_url格式错误") from None
    allowed = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    if not host or not allowed or parts.username is not None:
        raise Refusal("PARAM_ERROR", "notify_url格式错误，必须为https地址")
    if "?" in url or "#" in url:
        raise Refusal("PARAM_ERROR", "notify_url不能携带参数")


def check_detail_size(params: dict[str, Any]) -> None:
    if len(to_json(params.get("detail", {}))) > DETAIL_BYTES:
        raise Refusal("PARAM_ERROR", f"detail长度超过{DETAIL_BYTES}字节")


def pay_until(world: World, product: str, params: dict[str, Any]) -> float:
    """Deadline for paying: sooner than 1 min is raised to 1 min, later than the cap is lowered."""
    now = world.clock.time()
    text = params.get("time_expire")
    if text is None:
        return now + DEFAULT_LIFE_S
    try:
        wanted = dt.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise Refusal("PARAM_ERROR", "time_expire格式错误，应为rfc3339格式") from None
    return min(max(wanted, now + 60), now + LONGEST_LIFE_S.get(product, 15 * DAY_S))
