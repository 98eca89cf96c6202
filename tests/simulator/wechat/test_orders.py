"""Placing, repeating, asking and closing: wechat.md A5 and A7."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import BASE, Answer, Merchant, trade_no
from tests.simulator.wechat.conftest import openid_for
from tests.simulator.wechat.samples import PRODUCTS

SUB_APPID = "wxd678efh567hg6999"
H5 = {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}}
SHAPES = {
    "jsapi": r'\{"prepay_id":"wx[0-9a-f]{34}"\}',
    "app": r'\{"prepay_id":"wx[0-9a-f]{34}"\}',
    "native": r'\{"code_url":"weixin://wxpay/bizpayurl/up\?pr=[\w-]+&groupid=00"\}',
    "h5": r'\{"h5_url":"https://wx\.tenpay\.com/cgi-bin/mmpayweb-bin/checkmweb\?prepay_id=wx\w+'
    r'&package=\d+"\}',
}


def order(shop: Merchant, product_kind: str, openid: str, **more: Any) -> dict[str, Any]:
    return shop.order(
        openid if product_kind == "jsapi" else "", **(H5 if product_kind == "h5" else {}) | more
    )


def assert_refused(answer: Answer, status: int, code: str, number: int | None = None) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body.decode()
    if number is not None:
        assert answer.number == number


@pytest.mark.parametrize("product_kind", PRODUCTS)
def test_each_product_answers_in_its_own_shape(shop: Merchant, lin: str, product_kind: str) -> None:
    body = order(shop, product_kind, lin)
    answer = shop.place(body, product_kind)
    assert answer.status == 200
    assert re.fullmatch(SHAPES[product_kind], answer.body.decode())
    shop.verify(answer.headers, answer.body)
    said = shop.query(body["out_trade_no"])
    shop.verify(said.headers, said.body)
    assert said.json == {
        "sp_appid": shop.creds["sp_appid"],
        "sp_mchid": shop.creds["sp_mchid"],
        "sub_mchid": shop.creds["sub_mchid"],
        "out_trade_no": body["out_trade_no"],
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
        "amount": {"total": 1230, "currency": "CNY"},
    }


# --- repeating --------------------------------------------------------------------------------


@pytest.mark.parametrize("product_kind", PRODUCTS)
def test_the_same_order_again_gives_a_fresh_credential(
    sim: Simulator, shop: Merchant, lin: str, product_kind: str
) -> None:
    body = order(shop, product_kind, lin)
    first, second = shop.place(body, product_kind), shop.place(body, product_kind)
    assert (first.status, second.status) == (200, 200)
    assert first.body != second.body
    assert len(sim.books()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"total": 1231, "currency": "CNY"}},
        {"description": "别的商品"},
        {"attach": "x"},
        {"notify_url": "https://pay.example.com/other"},
        {"time_expire": "2030-01-01T00:00:00+08:00"},
        {"sub_mchid": "1900000117"},
        {"payer": "zhou"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_the_same_number_with_other_parameters(
    shop: Merchant, openids: Callable[[str], str], change: dict[str, Any]
) -> None:
    body = shop.order(openids("lin"))
    assert shop.place(body).status == 200
    if change.get("payer") == "zhou":
        change = {"payer": {"sp_openid": openids("zhou")}}
    assert_refused(shop.place(body | change), 403, "OUT_TRADE_NO_USED", 268498688)
    assert shop.query(body["out_trade_no"]).json["amount"]["total"] == 1230


def test_the_same_number_for_another_product(shop: Merchant) -> None:
    body = shop.order()
    assert shop.place(body, "native").status == 200
    assert_refused(shop.place(body, "app"), 403, "OUT_TRADE_NO_USED", 268498688)


def test_one_hundred_equal_orders_at_once_make_one_trade(
    sim: Simulator, shop: Merchant, lin: str
) -> None:
    body = shop.order(lin)

    def place(_: int) -> int:
        one = Merchant(sim.url, shop.creds)
        status = one.place(body).status
        one.hang_up()
        return status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(place, range(40))) == {200}
    assert len(sim.books()) == 1


# --- who may order what -----------------------------------------------------------------------


@pytest.mark.parametrize("product_kind", PRODUCTS)
@pytest.mark.parametrize(
    ("change", "status", "code", "number"),
    [
        ({"sp_mchid": "1900000501"}, 400, "PARAM_ERROR", 268435461),
        ({"sub_mchid": "1900000001"}, 400, "PARAM_ERROR", 268443705),
        ({"sub_mchid": "1900000999"}, 400, "MCH_NOT_EXISTS", None),
        ({"sub_mchid": "1900000508"}, 403, "NO_AUTH", 268443701),
        ({"sub_mchid": "1900000133"}, 403, "NO_AUTH", 268443715),
        ({"sub_mchid": "1900000141"}, 403, "NO_AUTH", 268448010),
        ({"sp_appid": "wx7777777777777777"}, 400, "APPID_MCHID_NOT_MATCH", 268445527),
        ({"sub_appid": "wx7777777777777777"}, 400, "APPID_MCHID_NOT_MATCH", 268445527),
        ({"sub_appid": SUB_APPID, "sub_mchid": "1900000117"}, 400, "APPID_MCHID_NOT_MATCH", None),
    ],
)
def test_parties(
    shop: Merchant,
    lin: str,
    product_kind: str,
    change: dict[str, str],
    status: int,
    code: str,
    number: int | None,
) -> None:
    answer = shop.place(order(shop, product_kind, lin, **change), product_kind)
    assert_refused(answer, status, code, number)


@pytest.mark.parametrize("product_kind", PRODUCTS)
@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.com/notify",
        "ftp://pay.example.com/notify",
        "https://pay.example.com/notify?x=1",
        "https://pay.example.com/notify?",
        "https://pay.example.com/notify#x",
        "https://u:p@pay.example.com/notify",
        "https:///notify",
        "pay.example.com/notify",
        "https://pay.example.com/no tify",
        "https://[::1/notify",
        "http://127.0.0.1.example.com/notify",
    ],
)
def test_notify_url(shop: Merchant, lin: str, product_kind: str, url: str) -> None:
    answer = shop.place(order(shop, product_kind, lin, notify_url=url), product_kind)
    assert_refused(answer, 400, "PARAM_ERROR")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/n", "http://localhost/n", "http://[::1]/n"])
def test_notify_url_over_http_on_loopback(shop: Merchant, lin: str, url: str) -> None:
    assert shop.place(shop.order(lin, notify_url=url)).status == 200


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00:00+08:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00+08:00", "1"]
)
def test_time_expire_is_rfc3339(shop: Merchant, lin: str, text: str) -> None:
    assert_refused(shop.place(shop.order(lin, time_expire=text)), 400, "PARAM_ERROR")


def test_lengths_are_bytes(shop: Merchant, lin: str) -> None:
    assert shop.place(shop.order(lin, description="茶" * 42)).status == 200
    assert_refused(shop.place(shop.order(lin, description="茶" * 43)), 400, "PARAM_ERROR")


def test_detail_of_more_than_6144_bytes(shop: Merchant, lin: str) -> None:
    goods = {"merchant_goods_id": "G" * 32, "goods_name": "x" * 200, "quantity": 1, "unit_price": 1}
    detail = {"goods_detail": [goods] * 30}
    assert_refused(shop.place(shop.order(lin, detail=detail)), 400, "PARAM_ERROR")


# --- payers -----------------------------------------------------------------------------------


def test_payer_rules(sim: Simulator, shop: Merchant, openids: Callable[[str], str]) -> None:
    sub = shop.creds["merchants"][0]
    sub_lin = openid_for(sim, SUB_APPID, sub["oa_secret"], "lin")
    lin, zhou = openids("lin"), openids("zhou")
    assert sub_lin != lin
    assert re.fullmatch(r"oSim[0-9a-f]{24}", lin)
    for payer, more, number in (
        ({}, {}, 268501013),
        ({"sp_openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, {}, 268435461),
        ({"sp_openid": sub_lin}, {}, 268435461),
        ({"sub_openid": sub_lin}, {}, 268435461),
        ({"sub_openid": lin}, {"sub_appid": SUB_APPID}, 268435461),
        ({"sp_openid": zhou, "sub_openid": sub_lin}, {"sub_appid": SUB_APPID}, 268435461),
    ):
        answer = shop.place(shop.order(payer=payer, **more))
        assert_refused(answer, 400, "PARAM_ERROR", number)
    good = shop.order(payer={"sub_openid": sub_lin}, sub_appid=SUB_APPID)
    assert shop.place(good).status == 200


# --- asking and closing -----------------------------------------------------------------------


def test_unknown_orders(shop: Merchant) -> None:
    assert_refused(shop.query(trade_no()), 404, "ORDER_NOT_EXIST", 268512771)
    assert_refused(shop.close(trade_no()), 404, "ORDER_NOT_EXIST", 268512771)
    query = "sp_mchid=1900000001&sub_mchid=1900000109"
    answer = shop.call("GET", f"{BASE}/id/4200002345202611221234567890?{query}")
    assert_refused(answer, 404, "ORDER_NOT_EXIST", 268512771)


@pytest.mark.parametrize(
    ("party", "status", "code", "number"),
    [
        ({"sub_mchid": "1900000117"}, 400, "INVALID_REQUEST", 268447845),
        ({"sub_mchid": "1900000001"}, 400, "PARAM_ERROR", 268443705),
        ({"sub_mchid": "1900000508"}, 403, "NO_AUTH", 268443701),
        ({"sub_mchid": "1900000999"}, 400, "MCH_NOT_EXISTS", None),
        ({"sp_mchid": "1900000501"}, 400, "PARAM_ERROR", None),
    ],
)
def test_only_the_order_s_own_parties_may_ask_and_close(
    shop: Merchant, lin: str, party: dict[str, str], status: int, code: str, number: int | None
) -> None:
    body = shop.order(lin)
    shop.place(body)
    for answer in (
        shop.query(body["out_trade_no"], **party),
        shop.close(body["out_trade_no"], **party),
    ):
        assert_refused(answer, status, code, number)
    assert shop.query(body["out_trade_no"]).json["trade_state"] == "NOTPAY"


def test_another_provider_sees_nothing(sim: Simulator, shop: Merchant, lin: str) -> None:
    body = shop.order(lin)
    shop.place(body)
    theirs = sim.get("/sim/credentials?owner=1900000501")["wechat"]
    other = Merchant(sim.url, theirs)
    assert_refused(other.query(body["out_trade_no"]), 404, "ORDER_NOT_EXIST")
    mine = other.order(out_trade_no=body["out_trade_no"])
    assert other.place(mine, "native").status == 200  # numbers are unique per provider
    other.hang_up()


def test_close_is_reentrant_and_a_closed_number_is_spent(shop: Merchant, lin: str) -> None:
    body = shop.order(lin)
    shop.place(body)
    for _ in range(2):
        assert shop.close(body["out_trade_no"]).status == 204
    said = shop.query(body["out_trade_no"]).json
    assert (said["trade_state"], said["trade_state_desc"]) == ("CLOSED", "订单已关闭")
    assert_refused(shop.place(body), 400, "ORDER_CLOSED", 268447914)


def test_after_seven_days_unpaid_is_closed(sim: Simulator, shop: Merchant, lin: str) -> None:
    body = shop.order(lin)
    shop.place(body)
    sim.post("/sim/clock", {"skew_s": 7 * 86400 - 60})
    ahead = Merchant(sim.url, shop.creds)
    stamp = sim.get("/sim/clock")["time"]
    assert state_at(ahead, body["out_trade_no"], int(stamp)) == "NOTPAY"
    sim.post("/sim/clock", {"skew_s": 7 * 86400 + 60})
    assert state_at(ahead, body["out_trade_no"], int(stamp) + 120) == "CLOSED"
    ahead.hang_up()


def state_at(shop: Merchant, number: str, stamp: int) -> str:
    from tests.simulator.wechat.client import Changes

    query = "sp_mchid=1900000001&sub_mchid=1900000109"
    target = f"{BASE}/out-trade-no/{number}?{query}"
    answer = shop.call("GET", target, None, Changes(timestamp=stamp))
    return str(answer.json["trade_state"])


def test_a_passed_deadline_refuses_the_same_number_but_does_not_close(
    sim: Simulator, shop: Merchant, lin: str
) -> None:
    body = shop.order(lin, time_expire="2020-01-01T00:00:00+08:00")  # raised to one minute
    assert shop.place(body).status == 200
    assert shop.place(body).status == 200
    sim.post("/sim/clock", {"skew_s": 70})
    assert_refused(shop.place(body), 400, "ORDER_CLOSED", 268447914)
    assert shop.query(body["out_trade_no"]).json["trade_state"] == "NOTPAY"
