"""alipay.trade.refund and its query. Source: alipay.md 2.3, 4.8, 4.9."""

from __future__ import annotations

import secrets
from decimal import Decimal
from functools import partial
from typing import Any

from simulator.alipay import looking, notices, trades
from simulator.alipay.channels import of_trade
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.orders import DAY
from simulator.alipay.state import Alipay, Call
from simulator.books import Refund, Trade
from simulator.clock import china

WINDOW = 365 * DAY  # a contract's matter, commonly twelve months
DONE, WAITING = "REFUND_SUCCESS", "PROCESSING"
REFUNDABLE = (trades.PAID, trades.CLOSED)


def refund(call: Call) -> dict[str, Any]:
    """The same out_request_no and amount again is the same refund, answered with fund_change N."""
    sim = call.sim
    with sim.world.books.lock:
        trade = _paid(call)
        amount = int(Decimal(str(call.biz["refund_amount"])) * 100)
        number = call.biz.get("out_request_no")
        if not number and amount != trade.amount_fen:
            raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：部分退款时 out_request_no 必填")
        number = str(number or trade.out_trade_no)
        same = _of_number(trade, number)
        if same is not None:
            if same.amount_fen != amount:
                raise Refusal("ACQ.DISCORDANT_REPEAT_REQUEST")
            return _answer(call, trade, moved=False)
        _may_refund(call, trade, amount)
        made = _new(sim, trade, number, amount, str(call.biz.get("refund_reason") or ""))
        sim.world.books.put(trade)
        if made.facts["outcome"] == "later":
            sim.world.due.at(made.facts["done_at"], partial(_finish, sim, trade, made))
        elif made.facts["outcome"] == "at_once":
            _finish(sim, trade, made)
        return _answer(call, trade, moved=made.state == DONE)


def query(call: Call) -> dict[str, Any]:
    """Without `refund_status` it is not done, or there is none of that number."""
    call.sim.world.due.run()
    trade = looking.found(call)
    if trade is None:
        raise Refusal("ACQ.TRADE_NOT_EXIST")
    made = _of_number(trade, str(call.biz["out_request_no"]))
    node: dict[str, Any] = {
        "trade_no": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
    }
    if made is None or made.state != DONE:
        return node
    node |= {
        "out_request_no": made.out_refund_no,
        "total_amount": yuan(trade.amount_fen),
        "refund_amount": yuan(made.amount_fen),
        "refund_status": DONE,
    }
    wanted = call.biz.get("query_options") or []
    if "gmt_refund_pay" in wanted:
        node["gmt_refund_pay"] = made.facts["gmt_refund_pay"]
    if "refund_detail_item_list" in wanted:
        node["refund_detail_item_list"] = _items(trade, made.amount_fen)
    return node


def _paid(call: Call) -> Trade:
    trade = looking.found(call)
    if trade is None:
        raise Refusal("ACQ.TRADE_NOT_EXIST")
    if trade.state == trades.FINISHED:
        raise Refusal("ACQ.TRADE_HAS_FINISHED")
    if trade.state not in REFUNDABLE or trade.paid_at is None:
        raise Refusal("ACQ.TRADE_STATUS_ERROR")
    if call.sim.world.clock.time() > trade.created_at + WINDOW:
        raise Refusal("ACQ.TRADE_HAS_FINISHED")
    return trade


def _of_number(trade: Trade, number: str) -> Refund | None:
    return next((r for r in trade.refunds if r.out_refund_no == number), None)


def _may_refund(call: Call, trade: Trade, amount: int) -> None:
    sim = call.sim
    if sum(r.amount_fen for r in trade.refunds) + amount > trade.amount_fen:
        raise Refusal("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    if sim.switch("seller_balance") == "short":
        raise Refusal("ACQ.SELLER_BALANCE_NOT_ENOUGH")
    if sim.switch("refund_outcome") == "refused":
        raise Refusal("ACQ.TRADE_NOT_ALLOW_REFUND")


def _new(sim: Alipay, trade: Trade, number: str, amount: int, reason: str) -> Refund:
    now = sim.world.clock.time()
    made = Refund(
        out_refund_no=number,
        refund_id=secrets.token_hex(14),
        amount_fen=amount,
        state=WAITING,
        created_at=now,
        facts={
            "reason": reason,
            "outcome": sim.switch("refund_outcome"),
            "done_at": now + float(sim.switch("refund_delay_s")),
        },
    )
    trade.refunds.append(made)
    return made


def rearm(sim: Alipay) -> None:
    """After a restart: refunds under way go on."""
    for trade in sim.world.books.all():
        for made in trade.refunds:
            if trade.channel == trades.CHANNEL and made.facts.get("outcome") == "later":
                sim.world.due.at(made.facts["done_at"], partial(_finish, sim, trade, made))


def _finish(sim: Alipay, trade: Trade, made: Refund) -> None:
    """The money is back: the last of it closes the trade, and the notice says which it was."""
    with sim.world.books.lock:
        if made.state == DONE:
            return
        made.state = DONE
        made.facts["gmt_refund_pay"] = china(sim.world.clock.now())
        if _back(trade) == trade.amount_fen:
            trade.state = trades.CLOSED
            trade.facts["gmt_close"] = made.facts["gmt_refund_pay"]
        sim.world.books.put(trade)
    notices.tell_refund(sim, trade, made)


def _back(trade: Trade) -> int:
    return sum(r.amount_fen for r in trade.refunds if r.state == DONE)


def _answer(call: Call, trade: Trade, *, moved: bool) -> dict[str, Any]:
    node: dict[str, Any] = {
        "trade_no": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        **looking.buyer(call, trade),
        "fund_change": "Y" if moved else "N",
        "refund_fee": yuan(_back(trade)),
    }
    if moved:
        node["gmt_refund_pay"] = trade.refunds[-1].facts["gmt_refund_pay"]
        if "refund_detail_item_list" in (call.biz.get("query_options") or []):
            node["refund_detail_item_list"] = _items(trade, trade.refunds[-1].amount_fen)
    return node


def _items(trade: Trade, fen: int) -> list[dict[str, str]]:
    return [{"fund_channel": of_trade(trade), "amount": yuan(fen)}]
