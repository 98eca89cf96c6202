"""Place, query and close. Source: wechat.md A5, A7; state words and numbers as upstream's."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from simulator.books import Trade
from simulator.clock import SHANGHAI
from simulator.parties import WechatProvider
from simulator.wechat import rules
from simulator.wechat.errors import (
    ALREADY_PAID,
    MERCHANT_ORDER,
    MUST_REVERSE,
    ORDER_EXPIRED,
    ORDER_UNKNOWN,
    OTHER_PARAMETERS,
    REORDER_PAID,
    SUB_ORDER,
    Refusal,
)
from simulator.wechat.gate import Work
from simulator.world import World

CHANNEL = "wechat"
PAID = ("SUCCESS", "REFUND")
TRADE_TYPE = {"jsapi": "JSAPI", "native": "NATIVE", "h5": "MWEB", "app": "APP"} | {
    "micropay": "MICROPAY",
    "deposit": "MICROPAY",
    "deposit_face": "FACEPAY",
}
CREDENTIAL_LIFE_S = {"jsapi": 7200, "native": 7200, "app": 7200, "h5": 300}
UNPAID_LIFE_S = 7 * rules.DAY_S
STATE_WORDS = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "CLOSED": "订单已关闭",
    "REFUND": "转入退款",
    "USERPAYING": "用户支付中，需要输入密码",
    "PAYERROR": "支付失败，请重新下单支付",
    "REVOKED": "订单已撤销",
}


def place(product: str) -> Work:
    """POST /v3/pay/partner/transactions/<product>."""

    def work(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
        merchant = rules.own_merchant(world, provider, params)
        rules.appids_bound(provider, merchant, params)
        rules.may_sell(world, merchant, product)
        rules.check_notify_url(params["notify_url"])
        rules.check_detail_size(params)
        until = rules.pay_until(world, product, params)
        person = rules.payer_of(world, params) if product == "jsapi" else None
        with world.books.lock:
            if world.freezes.find(CHANNEL, provider.sp_mchid, params["out_trade_no"]):
                raise Refusal("OUT_TRADE_NO_USED", "商户订单号重复", OTHER_PARAMETERS)
            trade = world.books.find(CHANNEL, provider.sp_mchid, params["out_trade_no"])
            if trade is None:
                trade = _new_trade(world, product, params, until)
                trade.facts["person"] = person
            else:
                _may_repeat(world, trade, product, params)
            return _credential(world, trade)

    return work


def _new_trade(world: World, product: str, params: dict[str, Any], until: float) -> Trade:
    facts = {
        "product": product,
        "fingerprint": _fingerprint(product, params),
        "sp_appid": params["sp_appid"],
        "sub_appid": params.get("sub_appid"),
        "pays_with": _cashier_appids(params),
        "notify_url": params["notify_url"],
        "description": params["description"],
        "attach": params.get("attach"),
        "device_id": params.get("scene_info", {}).get("device_id"),
        "credentials": {},
    }
    return Trade(
        channel=CHANNEL,
        owner=params["sp_mchid"],
        mchid=params["sp_mchid"],
        sub_mchid=params["sub_mchid"],
        out_trade_no=params["out_trade_no"],
        amount_fen=params["amount"]["total"],
        state="NOTPAY",
        created_at=world.clock.time(),
        expires_at=until,
        facts=facts,
    )


def _cashier_appids(params: dict[str, Any]) -> list[str]:
    """The appId that may open the cashier: that of the openid ordered with (A6)."""
    payer = params.get("payer")
    if payer is None:
        return [params[n] for n in ("sp_appid", "sub_appid") if n in params]
    pairs = (("sp_openid", "sp_appid"), ("sub_openid", "sub_appid"))
    return [params[appid] for openid, appid in pairs if openid in payer]


def _fingerprint(product: str, params: dict[str, Any]) -> str:
    text = json.dumps([product, params], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _may_repeat(world: World, trade: Trade, product: str, params: dict[str, Any]) -> None:
    """The same number again: only unpaid, open, with identical parameters and product (A5)."""
    age(world, trade)
    if trade.state in PAID:
        raise Refusal("ORDERPAID", "该订单已支付", REORDER_PAID)
    if trade.state == "CLOSED" or world.clock.time() >= trade.expires_at:
        raise Refusal("ORDER_CLOSED", "该订单已关闭或已过期", ORDER_EXPIRED)
    if trade.facts["fingerprint"] != _fingerprint(product, params):
        text = "商户订单号重复，请求参数与首次下单不一致"
        raise Refusal("OUT_TRADE_NO_USED", text, OTHER_PARAMETERS)


def _credential(world: World, trade: Trade) -> dict[str, Any]:
    """A fresh way to the cashier; native's replaces the last one, the others live side by side."""
    product, now = trade.facts["product"], world.clock.time()
    stamp = world.clock.now().astimezone(SHANGHAI).strftime("%d%H%M%S")
    ref = secrets.token_urlsafe(9) if product == "native" else f"wx{stamp}{secrets.token_hex(13)}"
    live = {r: end for r, end in trade.facts["credentials"].items() if end > now}
    trade.facts["credentials"] = ({} if product == "native" else live) | {
        ref: now + CREDENTIAL_LIFE_S[product]
    }
    trade.facts["prepay_id"] = ref
    world.books.put(trade)
    if product == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl/up?pr={ref}&groupid=00"}
    if product == "h5":
        page = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"
        return {"h5_url": f"{page}?prepay_id={ref}&package={secrets.randbelow(10**9) + 10**9}"}
    return {"prepay_id": ref}


def is_deposit(trade: Trade) -> bool:
    """What was consumed of a deposit: only the deposits' own calls know it."""
    return str(trade.facts.get("product", "")).startswith("deposit")


def age(world: World, trade: Trade) -> None:
    """What is unpaid after 7 days is closed; asked under the books' lock."""
    if trade.state == "NOTPAY" and world.clock.time() >= trade.created_at + UNPAID_LIFE_S:
        trade.state = "CLOSED"
        world.books.put(trade)
    if trade.state == "USERPAYING" and world.clock.time() >= trade.expires_at:
        trade.state = "PAYERROR"  # the password was not typed in time
        world.books.put(trade)


def query(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
    with world.books.lock:
        return trade_object(world, _wanted(world, provider, params))


def close(world: World, provider: WechatProvider, params: dict[str, Any]) -> None:
    with world.books.lock:
        trade = _wanted(world, provider, params)
        if trade.facts["product"] == "micropay":
            raise Refusal("INVALID_REQUEST", "付款码支付的订单请调用撤销接口", MUST_REVERSE)
        if trade.state in PAID:
            raise Refusal("ORDERPAID", "该订单已支付，不能关闭", ALREADY_PAID)
        if trade.state != "CLOSED":
            trade.state = "CLOSED"
            world.books.put(trade)


def _wanted(world: World, provider: WechatProvider, params: dict[str, Any]) -> Trade:
    merchant = rules.own_merchant(world, provider, params)
    if "transaction_id" in params:
        trade = world.books.by_ref(CHANNEL, params["transaction_id"])
        if trade is not None and trade.transaction_id != params["transaction_id"]:
            trade = None
    else:
        trade = world.books.find(CHANNEL, provider.sp_mchid, params["out_trade_no"])
    if trade is None or is_deposit(trade):
        raise Refusal("ORDER_NOT_EXIST", "订单不存在", ORDER_UNKNOWN)
    if trade.owner != provider.sp_mchid:
        raise Refusal("INVALID_REQUEST", "商户号与订单不匹配", MERCHANT_ORDER)
    if trade.sub_mchid != merchant.sub_mchid:
        raise Refusal("INVALID_REQUEST", "特约商户号与订单不匹配", SUB_ORDER)
    age(world, trade)
    return trade


def trade_object(world: World, trade: Trade) -> dict[str, Any]:
    """What a query and, once paid, a notification says (A7). Absent is absent, never null."""
    facts = trade.facts
    said: dict[str, Any] = {"sp_appid": facts["sp_appid"], "sp_mchid": trade.mchid}
    if facts["sub_appid"]:
        said["sub_appid"] = facts["sub_appid"]
    said |= {"sub_mchid": trade.sub_mchid, "out_trade_no": trade.out_trade_no}
    if trade.state in PAID:
        said |= _paid_part(world, trade)
    said |= {"trade_state": trade.state, "trade_state_desc": STATE_WORDS[trade.state]}
    amount: dict[str, Any] = {"total": trade.amount_fen, "currency": "CNY"}
    if trade.state in PAID:
        amount |= {"payer_total": trade.amount_fen, "payer_currency": "CNY"}
    return said | {"amount": amount}


def _paid_part(world: World, trade: Trade) -> dict[str, Any]:
    facts = trade.facts
    payer = {"sp_openid": world.openid(facts["sp_appid"], facts["person"])}
    if facts["sub_appid"]:
        payer["sub_openid"] = world.openid(facts["sub_appid"], facts["person"])
    part: dict[str, Any] = {
        "transaction_id": trade.transaction_id,
        "trade_type": TRADE_TYPE[facts["product"]],
        "bank_type": "OTHERS",
        "success_time": trade.paid_at,
        "payer": payer,
    }
    if facts["attach"]:
        part["attach"] = facts["attach"]
    if facts["device_id"]:
        part["scene_info"] = {"device_id": facts["device_id"]}
    return part
