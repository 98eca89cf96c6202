"""The phone: pays what is right, and refuses everything else (wechat.md A6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.simulator.conftest import PRODUCT, Simulator
from tests.simulator.wechat.client import BASE, Merchant, rsa_sign
from tests.simulator.wechat.conftest import openid_for

SUB_APPID = "wxd678efh567hg6999"
OK = "get_brand_wcpay_request:ok"
FAIL = "get_brand_wcpay_request:fail"


def tap(
    sim: Simulator, params: dict[str, Any], act: str = "confirm", status: int = 200
) -> dict[str, Any]:
    said: dict[str, Any] = sim.post("/sim/wallet/wechat/pay", params | {"act": act}, status)
    return said


def refusal(sim: Simulator, params: dict[str, Any], act: str = "confirm") -> str:
    said = tap(sim, params, act, 400)
    assert said["err_msg"] == FAIL
    assert said["message"]
    return str(said["code"])


def prepaid(shop: Merchant, openid: str, **more: Any) -> tuple[str, dict[str, Any]]:
    body = shop.order(openid, **more)
    answer = shop.place(body)
    assert answer.status == 200, answer.body.decode()
    return body["out_trade_no"], shop.bridge(answer.json["prepay_id"])


def test_confirm_pays_once(sim: Simulator, shop: Merchant, lin: str) -> None:
    number, params = prepaid(shop, lin, attach="m=1")
    assert tap(sim, params)["err_msg"] == OK
    said = shop.query(number).json
    assert said["trade_state"] == "SUCCESS"
    assert said["trade_type"] == "JSAPI"
    assert said["attach"] == "m=1"
    assert said["payer"] == {"sp_openid": lin}
    assert said["amount"] == {
        "total": 1230,
        "payer_total": 1230,
        "currency": "CNY",
        "payer_currency": "CNY",
    }
    row = sim.books()[0]
    assert row["state"] == "SUCCESS"
    assert row["transaction_id"] == said["transaction_id"]
    assert refusal(sim, params) == "ORDERPAID"
    assert sim.books() == [row]


def test_paid_is_found_by_transaction_id(sim: Simulator, shop: Merchant, lin: str) -> None:
    number, params = prepaid(shop, lin)
    tap(sim, params)
    found = sim.books()[0]["transaction_id"]
    query = "sp_mchid=1900000001&sub_mchid=1900000109"
    assert shop.call("GET", f"{BASE}/id/{found}?{query}").json["out_trade_no"] == number
    prepay_id = params["package"].removeprefix("prepay_id=")
    assert shop.call("GET", f"{BASE}/id/{prepay_id}?{query}").status == 400


@pytest.mark.parametrize("act", ["cancel", "fail"])
def test_cancel_and_fail_leave_it_unpaid(
    sim: Simulator, shop: Merchant, lin: str, act: str
) -> None:
    number, params = prepaid(shop, lin)
    assert tap(sim, params, act)["err_msg"] == f"get_brand_wcpay_request:{act}"
    assert shop.query(number).json["trade_state"] == "NOTPAY"
    assert tap(sim, params)["err_msg"] == OK


def test_unknown_act_or_wallet(sim: Simulator, shop: Merchant, lin: str) -> None:
    _, params = prepaid(shop, lin)
    sim.post("/sim/wallet/wechat/pay", params | {"act": "steal"}, 400)
    sim.post("/sim/wallet/wechat/pay", params, 400)
    sim.post("/sim/wallet/paypal/pay", params | {"act": "confirm"}, 404)


@pytest.mark.parametrize(
    "name", ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]
)
def test_every_parameter_is_needed_as_text(
    sim: Simulator, shop: Merchant, lin: str, name: str
) -> None:
    number, params = prepaid(shop, lin)
    assert refusal(sim, {k: v for k, v in params.items() if k != name}) == "PARAM_ERROR"
    assert refusal(sim, params | {name: ""}) == "PARAM_ERROR"
    assert refusal(sim, params | {name: 1795341605}) == "PARAM_ERROR"
    assert refusal(sim, params | {"stranger": "x"}) == "PARAM_ERROR"
    assert shop.query(number).json["trade_state"] == "NOTPAY"


def test_wrong_signatures(
    sim: Simulator, shop: Merchant, lin: str, foreign_key: rsa.RSAPrivateKey
) -> None:
    number, params = prepaid(shop, lin)
    prepay_id = params["package"].removeprefix("prepay_id=")
    bare = f"{params['appId']}\n{params['timeStamp']}\n{params['nonceStr']}\n{prepay_id}\n"
    ours = bare.replace(prepay_id, params["package"])
    for sign in (
        rsa_sign(shop.key, bare.encode()),
        rsa_sign(foreign_key, ours.encode()),
        "AAAA",
        "not base64 !",
    ):
        assert refusal(sim, params | {"paySign": sign}) == "SIGN_ERROR"
    assert refusal(sim, params | {"nonceStr": "other"}) == "SIGN_ERROR"
    assert refusal(sim, params | {"signType": "MD5"}) == "SIGN_TYPE"
    assert refusal(sim, params | {"timeStamp": params["timeStamp"] + "000"}) == "PARAM_ERROR"
    assert refusal(sim, params | {"package": prepay_id}) == "PARAM_ERROR"
    assert shop.query(number).json["trade_state"] == "NOTPAY"


def test_unknown_prepay_id(sim: Simulator, shop: Merchant, lin: str) -> None:
    prepaid(shop, lin)
    assert refusal(sim, shop.bridge("wx22192000000000abcdef0123456789abcd")) == "PREPAY_ID_UNKNOWN"


def test_prepay_id_of_another_product(sim: Simulator, shop: Merchant) -> None:
    prepay_id = shop.place(shop.order(), "app").json["prepay_id"]
    assert refusal(sim, shop.bridge(prepay_id)) == "PREPAY_ID_UNKNOWN"


def test_another_appid_than_ordered_with(sim: Simulator, shop: Merchant, lin: str) -> None:
    _, params = prepaid(shop, lin, sub_appid=SUB_APPID)
    prepay_id = params["package"].removeprefix("prepay_id=")
    assert refusal(sim, shop.bridge(prepay_id, SUB_APPID)) == "APPID_MISMATCH"


def test_ordered_with_sub_openid_pays_with_sub_appid(sim: Simulator, shop: Merchant) -> None:
    openid = openid_for(sim, SUB_APPID, shop.creds["merchants"][0]["oa_secret"], "lin")
    body = shop.order(payer={"sub_openid": openid}, sub_appid=SUB_APPID)
    prepay_id = shop.place(body).json["prepay_id"]
    assert refusal(sim, shop.bridge(prepay_id)) == "APPID_MISMATCH"
    assert tap(sim, shop.bridge(prepay_id, SUB_APPID))["err_msg"] == OK
    said = shop.query(body["out_trade_no"]).json
    assert said["payer"]["sub_openid"] == openid
    assert said["sub_appid"] == SUB_APPID


def test_only_the_payer_ordered_for(
    sim: Simulator, shop: Merchant, openids: Callable[[str], str]
) -> None:
    _, params = prepaid(shop, openids("lin"))
    assert refusal(sim, params | {"person": "zhou"}) == "OPENID_MISMATCH"
    assert refusal(sim, params | {"openid": openids("zhou")}) == "OPENID_MISMATCH"
    assert refusal(sim, params | {"openid": "oUnknown"}) == "OPENID_MISMATCH"
    answer = sim.http.post(
        f"{sim.url}/sim/wallet/wechat/pay",
        json=params | {"act": "confirm"},
        headers={"Cookie": "sim_person=zhou"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "OPENID_MISMATCH")
    assert tap(sim, params | {"openid": openids("lin"), "person": "lin"})["err_msg"] == OK


@pytest.mark.parametrize("path", ["/q/1/abc", "/card/", "/cpay/pay?x=1", "/q/x#y"])
def test_pages_below_a_pay_directory(sim: Simulator, shop: Merchant, lin: str, path: str) -> None:
    _, params = prepaid(shop, lin)
    assert tap(sim, params | {"page_url": PRODUCT + path})["err_msg"] == OK


@pytest.mark.parametrize(
    "page",
    [
        PRODUCT + "/m/",
        PRODUCT + "/q",
        PRODUCT + "/Q/1/abc",
        PRODUCT + "/q/../m/x",
        PRODUCT + "/?next=/q/1",
        "http://127.0.0.1:8001/q/1/abc",
        "http://evil.example/q/1/abc",
        PRODUCT + "@evil.example/q/1",
        "",
    ],
)
def test_pages_outside_a_pay_directory(sim: Simulator, shop: Merchant, lin: str, page: str) -> None:
    _, params = prepaid(shop, lin)
    said = tap(sim, params | {"page_url": page}, status=400)
    assert said["code"] == "URL_NOT_REGISTERED"
    assert said["message"].startswith("当前页面的URL未注册")


def test_closed_expired_and_old(sim: Simulator, shop: Merchant, lin: str) -> None:
    closed, params = prepaid(shop, lin)
    shop.close(closed)
    assert refusal(sim, params) == "ORDER_CLOSED"
    _, short = prepaid(shop, lin, time_expire="2020-01-01T00:00:00+08:00")
    _, old = prepaid(shop, lin)
    sim.advance(70)
    assert refusal(sim, short) == "ORDER_EXPIRED"
    sim.advance(7200)
    assert refusal(sim, old) == "PREPAY_ID_EXPIRED"


def test_an_earlier_prepay_id_of_the_same_order_still_pays_once(
    sim: Simulator, shop: Merchant, lin: str
) -> None:
    body = shop.order(lin)
    first = shop.place(body).json["prepay_id"]
    second = shop.place(body).json["prepay_id"]
    assert tap(sim, shop.bridge(first))["err_msg"] == OK
    assert refusal(sim, shop.bridge(second)) == "ORDERPAID"
    answer = shop.place(body)
    assert (answer.status, answer.code, answer.number) == (400, "ORDERPAID", 268498689)


def test_paid_cannot_be_closed(sim: Simulator, shop: Merchant, lin: str) -> None:
    number, params = prepaid(shop, lin)
    tap(sim, params)
    answer = shop.close(number)
    assert (answer.status, answer.code, answer.number) == (400, "ORDERPAID", 268449538)


def test_close_and_pay_at_once_never_both(sim: Simulator, shop: Merchant, lin: str) -> None:
    made = [prepaid(shop, lin) for _ in range(12)]

    def pay(params: dict[str, Any]) -> int:
        body = params | {"act": "confirm"}
        url = f"{sim.url}/sim/wallet/wechat/pay"
        return sim.http.post(url, json=body, timeout=5).status_code

    def close(number: str) -> int:
        one = Merchant(sim.url, shop.creds)
        status = one.close(number).status
        one.hang_up()
        return status

    with ThreadPoolExecutor(8) as pool:
        outcomes = [(pool.submit(pay, p), pool.submit(close, n), n) for n, p in made]
        for paid, closed, number in outcomes:
            assert (paid.result(), closed.result()) in {(200, 400), (400, 204)}
            state = shop.query(number).json["trade_state"]
            assert state == ("SUCCESS" if paid.result() == 200 else "CLOSED")


def test_many_taps_at_once_pay_once(sim: Simulator, shop: Merchant, lin: str) -> None:
    _, params = prepaid(shop, lin)
    url, body = f"{sim.url}/sim/wallet/wechat/pay", params | {"act": "confirm"}
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: sim.http.post(url, json=body, timeout=5).status_code, range(24))
        )
    assert sorted(found) == [200] + [400] * 23


def test_native_is_scanned_and_only_the_newest_code_serves(sim: Simulator, shop: Merchant) -> None:
    body = shop.order()
    old = shop.place(body, "native").json["code_url"]
    new = shop.place(body, "native").json["code_url"]
    assert refusal(sim, {"code_url": old}) == "PREPAY_ID_EXPIRED"
    assert tap(sim, {"code_url": new, "person": "zhou"})["err_msg"] == OK
    assert shop.query(body["out_trade_no"]).json["trade_type"] == "NATIVE"


def test_h5_link_lives_five_minutes(sim: Simulator, shop: Merchant) -> None:
    scene: dict[str, Any] = {
        "scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}
    }
    url = shop.place(shop.order(**scene), "h5").json["h5_url"]
    assert tap(sim, {"h5_url": url})["err_msg"] == OK
    url = shop.place(shop.order(**scene), "h5").json["h5_url"]
    sim.advance(301)
    assert refusal(sim, {"h5_url": url}) == "PREPAY_ID_EXPIRED"


def test_an_app_signs_the_bare_prepay_id(sim: Simulator, shop: Merchant) -> None:
    prepay_id = shop.place(shop.order(), "app").json["prepay_id"]
    appid, stamp, nonce = shop.creds["sp_appid"], str(int(time.time())), "n0nce"
    params = {
        "appid": appid,
        "partnerid": shop.creds["sub_mchid"],
        "prepayid": prepay_id,
        "package": "Sign=WXPay",
        "noncestr": nonce,
        "timestamp": stamp,
        "sign": rsa_sign(shop.key, f"{appid}\n{stamp}\n{nonce}\n{prepay_id}\n".encode()),
    }
    assert refusal(sim, params | {"sign": "AAAA"}) == "SIGN_ERROR"
    assert tap(sim, params)["err_msg"] == OK


def test_only_the_product_s_page_may_read_the_answer(
    sim: Simulator, shop: Merchant, lin: str
) -> None:
    url = f"{sim.url}/sim/wallet/wechat/pay"
    for origin, allowed in ((PRODUCT, PRODUCT), ("http://evil.example", None)):
        answer = sim.http.options(url, headers={"Origin": origin}, timeout=5)
        assert answer.status_code == 204
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    other = sim.http.get(f"{sim.url}/sim/books", headers={"Origin": PRODUCT}, timeout=5)
    assert "Access-Control-Allow-Origin" not in other.headers
