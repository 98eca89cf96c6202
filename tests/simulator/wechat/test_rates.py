"""How often a provider may call within a second: 429 above it. wechat.md A3, A9, E1."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Answer, Merchant

REFUNDS = "/v3/refund/domestic/refunds"


def refund(shop: Merchant, **more: Any) -> Answer:
    amount = {"refund": 1, "total": 100, "currency": "CNY"}
    number = secrets.token_hex(12)
    body = {"sub_mchid": shop.creds["sub_mchid"], "out_refund_no": number, "amount": amount}
    return shop.call("POST", REFUNDS, body | {"out_trade_no": "nobody123"} | more)


def several(count: int, call: Callable[[], Answer]) -> tuple[Counter[tuple[int, str]], float]:
    """What was answered how often until the first 429, and the seconds it took."""
    began, said = time.monotonic(), Counter[tuple[int, str]]()
    for _ in range(count):
        answer = call()
        said[answer.status, answer.code] += 1
        if answer.status == 429:
            break
    return said, time.monotonic() - began


def test_six_refunds_a_second_may_be_refused(sim: Simulator, shop: Merchant) -> None:
    sim.switch(**{"wechat.rates": "on"})
    said, seconds = several(200, lambda: refund(shop))
    assert set(said) == {(404, "RESOURCE_NOT_EXISTS"), (429, "FREQUENCY_LIMITED")}
    assert said[404, "RESOURCE_NOT_EXISTS"] <= 6 * (int(seconds) + 2)


def test_a_wrong_parameter_is_a_refusal_too_and_a_second_later_all_is_well(
    sim: Simulator, shop: Merchant
) -> None:
    sim.switch(**{"wechat.rates": "on"})
    said, _ = several(200, lambda: refund(shop, x=1))
    assert said[429, "FREQUENCY_LIMITED"]
    time.sleep(1)
    assert refund(shop, x=1).code == "PARAM_ERROR"


def test_others_are_not_held_up_by_refused_refunds(sim: Simulator, shop: Merchant) -> None:
    sim.switch(**{"wechat.rates": "on"})
    several(20, lambda: refund(shop))
    said, _ = several(20, lambda: shop.query("nobody123"))
    assert set(said) == {(404, "ORDER_NOT_EXIST")}


def test_applications_are_fifteen_a_second(sim: Simulator, shop: Merchant) -> None:
    sim.switch(**{"wechat.rates": "on"})
    said, seconds = several(300, lambda: shop.call("POST", "/v3/applyment4sub/applyment/", {}))
    assert said[429, "FREQUENCY_LIMITED"]
    assert said[400, "PARAM_ERROR"] <= 15 * (int(seconds) + 2)


def test_without_the_switch_nobody_is_held_up(sim: Simulator, shop: Merchant) -> None:
    said, _ = several(40, lambda: refund(shop))
    assert set(said) == {(404, "RESOURCE_NOT_EXISTS")}
