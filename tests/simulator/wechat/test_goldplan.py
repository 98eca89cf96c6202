"""The Gold Plan as an integrator meets it, from wechat.md B2 and B3."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.simulator.conftest import Listener, Simulator
from tests.simulator.wechat.client import Answer, Changes, Merchant
from tests.simulator.wechat.test_notify import pay

ROOT = "/v3/goldplan/merchants"
PLAN, RECEIPT = f"{ROOT}/changegoldplanstatus", f"{ROOT}/changecustompagestatus"
FILTER, ADS = f"{ROOT}/set-advertising-industry-filter", f"{ROOT}/open-advertising-show"
NO_ADS = f"{ROOT}/close-advertising-show"


def ask(shop: Merchant, path: str, method: str = "POST", **body: Any) -> Answer:
    return shop.call(method, path, {"sub_mchid": shop.parties()["sub_mchid"], **body})


def test_five_calls_with_their_methods_and_answers(sim: Simulator, shop: Merchant) -> None:
    sub_mchid = shop.parties()["sub_mchid"]
    for path in (PLAN, RECEIPT):
        answer = ask(shop, path, operation_type="OPEN")
        assert (answer.status, answer.json) == (200, {"sub_mchid": sub_mchid})
        shop.verify(answer.headers, answer.body)
    for method, path, body in (
        ("POST", FILTER, {"advertising_industry_filters": ["INDUSTY", "POTOGRAPHY"]}),
        ("PATCH", ADS, {"advertising_industry_filters": []}),
        ("POST", NO_ADS, {}),
    ):
        answer = ask(shop, path, method, **body)
        assert (answer.status, answer.body) == (204, b""), path
        shop.verify(answer.headers, b"")
    assert ask(shop, ADS, "POST", advertising_industry_filters=["FOOD"]).status == 405
    stands = sim.get("/sim/gold-plans")[sub_mchid]
    assert (stands["is_open"], stands["tags"], stands["has_ads"]) == (True, [], False)


def test_what_the_tables_do_not_take(shop: Merchant) -> None:
    assert ask(shop, PLAN, operation_type="OPEN").status == 200
    many = ["FOOD", "CAR", "LAW", "GAME"]
    for path, method, body in (
        (PLAN, "POST", {"operation_type": "open"}),
        (PLAN, "POST", {}),
        (PLAN, "POST", {"operation_type": "OPEN", "operation_pay_scene": "NATIVE"}),
        (PLAN, "POST", {"operation_type": "OPEN", "more": 1}),
        (FILTER, "POST", {"advertising_industry_filters": []}),
        (FILTER, "POST", {"advertising_industry_filters": many}),
        (FILTER, "POST", {"advertising_industry_filters": ["PHOTOGRAPHY"]}),
        (FILTER, "POST", {"advertising_industry_filters": ["CAR", "CAR"]}),
        (FILTER, "POST", {"advertising_industry_filters": [1]}),
        (FILTER, "POST", {}),
        (ADS, "PATCH", {"advertising_industry_filters": many}),
    ):
        answer = ask(shop, path, method, **body)
        assert (answer.status, answer.code) == (400, "PARAM_ERROR"), (path, body, answer.body)


def test_after_closing_it_opens_again_after_24_hours(sim: Simulator, shop: Merchant) -> None:
    assert ask(shop, PLAN, operation_type="OPEN").status == 200
    assert ask(shop, PLAN, operation_type="CLOSE").status == 200
    for wait_s, status in ((0, 400), (23 * 3600 + 59 * 60, 400), (2 * 60, 200)):
        sim.advance(wait_s)
        now = int(sim.get("/sim/health")["time"])
        answer = _at(shop, now, operation_type="OPEN")
        assert answer.status == status, answer.body.decode()


def _at(shop: Merchant, now: int, **body: Any) -> Answer:
    told = {"sub_mchid": shop.parties()["sub_mchid"], **body}
    return shop.call("POST", PLAN, told, Changes(timestamp=now))


@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("wechat__goldplan_provider", "not_open", "服务商未开通"),
        ("wechat__goldplan_provider", "punished", "服务商处于处罚期"),
        ("wechat__goldplan_provider", "not_provider", "渠道商"),
        ("wechat__goldplan_link", "none", "小票链接"),
    ],
)
def test_business_refusals_differ_by_their_words_alone(
    sim: Simulator, shop: Merchant, switch: str, value: str, words: str
) -> None:
    sim.switch(**{switch: value})
    answer = ask(shop, RECEIPT, operation_type="OPEN")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]
    assert sim.get("/sim/gold-plans") == {}


def test_the_frame_is_opened_with_the_check_code_of_the_literal_rule(
    sim: Simulator, shop: Merchant, lin: str, listener: Listener
) -> None:
    number = pay(sim, shop, lin, listener.url)
    assert "after" not in sim.post("/sim/wallet/wechat/pay", _order(shop, lin, listener))
    for path in (PLAN, RECEIPT):
        assert ask(shop, path, operation_type="OPEN").status == 200
    paid = sim.post("/sim/wallet/wechat/pay", _order(shop, lin, listener))
    assert paid["after"] == f"/sim/official-page/{paid['detail']['out_trade_no']}"
    page = sim.http.get(f"{sim.url}/sim/official-page/{number}", timeout=5).text
    url = page.split('data-src="')[1].split('"')[0].replace("&amp;", "&")
    link, told = url.split("?")[0], dict(parse_qsl(urlsplit(url).query))
    trade = next(row for row in sim.books() if row["out_trade_no"] == number)
    proved = {"sub_mch_id": trade["sub_mchid"], "out_trade_no": number,
              "transaction_id": trade["transaction_id"]}  # fmt: skip
    wanted = hashlib.md5(f"{link}?{urlencode(proved)}".encode()).hexdigest()
    assert told["check_code"] == wanted


def _order(shop: Merchant, openid: str, listener: Listener) -> dict[str, Any]:
    body = shop.order(openid, notify_url=listener.url)
    return shop.bridge(shop.place(body).json["prepay_id"]) | {"act": "confirm"}
