"""Refunds over APIv2, judged by wechatpy: the money is the same as APIv3's. wechat.md A8 to A10."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay

from tests.simulator.conftest import Listener, Simulator
from tests.simulator.wechat.client import Merchant

CERTIFICATE = "X-SSL-Client-Cert"


@pytest.fixture
def sdk(sim: Simulator, shop: Merchant) -> WeChatPay:
    creds = shop.creds
    made = WeChatPay(
        creds["sp_appid"], creds["apiv2_key"], creds["sp_mchid"], sub_mch_id=creds["sub_mchid"],
        timeout=5,
    )  # fmt: skip
    made.API_BASE_URL = sim.url + "/"
    made._http.headers[CERTIFICATE] = quote(creds["merchant_certificate"])
    return made


@pytest.fixture
def paid(sim: Simulator, sdk: WeChatPay) -> dict[str, Any]:
    code = sim.post("/sim/wechat/paycode", {"person": "zhou"})["auth_code"]
    made: dict[str, Any] = sdk.micropay.create(
        "茶", 1234, code, client_ip="127.0.0.1", out_trade_no="VR0001"
    )
    return made


def give(sdk: WeChatPay, number: str = "R1", fen: int = 200, **more: Any) -> dict[str, Any]:
    said = {"out_trade_no": "VR0001", "total_fee": 1234} | more
    made: dict[str, Any] = sdk.refund.apply(refund_fee=fen, out_refund_no=number, **said)
    return made


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(WeChatPayException) as caught:
        act()
    return str(caught.value.errcode or caught.value.return_msg)


def test_a_refund_is_accepted_and_ends_by_itself(
    sim: Simulator, shop: Merchant, sdk: WeChatPay, paid: dict[str, Any]
) -> None:
    made = give(sdk)
    assert (made["refund_fee"], made["transaction_id"]) == ("200", paid["transaction_id"])
    assert give(sdk)["refund_id"] == made["refund_id"]
    found = sdk.refund.query(out_refund_no="R1")
    assert (found["refund_count"], found["refund_status_0"]) == ("1", "PROCESSING")
    sim.advance(61)
    found = sdk.refund.query(out_refund_no="R1")
    assert (found["refund_status_0"], found["refund_fee_0"]) == ("SUCCESS", "200")
    target = f"/v3/refund/domestic/refunds/R1?sub_mchid={shop.creds['sub_mchid']}"
    books = sim.books()[0]
    assert [(r["out_refund_no"], r["amount_fen"]) for r in books["refunds"]] == [("R1", 200)]
    sim.post("/sim/clock", {"skew_s": -61})
    assert shop.call("GET", target).json["refund_id"] == made["refund_id"]


def test_all_refunds_of_an_order_are_told(
    sim: Simulator, sdk: WeChatPay, paid: dict[str, Any]
) -> None:
    give(sdk)
    sim.advance(61)
    give(sdk, "R2", 34, out_trade_no=None, transaction_id=paid["transaction_id"])
    for which in ({"out_trade_no": "VR0001"}, {"transaction_id": paid["transaction_id"]}):
        found = sdk.refund.query(**which)
        assert found["refund_count"] == "2"
        assert (found["out_refund_no_1"], found["refund_status_1"]) == ("R2", "PROCESSING")
    one = sdk.refund.query(refund_id=found["refund_id_0"], out_trade_no="VR0001")
    assert (one["refund_count"], one["out_refund_no_0"]) == ("1", "R1")


def test_what_may_not_be_refunded(sim: Simulator, sdk: WeChatPay, paid: dict[str, Any]) -> None:
    give(sdk, fen=1000)
    assert refused(lambda: give(sdk, fen=999)) == "INVALID_REQUEST"
    assert refused(lambda: give(sdk, "R2", 10)) == "FREQUENCY_LIMITED"
    sim.advance(61)
    assert refused(lambda: give(sdk, "R2", 235)) == "INVALID_REQUEST"
    assert refused(lambda: give(sdk, "R2", 10, total_fee=1233)) == "REFUND_FEE_MISMATCH"
    assert refused(lambda: give(sdk, "R2", 10, out_trade_no="nobody1")) == "ORDERNOTEXIST"
    sim.switch(wechat__merchant_funds="short")
    assert refused(lambda: give(sdk, "R2", 10)) == "NOTENOUGH"
    sim.switch(wechat__merchant_funds="enough")
    sim.advance(366 * 86400)
    assert refused(lambda: give(sdk, "R2", 10)) == "TRADE_OVERDUE"
    assert refused(lambda: sdk.refund.query(out_refund_no="R2")) == "REFUNDNOTEXIST"
    assert refused(lambda: sdk.refund.query()) == "LACK_PARAMS"


def test_a_refund_wants_the_certificate_and_a_query_does_not(
    sim: Simulator, sdk: WeChatPay, paid: dict[str, Any]
) -> None:
    give(sdk)
    del sdk._http.headers[CERTIFICATE]
    assert "证书" in refused(lambda: give(sdk))
    assert sdk.refund.query(out_refund_no="R1")["refund_count"] == "1"


def test_it_is_told_in_apiv2s_words(
    sim: Simulator, shop: Merchant, sdk: WeChatPay, paid: dict[str, Any], listener: Listener
) -> None:
    give(sdk, notify_url=listener.url)
    sim.advance(3)
    heard = listener.wait(1)[0].body  # of our appid and mch_id, or the SDK refuses it
    said = sdk.parse_refund_notify_result(heard.decode())
    assert (said["out_refund_no"], said["refund_fee"], said["refund_status"]) == (
        "R1",
        200,
        "SUCCESS",
    )


def test_apiv3s_refund_without_an_address_is_told_so_too(
    sim: Simulator, shop: Merchant, sdk: WeChatPay, lin: str, listener: Listener
) -> None:
    number = "VR0002"
    body = shop.order(lin, out_trade_no=number, notify_url=listener.url)
    bridge = shop.bridge(shop.place(body).json["prepay_id"])
    sim.post("/sim/wallet/wechat/pay", bridge | {"act": "confirm"})
    fen = body["amount"]["total"]
    asked = {
        "sub_mchid": shop.creds["sub_mchid"],
        "out_trade_no": number,
        "out_refund_no": "R9",
        "amount": {"refund": 1, "total": fen, "currency": "CNY"},
    }
    assert shop.call("POST", "/v3/refund/domestic/refunds", asked).status == 200
    sim.advance(3)
    said = sdk.parse_refund_notify_result(listener.wait(2)[1].body.decode())
    assert (said["out_refund_no"], said["refund_fee"], said["total_fee"]) == ("R9", 1, fen)
