"""Notifications: sealed, signed anew each time, sent again on A10's schedule."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from tests.simulator.conftest import Heard, Listener, Simulator, wait_for
from tests.simulator.wechat.client import Merchant

# Written down here again from wechat.md A10, not taken from the simulator.
SCHEDULE = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600]


def pay(sim: Simulator, shop: Merchant, openid: str, url: str, **more: Any) -> str:
    body = shop.order(openid, notify_url=url, **more)
    prepay_id = shop.place(body).json["prepay_id"]
    sim.post("/sim/wallet/wechat/pay", shop.bridge(prepay_id) | {"act": "confirm"})
    return str(body["out_trade_no"])


def opened(shop: Merchant, heard: Heard) -> dict[str, Any]:
    resource = json.loads(heard.body)["resource"]
    said: dict[str, Any] = json.loads(shop.open(resource))
    return said


def test_success_is_told_as_the_query_tells_it(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    number = pay(sim, shop, lin, listener.url, attach="m=1")
    heard = listener.wait(1)[0]
    assert heard.path == "/notify"
    assert shop.verify(heard.headers, heard.body) == shop.creds["public_key_id"]
    envelope = json.loads(heard.body)
    assert envelope["event_type"] == "TRANSACTION.SUCCESS"
    assert envelope["resource_type"] == "encrypt-resource"
    assert len(envelope["id"]) <= 36
    assert envelope["resource"]["original_type"] == "transaction"
    assert opened(shop, heard) == shop.query(number).json
    assert heard.headers["content-type"] == "application/json"


def test_cancel_and_fail_are_not_told(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    body = shop.order(lin, notify_url=listener.url)
    params = shop.bridge(shop.place(body).json["prepay_id"])
    for act in ("cancel", "fail"):
        sim.post("/sim/wallet/wechat/pay", params | {"act": act})
    assert sim.get("/sim/outbox") == []
    assert listener.heard == []


def test_fifteen_retries_on_the_virtual_clock_each_signed_anew(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    listener.answers = [(500, b'{"code":"FAIL"}')]
    pay(sim, shop, lin, listener.url)
    listener.wait(1)
    for count, wait in enumerate(SCHEDULE, start=2):
        wait_for(lambda: len(sim.get("/sim/outbox")) == 1)
        waiting = sim.get("/sim/outbox")[0]
        ahead = waiting["due_at"] - sim.get("/sim/clock")["time"]
        assert wait - 3 < ahead <= wait
        sim.advance(wait)
        listener.wait(count)
    wait_for(lambda: sim.get("/sim/outbox") == [])
    assert len(listener.heard) == 16
    assert sum(SCHEDULE) == 24 * 3600 + 4 * 60
    stamps = {h.headers["wechatpay-timestamp"] for h in listener.heard}
    signatures = {h.headers["wechatpay-signature"] for h in listener.heard}
    ids = {json.loads(h.body)["id"] for h in listener.heard}
    assert (len(stamps) > 12, len(signatures), len(ids)) == (True, 16, 1)
    for heard in listener.heard:
        shop.verify(heard.headers, heard.body)


def test_the_wait_counts_from_the_beginning_of_a_delivery(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    """Else who moves the clock as soon as he hears one waits for the next in vain."""
    listener.answers = [(500, b""), (204, b"")]
    moves = iter([15.0])
    listener.before_answer = lambda: sim.advance(next(moves, 0.0))
    pay(sim, shop, lin, listener.url)
    listener.wait(2)


@pytest.mark.parametrize("call", ["/sim/outbox/settle", "/sim/reset"])
def test_a_delivery_under_way_is_waited_for(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener, call: str
) -> None:
    """What a test began with does not come into the middle of the next."""
    answered = []

    def think() -> None:
        time.sleep(0.3)
        answered.append(1)

    listener.before_answer = think
    pay(sim, shop, lin, listener.url)
    listener.wait(1)
    sim.post(call)
    assert answered == [1]


@pytest.mark.parametrize("status", [200, 204])
def test_an_acknowledged_one_is_not_sent_again(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener, status: int
) -> None:
    listener.answers = [(500, b""), (status, b"")]
    pay(sim, shop, lin, listener.url)
    listener.wait(1)
    wait_for(lambda: len(sim.get("/sim/outbox")) == 1)
    sim.advance(15)
    listener.wait(2)
    wait_for(lambda: len([r for r in sim.get("/sim/trail") if r["way"] == "notify"]) == 2)
    assert sim.get("/sim/outbox") == []


@pytest.mark.parametrize("status", [201, 302, 400, 401, 503])
def test_other_answers_are_no_acknowledgement(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener, status: int
) -> None:
    listener.answers = [(status, b"")]
    pay(sim, shop, lin, listener.url)
    listener.wait(1)
    wait_for(lambda: len(sim.get("/sim/outbox")) == 1)


def test_both_identities_during_the_ramp(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    sim.switch(wechat__notify_identity="both")
    for _ in range(4):
        pay(sim, shop, lin, listener.url)
    serials = {shop.verify(h.headers, h.body) for h in listener.wait(4)}
    assert serials == {shop.creds["public_key_id"], shop.creds["platform_serial"]}
    sim.switch(wechat__notify_identity="certificate")
    pay(sim, shop, lin, listener.url)
    last = listener.wait(5)[4]
    assert shop.verify(last.headers, last.body) == shop.creds["platform_serial"]
    sim.switch(wechat__notify_public_key_percent="100")
    pay(sim, shop, lin, listener.url)
    last = listener.wait(6)[5]
    assert shop.verify(last.headers, last.body) == shop.creds["public_key_id"]


def test_probe_comes_first_and_the_right_one_after_it(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    sim.switch(wechat__probe="notify")
    listener.answers = [(401, b""), (204, b"")]
    pay(sim, shop, lin, listener.url)
    probe, real = listener.wait(2)
    assert probe.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    with pytest.raises((InvalidSignature, ValueError)):
        shop.verify(probe.headers, probe.body)
    shop.verify(real.headers, real.body)
    assert json.loads(probe.body)["id"] == json.loads(real.body)["id"]


def test_without_apiv3_key_nothing_is_sent(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    body = shop.order(lin, notify_url=listener.url)
    params = shop.bridge(shop.place(body).json["prepay_id"])
    sim.switch(wechat__apiv3_key="unset")
    sim.post("/sim/wallet/wechat/pay", params | {"act": "confirm"})
    assert sim.get("/sim/outbox") == []


# --- faults -----------------------------------------------------------------------------------


def test_wrong_amount_once(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> None:
    sim.fault("wechat.notify", "wrong_amount")
    listener.answers = [(500, b""), (204, b"")]
    number = pay(sim, shop, lin, listener.url)
    listener.wait(1)
    wait_for(lambda: len(sim.get("/sim/outbox")) == 1)
    sim.advance(15)
    wrong, right = (opened(shop, h) for h in listener.wait(2))
    assert (wrong["amount"]["total"], right["amount"]["total"]) == (1231, 1230)
    assert shop.query(number).json["amount"]["total"] == 1230


def test_bad_signature_once(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> None:
    sim.fault("wechat.notify", "bad_signature")
    pay(sim, shop, lin, listener.url)
    heard = listener.wait(1)[0]
    with pytest.raises(InvalidSignature):
        shop.verify(heard.headers, heard.body)


def test_duplicate(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> None:
    sim.fault("wechat.notify", "duplicate")
    pay(sim, shop, lin, listener.url)
    first, second = listener.wait(2)
    assert opened(shop, first) == opened(shop, second)


def test_reorder_lets_a_later_one_pass(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    sim.fault("wechat.notify", "reorder", ms=60_000)
    held = pay(sim, shop, lin, listener.url)
    wait_for(lambda: sim.get("/sim/faults") == [])
    passed = pay(sim, shop, lin, listener.url)
    listener.wait(1)
    sim.advance(60)
    order = [opened(shop, h)["out_trade_no"] for h in listener.wait(2)]
    assert order == [passed, held]


@pytest.mark.parametrize("kind", ["drop", "error"])
def test_lost_on_the_way_is_sent_again(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener, kind: str
) -> None:
    sim.fault("wechat.notify", kind)
    pay(sim, shop, lin, listener.url)
    wait_for(lambda: [w["tries"] for w in sim.get("/sim/outbox")] == [1])
    assert listener.heard == []
    sim.advance(15)
    listener.wait(1)


def test_lost_acknowledgement_makes_a_second_delivery(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    sim.fault("wechat.notify", "lose_answer")
    pay(sim, shop, lin, listener.url)
    wait_for(lambda: [w["tries"] for w in sim.get("/sim/outbox")] == [1])
    sim.advance(15)
    listener.wait(2)
