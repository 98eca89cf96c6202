"""A trade's life in the books: opened, paid, closed, taken back. Source: alipay.md 4.1 and 4.7.

Every function takes the books' lock, so a state that was read still holds when it is changed.
"""

from __future__ import annotations

import secrets
from typing import Any

from simulator.alipay import channels, notices
from simulator.alipay.codes import Refusal
from simulator.alipay.orders import Order
from simulator.alipay.state import Alipay
from simulator.books import Refund, Trade
from simulator.clock import china, rfc3339

CHANNEL = "alipay"
WAITING = "WAIT_BUYER_PAY"
PAID = "TRADE_SUCCESS"
CLOSED = "TRADE_CLOSED"
FINISHED = "TRADE_FINISHED"


def current(sim: Alipay, trade: Trade) -> Trade:
    """The trade as of now: unpaid past its time means closed."""
    with sim.world.books.lock:
        if trade.state == WAITING and sim.world.clock.time() >= trade.expires_at:
            close(sim, trade)
    return trade


def expire(sim: Alipay, owner: str, out_trade_no: str) -> None:
    trade = sim.world.books.find(CHANNEL, owner, out_trade_no)
    if trade is not None:
        current(sim, trade)


def repeated(sim: Alipay, owner: str, order: Order) -> Trade | None:
    """The trade of this number, if there is one and the order repeats it. Source: 4.1."""
    trade = sim.world.books.find(CHANNEL, owner, order.out_trade_no)
    if trade is None:
        return None
    if trade.facts["fingerprint"] != order.fingerprint:
        raise Refusal("ACQ.CONTEXT_INCONSISTENT")
    current(sim, trade)
    if trade.state in (PAID, FINISHED):
        raise Refusal("ACQ.TRADE_HAS_SUCCESS")
    if trade.state == CLOSED:
        raise Refusal("ACQ.TRADE_HAS_CLOSE")
    if order.buyer is not None and trade.facts["buyer"] not in (None, order.buyer):
        raise Refusal("ACQ.TRADE_BUYER_NOT_MATCH")
    return trade


def opened(sim: Alipay, owner: str, order: Order) -> Trade:
    """The repeated trade, or a new one waiting for its buyer."""
    with sim.world.books.lock:
        return repeated(sim, owner, order) or _new(sim, owner, order)


def _new(sim: Alipay, owner: str, order: Order) -> Trade:
    world = sim.world
    app, merchant = sim.merchant_of(owner)
    now = world.clock.time()
    ends = order.until if order.until is not None else now + order.life
    trade = Trade(
        channel=CHANNEL,
        owner=owner,
        mchid=app.pid,
        sub_mchid=merchant.pid,
        out_trade_no=order.out_trade_no,
        amount_fen=order.amount_fen,
        state=WAITING,
        created_at=now,
        expires_at=ends,
        transaction_id=world.transaction_id(CHANNEL),
        facts=_facts(order, merchant.auth_app_id),
    )
    world.books.put(trade)
    sim.expiry.watch(ends, owner, order.out_trade_no)
    return trade


def _facts(order: Order, auth_app_id: str) -> dict[str, Any]:
    return {
        "method": order.method,
        "app_id": order.app_id,
        "auth_app_id": auth_app_id,
        "seller_id": order.seller_id,
        "subject": order.subject,
        "body": order.body,
        "store_id": order.store_id,
        "terminal_id": order.terminal_id,
        "passback_params": order.passback_params,
        "asked": order.asked,
        "notify_url": order.notify_url,
        "charset": order.charset,
        "buyer": order.buyer,
        "fingerprint": order.fingerprint,
    }


def pay(sim: Alipay, trade: Trade, person: str, *, notice_first: bool = False) -> None:
    """The buyer has confirmed. Raises Refusal unless the trade still waits for this buyer."""
    world = sim.world
    with world.books.lock:
        payable(sim, trade, person)
        now = world.clock.now()
        is_held = "auth_no" in trade.facts  # the buyer had chosen when it was frozen
        funds = (
            {} if is_held else {"fund_channel": channels.used(sim, trade.facts.get("asked", {}))}
        )
        trade.state = PAID
        trade.paid_at = rfc3339(now)
        trade.facts |= {"buyer": person, "gmt_payment": china(now), **funds}
        world.books.put(trade)
    notices.tell(sim, trade, PAID, comes_first=notice_first)


def payable(sim: Alipay, trade: Trade, person: str) -> None:
    current(sim, trade)
    if trade.state in (PAID, FINISHED):
        raise Refusal("ACQ.TRADE_HAS_SUCCESS")
    if trade.state != WAITING:
        raise Refusal("ACQ.TRADE_HAS_CLOSE")
    if trade.facts["buyer"] not in (None, person):
        raise Refusal("ACQ.TRADE_BUYER_NOT_MATCH")


def close(sim: Alipay, trade: Trade) -> None:
    with sim.world.books.lock:
        trade.state = CLOSED
        trade.facts["gmt_close"] = china(sim.world.clock.now())
        sim.world.books.put(trade)
    notices.tell(sim, trade, CLOSED)


def take_back(sim: Alipay, trade: Trade) -> None:
    """A paid trade cancelled: the whole amount goes back and the trade closes."""
    clock = sim.world.clock
    left = trade.amount_fen - sum(r.amount_fen for r in trade.refunds)
    refund = Refund(
        out_refund_no=trade.out_trade_no,
        refund_id=secrets.token_hex(14),
        amount_fen=left,
        state="REFUND_SUCCESS",
        created_at=clock.time(),
        facts={"gmt_refund_pay": china(clock.now())},
    )
    trade.refunds.append(refund)
    with sim.world.books.lock:
        trade.state = CLOSED
        trade.facts["gmt_close"] = china(clock.now())
        sim.world.books.put(trade)
    if trade.facts["method"] == notices.WAP:
        notices.tell_refund(sim, trade, refund)
