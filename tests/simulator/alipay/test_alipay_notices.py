"""Notifications: fields, signature, retries on the clock, faults. alipay.md 2."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.exceptions import InvalidSignature

from simulator.faults import Fault
from simulator.world import World
from tests.simulator.alipay.client import Client, sign_text
from tests.simulator.alipay.conftest import Listener
from tests.simulator.alipay.test_alipay_gateway_do import VECTORS

Phone = Callable[..., requests.Response]
Until = Callable[[Callable[[], Any]], None]
WAITS = (240, 600, 600, 3600, 7200, 21600, 54000)


def pay(client: Client, phone: Phone, url: str, order: dict[str, Any]) -> None:
    made = client.call("alipay.trade.create", order, notify_url=url)
    assert phone("confirm", made.node["trade_no"]).status_code == 200


def check(client: Client, notice: dict[str, str]) -> None:
    client.verify(sign_text(notice, ("sign", "sign_type")).encode(), notice["sign"])


def test_a_notice_has_the_published_form(
    client: Client, listener: Listener, phone: Phone, order: dict[str, Any], until: Until
) -> None:
    order["passback_params"] = "a%3D1%26b%3D2"
    pay(client, phone, listener.url, order)
    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    model = next(n for n in VECTORS["notifies"] if n["name"] == "trade_success")["params"]
    assert set(model) - {"buyer_open_id"} <= set(notice) | {"sign"}
    assert set(notice) <= set(model) | {"buyer_open_id", "sign_type"}
    assert notice["passback_params"] == "a%3D1%26b%3D2"
    assert json.loads(notice["fund_bill_list"]) == [
        {"amount": "12.30", "fundChannel": "ALIPAYACCOUNT"}
    ]
    assert listener.kinds == ["application/x-www-form-urlencoded; charset=utf-8"]
    check(client, notice)
    with pytest.raises(InvalidSignature):
        check(client, notice | {"total_amount": "12.31"})


def test_a_gbk_order_is_told_in_gbk(
    client: Client, listener: Listener, phone: Phone, order: dict[str, Any], until: Until
) -> None:
    made = client.call("alipay.trade.create", order, notify_url=listener.url, charset="gbk")
    phone("confirm", made.node["trade_no"])
    until(lambda: listener.bodies)
    pairs = urllib.parse.parse_qsl(listener.bodies[0].decode(), encoding="gbk")
    notice = dict(pairs)
    assert (notice["charset"], notice["subject"]) == ("gbk", order["subject"])
    client.verify(sign_text(notice, ("sign", "sign_type")).encode("gbk"), notice["sign"])


@pytest.mark.parametrize(
    "answer",
    [(200, b"SUCCESS"), (200, b"success\n"), (200, b"fail"), (500, b"success"), (302, b"success")],
)
def test_only_the_exact_answer_ends_the_retries(
    client: Client,
    listener: Listener,
    phone: Phone,
    order: dict[str, Any],
    world: World,
    until: Until,
    answer: tuple[int, bytes],
) -> None:
    listener.answer = answer
    pay(client, phone, listener.url, order)
    until(lambda: [p["tries"] for p in world.outbox.waiting()] == [1])
    assert len(listener.bodies) == 1


def test_retries_follow_the_published_schedule_with_one_notify_id(
    client: Client,
    listener: Listener,
    phone: Phone,
    order: dict[str, Any],
    world: World,
    until: Until,
) -> None:
    listener.answer = (200, b"fail")
    pay(client, phone, listener.url, order)

    def tries() -> list[object]:
        return [p["tries"] for p in world.outbox.waiting()]

    for sent, wait in enumerate(WAITS, 1):
        until(lambda n=sent: tries() == [n])  # type: ignore[misc]
        world.clock.advance(wait - 3)
        assert len(listener.bodies) == sent
        world.clock.advance(3)
    until(lambda: len(listener.bodies) == 8)
    until(lambda: world.trail[-1]["what"] == "alipay.notify #8")
    world.clock.advance(10 * 86400)
    assert world.outbox.waiting() == []
    notices = listener.notices()
    assert len({n["notify_id"] for n in notices}) == 1
    assert len({n["notify_time"] for n in notices}) == 8
    for notice in notices:
        check(client, notice)


def test_success_on_a_retry_ends_them(
    client: Client,
    listener: Listener,
    phone: Phone,
    order: dict[str, Any],
    world: World,
    until: Until,
) -> None:
    listener.answer = (500, b"")
    pay(client, phone, listener.url, order)
    until(lambda: [p["tries"] for p in world.outbox.waiting()] == [1])
    listener.answer = (200, b"success")
    world.clock.advance(240)
    until(lambda: len(listener.bodies) == 2)
    world.clock.advance(10 * 86400)
    assert world.outbox.waiting() == []


def test_a_notice_may_be_spoiled_doubled_or_of_another_amount(
    client: Client,
    listener: Listener,
    phone: Phone,
    order: dict[str, Any],
    world: World,
    until: Until,
) -> None:
    world.faults.arm(Fault("alipay.notify", "bad_signature"))
    pay(client, phone, listener.url, order)
    until(lambda: len(listener.bodies) == 1)
    with pytest.raises(InvalidSignature):
        check(client, listener.notices()[0])

    world.faults.arm(Fault("alipay.notify", "duplicate"))
    pay(client, phone, listener.url, order | {"out_trade_no": "N2"})
    until(lambda: len(listener.bodies) == 3)
    assert listener.notices()[1]["notify_id"] == listener.notices()[2]["notify_id"]

    world.faults.arm(Fault("alipay.notify", "wrong_amount"))
    pay(client, phone, listener.url, order | {"out_trade_no": "N3"})
    until(lambda: len(listener.bodies) == 4)
    assert listener.notices()[3]["total_amount"] == "12.31"
    check(client, listener.notices()[3])

    world.switches.set("alipay.notify_seller", "2088000000000117")
    pay(client, phone, listener.url, order | {"out_trade_no": "N4"})
    until(lambda: len(listener.bodies) == 5)
    assert listener.notices()[4]["seller_id"] == "2088000000000117"
    check(client, listener.notices()[4])


def test_a_notice_may_overtake_the_phones_answer(
    client: Client, listener: Listener, phone: Phone, order: dict[str, Any], world: World
) -> None:
    world.faults.arm(Fault("alipay.wallet", "reorder"))
    pay(client, phone, listener.url, order)
    assert len(listener.bodies) == 1
