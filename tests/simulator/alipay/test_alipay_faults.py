"""Faults on gateway.do: late, dropped, answered with an error, done but not heard, spoiled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.exceptions import InvalidSignature

from simulator.faults import Fault
from simulator.world import World
from tests.simulator.alipay.client import Client
from tests.simulator.alipay.conftest import Listener

Phone = Callable[..., requests.Response]
WHICH = {"out_trade_no": "T20261122000001"}


@pytest.mark.parametrize("on", ["alipay.create", "alipay.trade.create", "/gateway.do", "*"])
def test_a_dropped_call_did_nothing(
    client: Client, world: World, order: dict[str, Any], on: str
) -> None:
    world.faults.arm(Fault(on, "drop"))
    with pytest.raises(requests.ConnectionError):
        client.call("alipay.trade.create", order)
    assert client.call("alipay.trade.query", WHICH).sub_code == "ACQ.TRADE_NOT_EXIST"


def test_a_lost_answer_did_the_work(client: Client, world: World, order: dict[str, Any]) -> None:
    world.faults.arm(Fault("alipay.create", "lose_answer"))
    with pytest.raises(requests.ConnectionError):
        client.call("alipay.trade.create", order)
    assert client.call("alipay.trade.query", WHICH).code == "10000"


def test_the_work_may_be_done_and_an_error_answered(
    client: Client, world: World, order: dict[str, Any]
) -> None:
    world.faults.arm(Fault("alipay.create", "lose_answer", code="isp.unknow-error"))
    answer = client.call("alipay.trade.create", order)
    assert (answer.code, answer.sub_code) == ("20000", "isp.unknow-error")
    assert client.call("alipay.trade.query", WHICH).code == "10000"


def test_an_error_did_nothing_and_is_unknown_by_default(
    client: Client, world: World, order: dict[str, Any]
) -> None:
    world.faults.arm(Fault("alipay.create", "error", times=2))
    for _ in range(2):
        assert client.call("alipay.trade.create", order).sub_code == "isp.unknow-error"
    assert client.call("alipay.trade.query", WHICH).sub_code == "ACQ.TRADE_NOT_EXIST"
    assert client.call("alipay.trade.create", order).code == "10000"


def test_a_delay_is_only_late(client: Client, world: World, order: dict[str, Any]) -> None:
    world.faults.arm(Fault("alipay.create", "delay", ms=300))
    began = time.monotonic()
    assert client.call("alipay.trade.create", order).code == "10000"
    assert time.monotonic() - began >= 0.3


def test_an_answers_signature_may_be_wrong_or_missing(client: Client, world: World) -> None:
    world.faults.arm(Fault("alipay.query", "bad_signature"))
    with pytest.raises(InvalidSignature):
        client.call("alipay.trade.query", WHICH)
    world.faults.arm(Fault("alipay.query", "bad_signature", code="unsigned"))
    assert client.call("alipay.trade.query", WHICH).sign is None
    assert client.call("alipay.trade.query", WHICH).sign is not None


def test_a_query_may_answer_one_fen_too_much(
    client: Client, world: World, phone: Phone, order: dict[str, Any]
) -> None:
    phone("confirm", client.call("alipay.trade.create", order).node["trade_no"])
    world.faults.arm(Fault("alipay.query", "wrong_amount"))
    assert client.call("alipay.trade.query", WHICH).node["total_amount"] == "12.31"
    assert client.call("alipay.trade.query", WHICH).node["total_amount"] == "12.30"


def test_pay_may_wait_for_the_password_by_fault(
    client: Client, world: World, order: dict[str, Any], listener: Listener
) -> None:
    url = f"{client.base}/sim/alipay/paycode"
    biz = {k: v for k, v in order.items() if k != "buyer_id"} | {"scene": "bar_code"}
    world.faults.arm(Fault("alipay.pay", "error", code="10003"))
    biz["auth_code"] = requests.post(url, timeout=10).json()["auth_code"]
    assert client.call("alipay.trade.pay", biz, notify_url=listener.url).code == "10003"
    biz |= {"out_trade_no": "P2", "auth_code": requests.post(url, timeout=10).json()["auth_code"]}
    world.faults.arm(Fault("alipay.pay", "reorder"))
    assert client.call("alipay.trade.pay", biz, notify_url=listener.url).code == "10000"
    assert [n["out_trade_no"] for n in listener.notices()] == ["P2"]


def test_the_phone_may_not_hear(
    client: Client, world: World, phone: Phone, order: dict[str, Any]
) -> None:
    no = client.call("alipay.trade.create", order).node["trade_no"]
    world.faults.arm(Fault("alipay.wallet", "error"))
    assert phone("confirm", no).json() == {"resultCode": "6004"}
    assert client.call("alipay.trade.query", WHICH).node["trade_status"] == "WAIT_BUYER_PAY"
    world.faults.arm(Fault("alipay.wallet", "lose_answer"))
    assert phone("confirm", no).json() == {"resultCode": "6004"}
    assert client.call("alipay.trade.query", WHICH).node["trade_status"] == "TRADE_SUCCESS"


def test_faults_are_armed_over_http(client: Client) -> None:
    for on in ("alipay.create", "alipay.trade.query", "alipay.notify", "alipay.wallet"):
        fault = {"on": on, "kind": "delay", "ms": 0}
        armed = requests.post(f"{client.base}/sim/faults", json=fault, timeout=10)
        assert armed.status_code == 201, armed.text
