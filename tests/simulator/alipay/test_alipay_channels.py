"""What a seller does not take is neither listed for the buyer nor used (alipay.md 4.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from simulator.alipay.channels import SWITCH
from simulator.world import World
from tests.simulator.alipay.client import Client
from tests.simulator.alipay.conftest import Listener

Phone = Callable[..., requests.Response]
SCAN = "alipay.trade.pay"
NOTHING = "NO_PAYMENT_INSTRUMENTS_AVAILABLE"


def has(world: World, channels: str) -> None:
    world.switches.set(f"alipay.{SWITCH}", channels)


def scan(client: Client, order: dict[str, Any], **more: str) -> Any:
    made = requests.post(f"{client.base}/sim/alipay/paycode", json={"person": "zhou"}, timeout=10)
    said = {name: value for name, value in order.items() if name != "buyer_id"}
    code = {"scene": "bar_code", "auth_code": made.json()["auth_code"]}
    return client.call(SCAN, said | code | more)


def books(client: Client) -> list[dict[str, Any]]:
    return list(requests.get(f"{client.base}/sim/books", timeout=10).json())


@pytest.mark.parametrize(
    ("channels", "more", "funds"),
    [
        ("balance", {}, "ALIPAYACCOUNT"),
        ("pcredit,balance", {}, "PCREDIT"),
        ("pcredit,balance", {"disable_pay_channels": "creditCard,pcredit"}, "ALIPAYACCOUNT"),
        ("pcredit,balance", {"disable_pay_channels": "credit_group"}, "ALIPAYACCOUNT"),
        ("creditCardExpress", {"disable_pay_channels": "pcredit"}, "BANKCARD"),
    ],
)
def test_a_code_pays_with_the_first_channel_that_is_taken(
    client: Client, world: World, order: dict[str, Any], channels: str, more: Any, funds: str
) -> None:
    has(world, channels)
    paid = scan(client, order, **more)
    assert paid.code == "10000", paid.node
    assert [bill["fund_channel"] for bill in paid.node["fund_bill_list"]] == [funds]
    (row,) = books(client)
    assert (row["asked"], row["paid_with"]) == (more, funds)
    found = client.call("alipay.trade.query", {"out_trade_no": order["out_trade_no"]}).node
    assert [bill["fund_channel"] for bill in found["fund_bill_list"]] == [funds]


@pytest.mark.parametrize("disabled", ["pcredit", "credit_group", "balance,pcredit"])
def test_a_code_with_nothing_left_is_refused_and_opens_no_trade(
    client: Client, world: World, order: dict[str, Any], disabled: str
) -> None:
    has(world, "pcredit")
    no = scan(client, order, disable_pay_channels=disabled)
    assert no.sub_code == f"ACQ.{NOTHING}"
    assert books(client) == []


def test_the_buyer_s_sheet_lists_what_is_taken(
    client: Client, world: World, order: dict[str, Any], phone: Phone, listener: Listener
) -> None:
    has(world, "pcredit,balance")
    more = {"disable_pay_channels": "pcredit"}
    no = client.call("alipay.trade.create", order | more, notify_url=listener.url).node["trade_no"]
    sheet = {"wallet": "alipay", "params": {"tradeNO": no}}
    shown = requests.post(f"{client.base}/sim/phone/sheet", json=sheet, timeout=10).json()
    assert shown["ways"] == ["余额"]
    has(world, "pcredit")
    answer = phone("confirm", no)
    assert (answer.status_code, answer.json()["code"]) == (400, NOTHING)
    (row,) = books(client)
    assert row["state"] == "WAIT_BUYER_PAY"
    has(world, "pcredit,balance")
    assert phone("confirm", no).status_code == 200
    (row,) = books(client)
    assert row["paid_with"] == "ALIPAYACCOUNT"


def test_a_scanned_code_lists_it_too_and_the_notice_tells_what_paid(
    client: Client,
    world: World,
    order: dict[str, Any],
    phone: Phone,
    listener: Listener,
    until: Any,
) -> None:
    has(world, "pcredit,balance")
    del order["buyer_id"]  # whoever scans
    code = client.call("alipay.trade.precreate", order, notify_url=listener.url).node["qr_code"]
    sheet = {"wallet": "alipay", "params": {"qrCode": code}}
    shown = requests.post(f"{client.base}/sim/phone/sheet", json=sheet, timeout=10).json()
    assert shown["ways"] == ["花呗", "余额"]
    assert phone("confirm", qrCode=code).status_code == 200
    until(lambda: listener.bodies)
    (bill,) = json.loads(listener.notices()[0]["fund_bill_list"])
    assert bill["fundChannel"] == "PCREDIT"


@pytest.mark.parametrize(
    "said",
    [
        {"disable_pay_channels": "huabei"},
        {"disable_pay_channels": "pcredit,"},
        {"disable_pay_channels": "pcredit;balance"},
        {"disable_pay_channels": "pcredit", "enable_pay_channels": "balance"},
    ],
)
def test_names_that_are_none_and_both_lists_at_once_are_refused(
    client: Client, order: dict[str, Any], said: dict[str, str]
) -> None:
    assert client.call("alipay.trade.create", order | said).sub_code == "ACQ.INVALID_PARAMETER"
    assert books(client) == []


def test_what_is_to_come_back_must_be_encoded(client: Client, order: dict[str, Any]) -> None:
    no = client.call("alipay.trade.create", order | {"passback_params": "桌5"})
    assert no.sub_code == "ACQ.INVALID_PARAMETER"
    made = client.call("alipay.trade.create", order | {"passback_params": "%E6%A1%8C5"})
    assert made.code == "10000"
    (row,) = books(client)
    assert row["asked"] == {"passback_params": "%E6%A1%8C5"}
