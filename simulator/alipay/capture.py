"""alipay.trade.pay, of a payment code or of what is held (预授权转支付). Source: alipay.md 6."""

from __future__ import annotations

from typing import Any

from simulator.alipay import holds, opening, trades
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.looking import money
from simulator.alipay.orders import F2F_LIFE
from simulator.alipay.state import Call
from simulator.freezes import Freeze

PRODUCT = "PREAUTH_PAY"  # or the freeze's own
COMPLETE = "COMPLETE"


def pay(call: Call) -> dict[str, Any]:
    return _captured(call) if call.biz.get("auth_no") else opening.pay(call)


def _captured(call: Call) -> dict[str, Any]:
    """Paid at once from what is held. COMPLETE gives the payer the rest, and ends the order."""
    sim, biz = call.sim, call.biz
    order = opening.order_from(call, opening.buyer_of(call), F2F_LIFE, "preauth")
    with sim.world.books.lock:
        trades.repeated(sim, call.owner(), order)
        freeze = _usable(call, order.amount_fen)
        person = freeze.facts["person"]
        if order.buyer not in (None, person):
            raise Refusal("ACQ.TRADE_BUYER_NOT_MATCH")
        trade = trades.opened(sim, call.owner(), order)
        trade.facts |= {"buyer": person, "auth_no": freeze.freeze_id}
        sim.world.books.put(trade)
        _take(call, freeze, order.out_trade_no, order.amount_fen)
        if biz.get("auth_confirm_mode") == COMPLETE and freeze.left_fen:
            made = holds.operation(sim, "UNFREEZE", "", freeze.left_fen, remark="转支付完结")
            holds.release(sim, freeze, made)
    first = sim.world.faults.take("reorder", "alipay.pay", call.method) is not None
    trades.pay(sim, trade, person, notice_first=first)
    return opening.receipt(call, trade, yuan(trade.amount_fen)) | money(trade)


def _usable(call: Call, amount_fen: int) -> Freeze:
    sim, biz = call.sim, call.biz
    freeze = sim.world.freezes.by_id(holds.CHANNEL, biz["auth_no"])
    if freeze is None or freeze.owner != call.owner():
        raise Refusal("ACQ.AUTH_NO_ERROR")
    if biz.get("product_code") not in (PRODUCT, freeze.facts["product_code"]):
        raise Refusal("ACQ.PRE_AUTH_PROD_CODE_INCONSISTENT")
    said = {
        holds.INIT: "ACQ.AUTH_ORDER_NOT_PAID",
        holds.FINISH: "ACQ.AUTH_ORDER_HAS_FINISHED",
        holds.CLOSED: "ACQ.AUTH_ORDER_HAS_CLOSED",
    }
    if holds.current(sim, freeze).state in said:
        raise Refusal(said[freeze.state])
    if amount_fen > freeze.left_fen:
        raise Refusal("ACQ.AUTH_AMOUNT_NOT_ENOUGH")
    return freeze


def _take(call: Call, freeze: Freeze, out_trade_no: str, amount_fen: int) -> None:
    """`out_request_no` of a payment's operation is its trade's number [?]."""
    freeze.operations.append(holds.operation(call.sim, "PAY", out_trade_no, amount_fen))
    freeze.consumed_fen += amount_fen
    freeze.orders.append(out_trade_no)
    holds.end_if_empty(freeze)
    call.sim.world.freezes.put(freeze)
