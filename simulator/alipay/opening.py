"""The methods that open a trade: create, precreate, pay. Source: alipay.md 4.1 to 4.4."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from simulator.alipay import channels, trades
from simulator.alipay.codes import MESSAGES, Refusal
from simulator.alipay.fields import fen, yuan
from simulator.alipay.looking import money
from simulator.alipay.orders import (
    F2F_LIFE,
    Order,
    check_parts,
    check_product,
    express_seconds,
    instant,
)
from simulator.alipay.state import Alipay, Call, Offer
from simulator.books import Trade
from simulator.parties import PEOPLE, AlipayMerchant

QR_LIFE = 2 * 3600.0
PAY_CODE = re.compile(r"(2[5-9]|30)\d{14,22}", re.ASCII)
FACE_CODE = re.compile(r"fp[0-9A-Za-z]{33}", re.ASCII)
F2F = "FACE_TO_FACE_PAYMENT"
PREAUTH = "preauth"
ASKED = (
    *("disable_pay_channels", "enable_pay_channels", "passback_params", "goods_detail"),
    *("discountable_amount", "undiscountable_amount", "extend_params"),
)


def order_from(call: Call, buyer: str | None, life: float, product: str = "f2f") -> Order:
    """Checks what all products share. The merchant must have the product (3.4)."""
    merchant, biz, clock = call.seller(), call.biz, call.sim.world.clock
    is_unsigned = product != PREAUTH and call.sim.switch(f"product.{merchant.pid}") == "none"
    if product not in merchant.products or is_unsigned:
        raise Refusal("ACQ.ACCESS_FORBIDDEN")
    if biz.get("alipay_store_id"):  # none is registered here
        raise Refusal("ACQ.INVALID_STORE_ID")
    check_parts(biz)
    channels.check(biz)
    express, until = biz.get("timeout_express"), biz.get("time_expire")
    return Order(
        method=call.method,
        app_id=call.app.app_id,
        out_trade_no=biz["out_trade_no"],
        amount_fen=fen(biz["total_amount"]),
        subject=biz["subject"],
        seller_id=_seller_id(call, merchant),
        notify_url=call.params.get("notify_url", ""),
        charset=call.params["charset"],
        life=express_seconds(express, clock) if express else life,
        until=instant(until, clock) if until else None,
        buyer=buyer,
        body=biz.get("body") or "",
        store_id=biz.get("store_id") or "",
        terminal_id=biz.get("terminal_id") or "",
        passback_params=biz.get("passback_params") or "",
        asked=_asked(biz),
    )


def _asked(biz: dict[str, Any]) -> dict[str, Any]:
    """As plain JSON: a number with decimals is a text there."""
    said = {name: biz[name] for name in ASKED if biz.get(name)}
    plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return plain


def _seller_id(call: Call, merchant: AlipayMerchant) -> str:
    """Only the token's own merchant may receive: 3.4, `ACQ.PARTNER_ERROR`."""
    wanted = call.biz.get("seller_id") or merchant.pid
    if wanted == merchant.pid:
        return merchant.pid
    known = {m.pid for app in call.sim.world.alipay.values() for m in app.merchants.values()}
    raise Refusal("ACQ.PARTNER_ERROR" if wanted in known else "ACQ.SELLER_NOT_EXIST")


def buyer_of(call: Call) -> str | None:
    """The person named by buyer_id, open id or login; all that are given must name the same."""
    biz, sim = call.biz, call.sim
    given = [n for n in ("buyer_id", "buyer_open_id", "buyer_logon_id") if biz.get(n)]
    if not given:
        return None
    if biz.get("buyer_id") == call.seller().pid:
        raise Refusal("ACQ.BUYER_SELLER_EQUAL")
    for key, person in PEOPLE.items():
        theirs = {
            "buyer_id": person.alipay_user_id,
            "buyer_open_id": sim.open_id(call.app.app_id, key),
            "buyer_logon_id": person.alipay_login,
        }
        if all(biz[n] == theirs[n] for n in given):
            return key
    raise Refusal("ACQ.BUYER_NOT_EXIST")


def create(call: Call) -> dict[str, Any]:
    """alipay.trade.create (4.4). JSAPI_PAY is for mini programs, which nobody here has."""
    biz = call.biz
    check_product(biz, F2F, "JSAPI_PAY")
    if biz.get("product_code") == "JSAPI_PAY":
        known = bool(biz.get("op_app_id"))
        raise Refusal("ACQ.UNBOUND_APPLICATION" if known else "ACQ.INVALID_PARAMETER")
    buyer = buyer_of(call)
    if buyer is None:
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：buyer_id 与 buyer_open_id 不能同时为空")
    trade = trades.opened(call.sim, call.owner(), order_from(call, buyer, F2F_LIFE))
    return {"out_trade_no": trade.out_trade_no, "trade_no": trade.transaction_id}


def precreate(call: Call) -> dict[str, Any]:
    """alipay.trade.precreate (4.3): a code, and no trade until it is scanned."""
    sim, biz = call.sim, call.biz
    check_product(biz, F2F, "QR_CODE_OFFLINE")
    order = order_from(call, buyer_of(call), F2F_LIFE)
    with sim.world.books.lock:
        trades.repeated(sim, call.owner(), order)
        offer = _standing(sim, call.owner(), order) or _offer(call, order)
    return {"out_trade_no": order.out_trade_no, "qr_code": offer.qr_code}


def _standing(sim: Alipay, owner: str, order: Order) -> Offer | None:
    """The code still good for this number; a differing repeat is refused as a trade's would be."""
    now = sim.world.clock.time()
    for offer in sim.offers.values():
        same = (offer.owner, offer.order.out_trade_no) == (owner, order.out_trade_no)
        if same and offer.valid_until > now:
            if offer.order.fingerprint != order.fingerprint:
                raise Refusal("ACQ.CONTEXT_INCONSISTENT")
            return offer
    return None


def _offer(call: Call, order: Order) -> Offer:
    clock = call.sim.world.clock
    less = call.biz.get("qr_code_timeout_express")
    life = min(QR_LIFE, express_seconds(less, clock)) if less else QR_LIFE
    until = clock.time() + life
    if order.until is not None:
        until = min(until, order.until)
    code = "https://qr.alipay.com/bax" + secrets.token_hex(11)
    offer = call.sim.offers[code] = Offer(code, call.owner(), order, until)
    return offer


def scanned(sim: Alipay, qr_code: str) -> Trade:
    """A phone reads a precreate's code: from now on the trade exists."""
    with sim.world.books.lock:
        offer = sim.offers.get(qr_code)
        if offer is None or offer.valid_until <= sim.world.clock.time():
            raise Refusal("ACQ.TRADE_NOT_EXIST", "二维码不存在或已失效")
        return trades.opened(sim, offer.owner, offer.order)


def pay(call: Call) -> dict[str, Any]:
    """alipay.trade.pay (4.2): 10000, or 10003 where the payer must confirm on the phone."""
    sim, biz = call.sim, call.biz
    for name in ("auth_code", "scene"):  # not needed with an auth_no
        if not biz.get(name):
            raise Refusal("ACQ.INVALID_PARAMETER", f"参数无效：{name} 不能为空")
    check_product(biz, F2F)
    order = order_from(call, None, F2F_LIFE)
    with sim.world.books.lock:
        trade = trades.repeated(sim, call.owner(), order)
        person = trade.facts["buyer"] if trade else _payer(call)
        channels.used(sim, order.asked)  # nothing is opened that could not be paid
        trade = trade or trades.opened(sim, call.owner(), order)
        trade.facts["buyer"] = person
        sim.world.books.put(trade)
    if "10003" in (call.asked, sim.switch("pay_result")):
        return {"code": "10003", "msg": MESSAGES["10003"], **receipt(call, trade, "0.00")}
    first = sim.world.faults.take("reorder", "alipay.pay", call.method) is not None
    trades.pay(sim, trade, person, notice_first=first)
    return receipt(call, trade, yuan(trade.amount_fen)) | money(trade)


def _payer(call: Call) -> str:
    """Whose phone shows this payment code. It is used up by the question."""
    code = str(call.biz["auth_code"]).strip()
    if not (PAY_CODE.fullmatch(code) or FACE_CODE.fullmatch(code)):
        raise Refusal("ACQ.PAYMENT_AUTH_CODE_INVALID")
    shown = call.sim.pay_codes.pop(code, None)
    if shown is None or shown.expires_at <= call.sim.world.clock.time():
        raise Refusal("ACQ.PAYMENT_AUTH_CODE_INVALID")
    return shown.person


def receipt(call: Call, trade: Trade, paid: str) -> dict[str, Any]:
    person = trade.facts["buyer"]
    named = call.sim.identity(call.app.app_id, person, "buyer_user_id", "buyer_open_id")
    return {
        "trade_no": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        "buyer_logon_id": PEOPLE[person].alipay_login,
        **named,
        "total_amount": yuan(trade.amount_fen),
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "point_amount": "0.00",
        "invoice_amount": paid,
    }
