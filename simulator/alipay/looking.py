"""The methods about a trade that may exist: query, close, cancel. Source: alipay.md 4.7."""

from __future__ import annotations

from typing import Any

from simulator.alipay import trades
from simulator.alipay.channels import of_trade
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.orders import DAY
from simulator.alipay.state import Call
from simulator.books import Trade
from simulator.parties import PEOPLE


def found(call: Call) -> Trade | None:
    """By trade_no, which wins, or out_trade_no; only this app's and this merchant's."""
    books, owner = call.sim.world.books, call.owner()
    trade_no, number = call.biz.get("trade_no"), call.biz.get("out_trade_no")
    if not trade_no and not number:
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：out_trade_no 与 trade_no 不能同时为空")
    if trade_no:
        trade = books.by_ref(trades.CHANNEL, trade_no)
    else:
        trade = books.find(trades.CHANNEL, owner, str(number))
    if trade is None or trade.owner != owner:
        return None
    return trades.current(call.sim, trade)


def _existing(call: Call) -> Trade:
    trade = found(call)
    if trade is None:
        raise Refusal("ACQ.TRADE_NOT_EXIST")
    return trade


def money(trade: Trade) -> dict[str, Any]:
    """Of a paid trade. API answers spell fund_channel so; notices do not (2.2)."""
    paid = yuan(trade.amount_fen)
    return {
        "gmt_payment": trade.facts["gmt_payment"],
        "fund_bill_list": [{"fund_channel": of_trade(trade), "amount": paid}],
    }


def query(call: Call) -> dict[str, Any]:
    """alipay.trade.query. The `wrong_amount` fault is one fen too many, correctly signed."""
    trade = _existing(call)
    off = 1 if call.sim.world.faults.take("wrong_amount", "alipay.query", call.method) else 0
    total = yuan(trade.amount_fen + off)
    paid = total if trade.paid_at else "0.00"
    node = {
        "trade_no": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        **buyer(call, trade),
        "trade_status": trade.state,
        "total_amount": total,
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "point_amount": "0.00",
        "invoice_amount": paid,
        "store_id": trade.facts["store_id"],
        "terminal_id": trade.facts["terminal_id"],
    }
    if trade.paid_at:
        node["send_pay_date"] = trade.facts["gmt_payment"]
        node["fund_bill_list"] = [{"fund_channel": of_trade(trade), "amount": total}]
    return {k: v for k, v in node.items() if v != ""}


def buyer(call: Call, trade: Trade) -> dict[str, str]:
    """Who paid, by the names that an API answer uses."""
    person = trade.facts["buyer"]
    if person is None:
        return {}
    named = call.sim.identity(call.app.app_id, person, "buyer_user_id", "buyer_open_id")
    return {"buyer_logon_id": PEOPLE[person].alipay_login} | named


def close(call: Call) -> dict[str, Any]:
    """alipay.trade.close: only an unpaid, existing trade."""
    with call.sim.world.books.lock:
        trade = _existing(call)
        if trade.state != trades.WAITING:
            raise Refusal("ACQ.TRADE_STATUS_ERROR")
        trades.close(call.sim, trade)
    return {"trade_no": trade.transaction_id, "out_trade_no": trade.out_trade_no}


def cancel(call: Call) -> dict[str, Any]:
    """alipay.trade.cancel: unpaid closes, paid is taken back, unknown has no `action`.

    A code of precreate that nobody scanned is void afterwards.
    """
    with call.sim.world.books.lock:
        trade = found(call)
        if trade is None:
            return _nothing_to_cancel(call)
        if call.sim.switch("cancel_retry") == "Y":  # nothing was done yet: call again
            named = {"trade_no": trade.transaction_id, "out_trade_no": trade.out_trade_no}
            return named | {"retry_flag": "Y"}
        return {
            "trade_no": trade.transaction_id,
            "out_trade_no": trade.out_trade_no,
            "retry_flag": "N",
            "action": _cancelled(call, trade),
        }


def _nothing_to_cancel(call: Call) -> dict[str, Any]:
    offers, number = call.sim.offers, call.biz.get("out_trade_no")
    for code, offer in list(offers.items()):
        if (offer.owner, offer.order.out_trade_no) == (call.owner(), number):
            del offers[code]
    named = {"out_trade_no": number} if number else {"trade_no": call.biz["trade_no"]}
    return named | {"retry_flag": "N"}


def _cancelled(call: Call, trade: Trade) -> str:
    sim = call.sim
    if trade.state == trades.FINISHED:
        raise Refusal("ACQ.TRADE_HAS_FINISHED")
    if trade.state == trades.PAID:
        if sim.world.clock.time() > trade.created_at + DAY:
            raise Refusal("ACQ.TRADE_CANCEL_TIME_OUT")
        trades.take_back(sim, trade)
    elif trade.state == trades.WAITING:
        trades.close(sim, trade)
    return "refund" if trade.refunds else "close"
