"""alipay.trade.wap.pay: the browser comes with the signed order. Source: alipay.md 4.6, 2.5."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from simulator.alipay import opening, signing, trades
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.orders import LONGEST
from simulator.alipay.pages import cashier_page, holder, refusal_page, said
from simulator.alipay.state import Alipay, Call, Visit, gateway_key
from simulator.books import Trade
from simulator.clock import china


def begin(call: Call) -> Response:
    """Shows the cashier. No trade exists until the payer has logged in, here: acted."""
    if call.biz.get("product_code") != "QUICK_WAP_WAY":
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：product_code 应为 QUICK_WAP_WAY")
    order = opening.order_from(call, None, LONGEST, "wap")
    trades.repeated(call.sim, call.owner(), order)
    visit = secrets.token_urlsafe(18)
    call.sim.visits[visit] = Visit(
        owner=call.owner(),
        order=order,
        return_url=call.params.get("return_url", ""),
        quit_url=call.biz.get("quit_url") or "",
    )
    return cashier_page(
        subject=order.subject,
        total=yuan(order.amount_fen),
        merchant=call.seller().name,
        visit=visit,
    )


def add_cashier(app: Flask, sim: Alipay) -> None:
    @app.post("/sim/alipay/cashier")
    def alipay_cashier() -> BaseResponse:
        visit = sim.fresh().visits.get(request.form.get("visit", ""))
        if visit is None:
            return refusal_page(Refusal("ACQ.TRADE_NOT_EXIST"))
        try:
            return _acted(sim, visit, request.form.get("act", ""))
        except Refusal as no:
            return refusal_page(no)


def _acted(sim: Alipay, visit: Visit, act: str) -> BaseResponse:
    person = holder()
    trade = trades.opened(sim, visit.owner, visit.order)
    trades.payable(sim, trade, person)
    if act == "confirm":
        first = sim.world.faults.take("reorder", "alipay.wap", "alipay.trade.wap.pay") is not None
        trades.pay(sim, trade, person, notice_first=first)
        if visit.return_url:
            return redirect(_back(sim, visit.return_url, trade))
        return said("付款成功")
    if act == "fail":
        return refusal_page(Refusal("ACQ.PAYMENT_FAIL"))
    return redirect(visit.quit_url) if visit.quit_url else said("已取消付款")


def _back(sim: Alipay, return_url: str, trade: Trade) -> str:
    """The signed way back; it has no trade_status (2.5)."""
    facts = trade.facts
    params = {
        "charset": facts["charset"],
        "out_trade_no": trade.out_trade_no,
        "method": "alipay.trade.wap.pay.return",
        "total_amount": yuan(trade.amount_fen),
        "trade_no": trade.transaction_id or "",
        "auth_app_id": facts["auth_app_id"],
        "version": "1.0",
        "app_id": facts["app_id"],
        "sign_type": "RSA2",
        "seller_id": facts["seller_id"],
        "timestamp": china(sim.world.clock.now()),
    }
    text = signing.content(params, "sign", "sign_type").encode("ascii")
    params["sign"] = signing.sign(gateway_key(sim.world, facts["app_id"]), text)
    joint = "&" if "?" in return_url else "?"
    return return_url + joint + urlencode(params)
