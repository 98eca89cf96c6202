"""Every wrong field of every method is refused with the method's own word, and nothing is kept."""

from __future__ import annotations

import pytest

from simulator.world import World
from tests.simulator.alipay.client import Client
from tests.simulator.alipay.refusals import RIGHT, Wrong, all_wrong

CASES = list(all_wrong())
AT_LEAST = 150


def test_there_are_many_generated_refusals() -> None:
    assert len({(c.method, c.what) for c in CASES}) == len(CASES) >= AT_LEAST


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.method}-{c.what}")
def test_a_wrong_field_is_refused(client: Client, world: World, case: Wrong) -> None:
    answer = client.call(case.method, case.biz)
    if case.method == "alipay.trade.wap.pay":
        assert answer.text.startswith("<!doctype html>")
        assert case.sub_code in answer.text
    else:
        assert answer.sub_code == case.sub_code, answer.node
        assert answer.code == "40004"
        assert answer.sign is not None
    assert not list(world.books.all())
    assert not world.freezes.all()


@pytest.mark.parametrize("method", RIGHT)
def test_the_requests_that_were_spoiled_are_right_themselves(client: Client, method: str) -> None:
    answer = client.call(method, RIGHT[method])
    assert "INVALID_PARAMETER" not in answer.text
    assert "ILLEGAL_PARAM" not in answer.text
    assert "ILLEGAL_ARGUMENT" not in answer.text


@pytest.mark.parametrize("method", [m for m in RIGHT if "wap" not in m])
def test_unknown_fields_pass_when_the_switch_says_so(
    client: Client, world: World, method: str
) -> None:
    world.switches.set("alipay.unknown_fields", "ignore")
    answer = client.call(method, RIGHT[method] | {"no_such_field": "1"}, no_such_common="1")
    assert "INVALID_PARAMETER" not in answer.text
    assert "ILLEGAL_ARGUMENT" not in answer.text


RULES = [
    ("alipay.trade.create", {"buyer_id": "2088999999999999"}, "ACQ.BUYER_NOT_EXIST"),
    ("alipay.trade.create", {"buyer_id": "2088000000000109"}, "ACQ.BUYER_SELLER_EQUAL"),
    ("alipay.trade.create", {"buyer_open_id": "nobody"}, "ACQ.BUYER_NOT_EXIST"),
    ("alipay.trade.create", {"buyer_logon_id": "139****0003"}, "ACQ.BUYER_NOT_EXIST"),
    ("alipay.trade.create", {"buyer_id": None}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"seller_id": "2088000000000117"}, "ACQ.PARTNER_ERROR"),
    ("alipay.trade.create", {"seller_id": "2088999999999999"}, "ACQ.SELLER_NOT_EXIST"),
    ("alipay.trade.create", {"alipay_store_id": "2016"}, "ACQ.INVALID_STORE_ID"),
    ("alipay.trade.create", {"product_code": "QUICK_WAP_WAY"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"product_code": "JSAPI_PAY"}, "ACQ.INVALID_PARAMETER"),
    (
        "alipay.trade.create",
        {"product_code": "JSAPI_PAY", "op_app_id": "2021"},
        "ACQ.UNBOUND_APPLICATION",
    ),
    ("alipay.trade.create", {"timeout_express": "0m"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"timeout_express": "16d"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"timeout_express": "1.5h"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"timeout_express": "2c"}, "ACQ.INVALID_PARAMETER"),
    (
        "alipay.trade.create",
        {"time_expire": "2020-01-01 00:00:00"},
        "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR",
    ),
    ("alipay.trade.create", {"time_expire": "2026-13-01 00:00:00"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"time_expire": "2099-01-01 00:00:00"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"undiscountable_amount": "1.01"}, "ACQ.INVALID_PARAMETER"),
    (
        "alipay.trade.create",
        {"undiscountable_amount": "0.50", "discountable_amount": "0.40"},
        "ACQ.INVALID_PARAMETER",
    ),
    ("alipay.trade.create", {"out_trade_no": "a-b"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"out_trade_no": "１２"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.create", {"subject": "a/b"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.precreate", {"product_code": "JSAPI_PAY"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.wap.pay", {"product_code": "QUICK_WAP_PAY"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"auth_code": "12"}, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ("alipay.trade.pay", {"auth_code": None}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"scene": ""}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"auth_no": "2026"}, "ACQ.AUTH_NO_ERROR"),
    ("alipay.trade.query", {"out_trade_no": None}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.close", {"out_trade_no": None}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.cancel", {"out_trade_no": None}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.query", {"trade_no": "2026112222001000"}, "ACQ.TRADE_NOT_EXIST"),
]


@pytest.mark.parametrize(("method", "more", "sub_code"), RULES)
def test_a_broken_rule_is_refused(
    client: Client, world: World, method: str, more: dict[str, str], sub_code: str
) -> None:
    answer = client.call(method, RIGHT[method] | more)
    assert sub_code in answer.text
    assert list(world.books.all()) == []


def test_a_merchant_without_the_product_is_refused(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = world.alipay[client.app_id]
    merchant = app.merchants[client.holdings["app_auth_token"]]
    monkeypatch.setattr(merchant, "products", frozenset())
    for method in ("create", "precreate", "pay", "wap.pay"):
        name = f"alipay.trade.{method}"
        assert "ACQ.ACCESS_FORBIDDEN" in client.call(name, RIGHT[name]).text
