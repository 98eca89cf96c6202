"""Refunds as an integrator meets them, from alipay.md 2.3, 4.8 and 4.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from simulator.world import World
from tests.simulator.alipay.client import Answer, Client
from tests.simulator.alipay.conftest import Listener
from tests.simulator.alipay.test_alipay_notices import check, pay

Phone = Callable[..., requests.Response]
Until = Callable[[Callable[[], Any]], None]


@pytest.fixture
def paid(
    client: Client, listener: Listener, phone: Phone, order: dict[str, Any], until: Until
) -> dict[str, Any]:
    """A paid trade of 12.30, its notice heard and forgotten."""
    pay(client, phone, listener.url, order)
    until(lambda: listener.bodies)
    listener.bodies.clear()
    return order


def ask(client: Client, order: dict[str, Any], number: str | None, yuan: str) -> Answer:
    biz = {"out_trade_no": order["out_trade_no"], "refund_amount": yuan}
    return client.call("alipay.trade.refund", biz | ({"out_request_no": number} if number else {}))


def look(client: Client, order: dict[str, Any], number: str) -> Answer:
    biz = {"out_trade_no": order["out_trade_no"], "out_request_no": number}
    return client.call("alipay.trade.fastpay.refund.query", biz)


def status(client: Client, order: dict[str, Any]) -> Any:
    which = {"out_trade_no": order["out_trade_no"]}
    return client.call("alipay.trade.query", which).node


def test_in_part_then_the_rest(
    client: Client, listener: Listener, paid: dict[str, Any], until: Until
) -> None:
    first = ask(client, paid, "R1", "2.30")
    assert (first.code, first.node["fund_change"], first.node["refund_fee"]) == (
        "10000", "Y", "2.30"
    )  # fmt: skip
    assert status(client, paid)["trade_status"] == "TRADE_SUCCESS"
    until(lambda: len(listener.bodies) == 1)
    told = listener.notices()[0]
    check(client, told)
    assert (told["trade_status"], told["refund_fee"], told["out_biz_no"]) == (
        "TRADE_SUCCESS", "2.30", "R1"
    )  # fmt: skip
    second = ask(client, paid, "R2", "10.00")
    assert second.node["refund_fee"] == "12.30", "a running total"
    node = status(client, paid)
    assert node["trade_status"] == "TRADE_CLOSED"
    assert node["send_pay_date"]
    until(lambda: len(listener.bodies) == 2)
    told = listener.notices()[1]
    assert (told["trade_status"], told["refund_fee"], told["out_biz_no"]) == (
        "TRADE_CLOSED", "12.30", "R2"
    )  # fmt: skip
    assert told["gmt_payment"]


def test_a_repeat_moves_nothing_and_another_amount_is_refused(
    client: Client, paid: dict[str, Any]
) -> None:
    ask(client, paid, "R1", "2.30")
    again = ask(client, paid, "R1", "2.30")
    assert (again.node["fund_change"], again.node["refund_fee"]) == ("N", "2.30")
    assert ask(client, paid, "R1", "2.31").sub_code == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert ask(client, paid, "R2", "10.01").sub_code == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert ask(client, paid, None, "1.00").sub_code == "ACQ.INVALID_PARAMETER"


def test_later_it_is_not_done_until_it_is(
    client: Client, world: World, paid: dict[str, Any]
) -> None:
    world.switches.set("alipay.refund_outcome", "later")
    asked = ask(client, paid, "R1", "2.30")
    assert (asked.node["fund_change"], asked.node["refund_fee"]) == ("N", "0.00")
    assert "refund_status" not in look(client, paid, "R1").node
    world.clock.advance(3)
    found = look(client, paid, "R1").node
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "2.30")
    assert "refund_status" not in look(client, paid, "R9").node
    assert look(client, paid, "R9").code == "10000"


def test_refused(client: Client, world: World, paid: dict[str, Any], order: dict[str, Any]) -> None:
    world.switches.set("alipay.seller_balance", "short")
    assert ask(client, paid, "R1", "2.30").sub_code == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    world.switches.set("alipay.seller_balance", "enough")
    unknown = {**paid, "out_trade_no": "NOSUCH1"}
    assert ask(client, unknown, "R1", "2.30").sub_code == "ACQ.TRADE_NOT_EXIST"
    waiting = {**order, "out_trade_no": order["out_trade_no"] + "w"}
    client.call("alipay.trade.create", waiting)
    assert ask(client, waiting, "R1", "2.30").sub_code == "ACQ.TRADE_STATUS_ERROR"
    assert ask(client, paid, "R1", "2.30").node["fund_change"] == "Y"
