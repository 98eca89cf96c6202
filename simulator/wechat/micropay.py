"""Code payments: pay, query, reverse, and the codes that phones show. Source: wechat.md A8.

Nothing is notified. What a reversal of a number that nobody knows answers is not documented: here
it is ORDERNOTEXIST, and the number may still be used afterwards.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import secrets

from flask import Flask, Response, jsonify, request

from simulator.books import Trade
from simulator.clock import SHANGHAI, rfc3339
from simulator.parties import PEOPLE, WechatMerchant, WechatProvider
from simulator.wechat import orders, rules, single_goods
from simulator.wechat.v2_gate import IDENTITY, Field, Fields, No, V2Operation, text
from simulator.world import Code, World

PRODUCT = "micropay"
WAITING, REVOKED, FAILED = "USERPAYING", "REVOKED", "PAYERROR"
CODE_APP, CODE_LIFE_S = "wechat:paycode", 60
SOONEST_REVERSE_S, LATEST_REVERSE_S = 15, 7 * rules.DAY_S
DEFAULT_LIFE_S = 600  # a trade without time_expire; our figure
STAMP = "%Y%m%d%H%M%S"
UNDECIDED = {"BANKERROR": "银行系统异常", "SYSTEMERROR": "接口返回错误"}
DEFINITE = {
    "NOTENOUGH": "余额不足",
    "NOTSUPORTCARD": "不支持卡类型",
    "BUYER_MISMATCH": "支付帐号错误",
    "TRADE_ERROR": "交易错误",
    "NOAUTH": "商户无权限",
}
ASKED = ("attach", "detail", "version", "goods_tag", "limit_pay")
RESULTS = ("SUCCESS", WAITING, *UNDECIDED, *DEFINITE)


def pay(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /pay/micropay. USERPAYING: the payer must type the password on the phone."""
    merchant = own_merchant(world, provider, asked)
    if merchant.punished or PRODUCT not in merchant.products:
        raise No("NOAUTH", "商户无此接口权限")
    until = pay_until(world, asked)
    if asked.get("version"):
        single_goods.check(asked.get("detail", ""))
    with world.books.lock:
        _refuse_repeat(world, provider, asked)
        person = payer_of(world, asked["auth_code"])
        trade = _opened(world, asked, person, until)
        result = world.switches.get("wechat.micropay_result")
        if result == "SUCCESS":
            paid(world, trade)
            return _told(world, trade)
        trade.state = FAILED if result in DEFINITE else WAITING
        world.books.put(trade)
    raise No(result, {WAITING: "需要用户输入支付密码", **UNDECIDED, **DEFINITE}[result])


def paid(world: World, trade: Trade) -> None:
    """The money moved. Call under the books' lock."""
    trade.state = "SUCCESS"
    while trade.transaction_id is None or world.books.by_ref(orders.CHANNEL, trade.transaction_id):
        trade.transaction_id = world.transaction_id(orders.CHANNEL)
    trade.paid_at = rfc3339(world.clock.now())
    trade.facts["paid_time"] = world.clock.time()
    world.books.put(trade)


def query(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /pay/orderquery: any trade of the merchant's, however it was ordered."""
    with world.books.lock:
        trade = _found(world, provider, asked)
        words = orders.STATE_WORDS[trade.state]
        return {**_told(world, trade), "trade_state": trade.state, "trade_state_desc": words}


def reverse(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /secapi/pay/reverse: what is unpaid is closed, what is paid given back. Again: same."""
    with world.books.lock:
        trade = _found(world, provider, asked, recall="N")
        now = world.clock.time()
        if trade.facts["product"] != PRODUCT:
            raise No("INVALID_REQUEST", "只有付款码支付的订单可以撤销", recall="N")
        if now < trade.created_at + SOONEST_REVERSE_S:
            raise No("INVALID_REQUEST", "支付后15秒内请勿撤销", recall="Y")
        if world.switches.get("wechat.reverse_recall") == "Y":
            raise No("SYSTEMERROR", "系统超时，请再次调用", recall="Y")
        if trade.state != REVOKED:
            _revoke(world, trade, now)
    return {"recall": "N"}


def _revoke(world: World, trade: Trade, now: float) -> None:
    if now > trade.created_at + LATEST_REVERSE_S:
        raise No("REVERSE_EXPIRE", "订单已超过可撤销的时间", recall="N")
    if trade.state == "REFUND":
        raise No("TRADE_ERROR", "订单已有退款，不能撤销", recall="N")
    trade.facts["given_back"] = trade.state == "SUCCESS"
    trade.state = REVOKED
    world.books.put(trade)


def own_merchant(world: World, provider: WechatProvider, asked: Fields) -> WechatMerchant:
    merchant = provider.merchants.get(asked["sub_mch_id"])
    if merchant is None:
        raise No("MCHID_NOT_EXIST", "sub_mch_id不存在或没有受理关系")
    if asked["appid"] not in provider.appids:
        raise No("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    if asked.get("sub_appid") and asked["sub_appid"] not in merchant.sub_appids:
        raise No("APPID_MCHID_NOT_MATCH", "sub_appid和sub_mch_id不匹配")
    return merchant


def pay_until(world: World, asked: Fields) -> float:
    """time_expire is China time, more than a minute away from time_start or now."""
    now = world.clock.time()
    if not asked.get("time_expire"):
        return now + DEFAULT_LIFE_S
    try:
        start = _instant(asked["time_start"]) if asked.get("time_start") else now
        until = _instant(asked["time_expire"])
    except ValueError:
        raise No("PARAM_ERROR", "time_start或time_expire格式错误") from None
    if until <= now:
        raise No("INVALID_REQUEST", "订单已过期")
    if until - start < 60:
        raise No("PARAM_ERROR", "time_expire与time_start的间隔须大于1分钟")
    return until


def _instant(stamp: str) -> float:
    return dt.datetime.strptime(stamp, STAMP).replace(tzinfo=SHANGHAI).timestamp()


def _refuse_repeat(world: World, provider: WechatProvider, asked: Fields) -> None:
    """A number serves one payment: asked again, it says how that one stands."""
    if world.freezes.find(orders.CHANNEL, provider.sp_mchid, asked["out_trade_no"]):
        raise No("OUT_TRADE_NO_USED", "商户订单号重复")
    trade = world.books.find(orders.CHANNEL, provider.sp_mchid, asked["out_trade_no"])
    if trade is None:
        return
    orders.age(world, trade)
    if trade.facts["fingerprint"] != fingerprint(asked):
        raise No("OUT_TRADE_NO_USED", "商户订单号重复")
    said = {
        WAITING: No(WAITING, "需要用户输入支付密码"),
        REVOKED: No("ORDERREVERSED", "订单已撤销"),
        **dict.fromkeys(orders.PAID, No("ORDERPAID", "订单已支付")),
    }
    raise said.get(trade.state) or No("ORDERCLOSED", "订单已关闭")


def fingerprint(asked: Fields) -> str:
    said = {n: v for n, v in asked.items() if n not in ("nonce_str", "sign")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def payer_of(world: World, auth_code: str) -> str:
    """Whose phone shows it. It is used up by the question."""
    if not re.fullmatch(r"1[0-5][0-9]{16}", auth_code, re.ASCII):
        raise No("AUTH_CODE_INVALID", "授权码检验错误：不是付款码")
    code = world.codes.get(auth_code)
    if code is None or code.app != CODE_APP or code.used:
        raise No("AUTH_CODE_ERROR", "授权码参数错误")
    if world.clock.time() >= code.expires_at:
        raise No("AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试")
    code.used = True
    return code.person


def _opened(world: World, asked: Fields, person: str, until: float) -> Trade:
    return Trade(
        channel=orders.CHANNEL,
        owner=asked["mch_id"],
        mchid=asked["mch_id"],
        sub_mchid=asked["sub_mch_id"],
        out_trade_no=asked["out_trade_no"],
        amount_fen=int(asked["total_fee"]),
        state=WAITING,
        created_at=world.clock.time(),
        expires_at=until,
        facts={
            "product": PRODUCT,
            "fingerprint": fingerprint(asked),
            "sp_appid": asked["appid"],
            "sub_appid": asked.get("sub_appid"),
            "pays_with": [asked["appid"]],
            "description": asked["body"],
            "attach": asked.get("attach"),
            "device_id": asked.get("device_info"),
            "person": person,
            "auth_code": asked["auth_code"],
            "credentials": {},
            "asked": {name: asked[name] for name in ASKED if asked.get(name)},
        },
    )


def _found(world: World, provider: WechatProvider, asked: Fields, **more: str) -> Trade:
    merchant = own_merchant(world, provider, asked)
    number, ref = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not ref:
        raise No("LACK_PARAMS", "out_trade_no与transaction_id不能同时为空", **more)
    if ref:
        trade = world.books.by_ref(orders.CHANNEL, ref)
        trade = trade if trade and trade.transaction_id == ref else None
    else:
        trade = world.books.find(orders.CHANNEL, provider.sp_mchid, str(number))
    mine = (provider.sp_mchid, merchant.sub_mchid)
    if trade is None or (trade.owner, trade.sub_mchid) != mine or orders.is_deposit(trade):
        raise No("ORDERNOTEXIST", "订单不存在", **more)
    orders.age(world, trade)
    return trade


def _told(world: World, trade: Trade) -> Fields:
    said = {"out_trade_no": trade.out_trade_no, "attach": trade.facts["attach"] or ""}
    if trade.state not in orders.PAID:
        return said
    at = dt.datetime.fromtimestamp(trade.facts["paid_time"], SHANGHAI)
    return said | {
        "openid": world.openid(trade.facts["sp_appid"], trade.facts["person"]),
        "is_subscribe": "N",
        "trade_type": orders.TRADE_TYPE[trade.facts["product"]],
        "bank_type": "OTHERS",
        "fee_type": "CNY",
        "total_fee": str(trade.amount_fen),
        "cash_fee": str(trade.amount_fen),
        "transaction_id": trade.transaction_id or "",
        "time_end": at.strftime(STAMP),
    }


NUMBER = r"[0-9A-Za-z_\-|*@]{1,32}"
WHICH = {"out_trade_no": Field(NUMBER), "transaction_id": Field(r"[0-9]{1,32}")}
PAY_TABLE = IDENTITY | {
    "device_info": text(32),
    "body": text(127, required=True),
    "detail": text(6000),
    "version": Field(r"1\.0"),
    "attach": text(127),
    "out_trade_no": Field(NUMBER, True),
    "total_fee": Field(r"[1-9][0-9]{0,9}", True),
    "fee_type": Field(r"CNY"),
    "spbill_create_ip": Field(r"[0-9a-fA-F.:]{3,64}", True),
    "goods_tag": text(32),
    "limit_pay": Field(r"no_credit"),
    "time_start": Field(r"[0-9]{14}"),
    "time_expire": Field(r"[0-9]{14}"),
    "receipt": Field(r"Y"),
    "auth_code": text(128, required=True),
    "profit_sharing": Field(r"Y|N"),
    "scene_info": text(256),
}
OPERATIONS = (
    V2Operation("wechat.micropay", "/pay/micropay", pay, PAY_TABLE),
    V2Operation("wechat.orderquery_v2", "/pay/orderquery", query, IDENTITY | WHICH),
    V2Operation(
        "wechat.reverse",
        "/secapi/pay/reverse",
        reverse,
        IDENTITY | WHICH,
        needs_certificate=True,
    ),
)


def add_pay_codes(app: Flask, world: World) -> None:
    @app.post("/sim/wechat/paycode")
    def wechat_pay_code() -> Response:
        """`person` as JSON or the cookie's; good once, for a minute."""
        body = request.get_json(silent=True)
        asked = body.get("person") if isinstance(body, dict) else None
        known = [p for p in (str(asked), request.cookies.get("sim_person")) if p in PEOPLE]
        person = str(known[0]) if known else "lin"
        digits = "".join(secrets.choice("0123456789") for _ in range(16))
        made = f"1{secrets.randbelow(6)}{digits}"
        until = world.clock.time() + CODE_LIFE_S
        world.codes[made] = Code(CODE_APP, person, until)
        return jsonify(auth_code=made, person=person)


def shown_to(world: World, params: dict[str, object]) -> Trade | None:
    """The trade that the payer's phone asks about, by the code it showed or the number."""
    for trade in world.books.all():
        if trade.channel == orders.CHANNEL and trade.facts["product"] == PRODUCT:
            keys = {"auth_code": trade.facts["auth_code"], "out_trade_no": trade.out_trade_no}
            if all(keys.get(name) == value for name, value in params.items()):
                return trade
    return None
