"""The phone's payment: what the WeChat client checks before it pays. Source: wechat.md A6."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator import second
from simulator.books import Trade
from simulator.clock import rfc3339
from simulator.freezes import Freeze
from simulator.parties import PAY_PATHS, PEOPLE, WechatProvider
from simulator.wallets import PhoneContext
from simulator.wechat import deposit_rules, deposits, goldplan, micropay, notify, orders, sign
from simulator.world import World

CALL = "get_brand_wcpay_request"
BRIDGE = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
APP = ("appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign")


class NoPayment(Exception):
    """The sheet shows an error instead of a payment."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def pay(
    world: World, params: dict[str, Any], act: str, phone: PhoneContext
) -> tuple[int, dict[str, Any]]:
    """Bridge parameters, an APP's parameters, {"code_url"} (camera) or {"h5_url"}; for a payment
    code that waits for the password {"auth_code"} or {"out_trade_no"}."""
    try:
        freeze = deposits.shown_to(world, params) if _is_of_code(params) else None
        if freeze is not None:
            return 200, _freeze(world, freeze, act, phone)
        trade = _open_sheet(world, params, phone)
        result = _act(world, trade, act, phone)
    except NoPayment as no:
        world.note("phone", "wechat pay", f"{no.code} {no.message}")
        return 400, {"err_msg": f"{CALL}:fail", "code": no.code, "message": no.message}
    world.note("phone", f"wechat {act}", result, trade.out_trade_no)
    said = {"err_msg": f"{CALL}:{result}", "detail": _detail(trade)}
    if result == "ok" and goldplan.shows_official(world, trade):
        said["after"] = goldplan.official_path(trade)  # the paying page is closed
    return 200, said


def _is_of_code(params: dict[str, Any]) -> bool:
    return "auth_code" in params or "out_trade_no" in params


def _freeze(world: World, freeze: Freeze, act: str, phone: PhoneContext) -> dict[str, Any]:
    """The password for a deposit: confirmed, the money is held; nothing is notified."""
    with world.books.lock:
        deposits.age(world, freeze)
        if freeze.state != deposit_rules.WAITING:
            is_paid = freeze.frozen_at is not None
            code, words = ("ORDERPAID", "已支付") if is_paid else ("ORDER_CLOSED", "已关闭")
            raise NoPayment(code, f"该订单{words}")
        if _who(world, phone, [freeze.facts["sp_appid"]]) not in (None, freeze.facts["person"]):
            raise NoPayment("OPENID_MISMATCH", "下单账号与支付账号不一致")
        if act == "confirm":
            deposits.frozen(world, freeze)
        else:
            freeze.state = deposit_rules.FAILED
            world.freezes.put(freeze)
    result = "ok" if act == "confirm" else act
    world.note("phone", f"wechat {act}", result, freeze.out_freeze_no)
    detail = {
        "out_trade_no": freeze.out_freeze_no,
        "amount_fen": freeze.freeze_fen,
        "description": freeze.facts["description"],
        "sub_mchid": freeze.sub_mchid,
        "state": freeze.state,
    }
    return {"err_msg": f"{CALL}:{result}", "detail": detail}


def _who(world: World, phone: PhoneContext, appids: list[str]) -> str | None:
    """The person that the phone names, "" for an openid of nobody's."""
    if phone.openid is None:
        return phone.person
    return next((p for appid in appids if (p := world.person_of(appid, phone.openid))), "")


def _detail(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "amount_fen": trade.amount_fen,
        "description": trade.facts["description"],
        "sub_mchid": trade.sub_mchid,
        "state": trade.state,
    }


def _open_sheet(world: World, params: dict[str, Any], phone: PhoneContext) -> Trade:
    """The trade that these parameters lead to, once they are proved."""
    if "code_url" in params or "h5_url" in params:
        return _from_link(world, params)
    if _is_of_code(params):
        return _from_code(world, params)
    if "prepayid" in params:
        return _from_app(world, params)
    _check_shape(params, BRIDGE)
    _check_page(world, params["appId"], phone)
    if params["signType"] != "RSA":
        raise NoPayment("SIGN_TYPE", "signType不正确，应为RSA")
    if not re.fullmatch(r"[1-9][0-9]{9}", params["timeStamp"]):
        raise NoPayment("PARAM_ERROR", "timeStamp应为秒级时间戳字符串")
    head, _, prepay_id = params["package"].partition("=")
    if head != "prepay_id" or not prepay_id:
        raise NoPayment("PARAM_ERROR", "缺少参数prepay_id")
    trade = _trade(world, prepay_id, "jsapi")
    if params["appId"] not in trade.facts["pays_with"]:
        raise NoPayment("APPID_MISMATCH", "支付验证签名失败：appId与下单时不一致")
    lines = (params["appId"], params["timeStamp"], params["nonceStr"], params["package"])
    _check_sign(world, trade, lines, params["paySign"])
    return trade


def _from_app(world: World, params: dict[str, Any]) -> Trade:
    """An APP signs the bare prepay_id."""
    _check_shape(params, APP)
    trade = _trade(world, params["prepayid"], "app")
    if params["package"] != "Sign=WXPay" or params["partnerid"] != trade.sub_mchid:
        raise NoPayment("PARAM_ERROR", "package或partnerid不正确")
    if params["appid"] not in trade.facts["pays_with"]:
        raise NoPayment("APPID_MISMATCH", "appid与下单时不一致")
    lines = (params["appid"], params["timestamp"], params["noncestr"], params["prepayid"])
    _check_sign(world, trade, lines, params["sign"])
    return trade


def _from_link(world: World, params: dict[str, Any]) -> Trade:
    product, name = ("native", "pr") if "code_url" in params else ("h5", "prepay_id")
    url = params.get("code_url") or params.get("h5_url")
    ref = parse_qs(urlsplit(str(url)).query).get(name, [""])[0]
    return _trade(world, ref, product)


def _from_code(world: World, params: dict[str, Any]) -> Trade:
    trade = micropay.shown_to(world, params)
    if trade is None:
        raise NoPayment("ORDER_NOT_EXIST", "没有等待输入密码的付款")
    return trade


def _check_shape(params: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        value = params.get(name)
        if not isinstance(value, str) or not value:
            raise NoPayment("PARAM_ERROR", f"调用支付JSAPI缺少参数：{name}")
    extra = sorted(set(params) - set(names))
    if extra:
        raise NoPayment("PARAM_ERROR", f"调用支付JSAPI含有多余参数：{extra[0]}")
    if len(params.get("nonceStr", params.get("noncestr", ""))) > 32:
        raise NoPayment("PARAM_ERROR", "nonceStr不长于32位")


def _check_page(world: World, appid: str, phone: PhoneContext) -> None:
    """A page pays only below a registered directory (E3); not asked when nobody named the page."""
    if phone.page_url is None:
        return
    allowed = [world.public_url.rstrip("/") + path for path in PAY_PATHS]
    for provider in world.wechat.values():
        bound = {a for m in provider.merchants.values() for a in m.sub_appids}
        if appid in provider.appids or appid in bound:
            allowed = list(provider.pay_directories) or allowed
    page = urlsplit(phone.page_url)
    if world.switches.get("wechat.pay_directories") == "missing":
        allowed = []
    plain = f"{page.scheme}://{page.netloc}{page.path}"
    dotted = {".", ".."} & set(page.path.split("/"))
    if dotted or not any(plain.startswith(directory) for directory in allowed):
        raise NoPayment("URL_NOT_REGISTERED", "当前页面的URL未注册：" + plain)


def _trade(world: World, ref: str, product: str) -> Trade:
    trade = world.books.by_ref(orders.CHANNEL, ref)
    known = trade is not None and trade.facts["product"] == product
    if trade is None or not known or trade.transaction_id == ref:
        raise NoPayment("PREPAY_ID_UNKNOWN", "支付失败：prepay_id无效")
    if world.clock.time() >= trade.facts["credentials"].get(ref, 0.0) and trade.state == "NOTPAY":
        raise NoPayment("PREPAY_ID_EXPIRED", "支付失败：prepay_id已过期，请重新下单")
    return trade


def _check_sign(world: World, trade: Trade, lines: tuple[str, ...], signature: str) -> None:
    provider = world.wechat[trade.owner]
    text = "".join(f"{line}\n" for line in lines).encode()
    keys = [sign.merchant_key(world, provider, s) for s in second.merchant_serials(provider)]
    if not any(sign.verify(key.public_key(), signature, text) for key in keys):
        raise NoPayment("SIGN_ERROR", "支付验证签名失败")


def _holder(world: World, trade: Trade, phone: PhoneContext) -> str:
    """The person who holds the phone; only the payer ordered for may pay (A5)."""
    ordered_for: str | None = trade.facts["person"]
    person = _who(world, phone, trade.facts["pays_with"])
    if person is None:
        person = ordered_for or "lin"
    if person not in PEOPLE:
        raise NoPayment("OPENID_MISMATCH", "下单账号与支付账号不一致")
    if ordered_for is not None and person != ordered_for:
        raise NoPayment("OPENID_MISMATCH", "下单账号与支付账号不一致")
    return person


def _act(world: World, trade: Trade, act: str, phone: PhoneContext) -> str:
    with world.books.lock:
        _check_payable(world, trade, phone)
        of_code = trade.facts["product"] == micropay.PRODUCT
        if act != "confirm":
            if of_code:  # the payer gave up: this trade will never be paid
                trade.state = micropay.FAILED
                world.books.put(trade)
            return act
        trade.facts["person"] = _holder(world, trade, phone)
        if of_code:  # nothing is notified
            micropay.paid(world, trade)
            return "ok"
        trade.state = "SUCCESS"
        trade.transaction_id = _new_transaction_id(world)
        trade.paid_at = rfc3339(world.clock.now())
        trade.facts["paid_time"] = world.clock.time()
        world.books.put(trade)
    notify.post_success(world, _provider(world, trade), trade)
    return "ok"


def _check_payable(world: World, trade: Trade, phone: PhoneContext) -> None:
    orders.age(world, trade)
    now = world.clock.time()
    if trade.state in orders.PAID:
        raise NoPayment("ORDERPAID", "该订单已支付")
    if trade.state in ("CLOSED", micropay.REVOKED, micropay.FAILED):
        raise NoPayment("ORDER_CLOSED", "该订单已关闭")
    if now >= trade.expires_at:
        raise NoPayment("ORDER_EXPIRED", "订单已过期，请重新下单")
    _holder(world, trade, phone)


def _new_transaction_id(world: World) -> str:
    while True:
        made = world.transaction_id("wechat")
        if world.books.by_ref(orders.CHANNEL, made) is None:
            return made


def _provider(world: World, trade: Trade) -> WechatProvider:
    return world.wechat[trade.owner]
