"""wap.pay: the browser's cashier, the signed way back, its notices. alipay.md 2.3, 2.5, 4.6."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from simulator.world import World
from tests.simulator.alipay.client import Client, encoded, sign_text
from tests.simulator.alipay.conftest import ZHOU, Listener

Until = Callable[[Callable[[], Any]], None]
BACK = "http://127.0.0.1:8000/q/back?a=1"


@pytest.fixture
def biz() -> dict[str, Any]:
    return {
        "out_trade_no": "W1",
        "total_amount": "5.00",
        "subject": "面",
        "product_code": "QUICK_WAP_WAY",
        "quit_url": "http://127.0.0.1:8000/q/quit",
    }


def arrive(client: Client, biz: dict[str, Any], *, by_form: bool = False, **more: str) -> str:
    params = client.signed(client.params("alipay.trade.wap.pay", biz, **more))
    if by_form:
        url, body = f"{client.url}?charset=utf-8", encoded(params).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return client.http.post(url, data=body, headers=kind, timeout=10).text
    return client.http.get(f"{client.url}?{encoded(params)}", timeout=10).text


def act(client: Client, page: str, word: str, person: str = "zhou") -> requests.Response:
    found = re.search(r'name="visit" value="([^"]+)"', page)
    assert found, page
    return requests.post(
        f"{client.base}/sim/alipay/cashier",
        data={"visit": found[1], "act": word},
        cookies={"sim_person": person},
        allow_redirects=False,
        timeout=10,
    )


@pytest.mark.parametrize("by_form", [False, True])
def test_paying_leads_back_signed_and_is_told(
    client: Client, listener: Listener, biz: dict[str, Any], until: Until, by_form: bool
) -> None:
    page = arrive(client, biz, by_form=by_form, return_url=BACK, notify_url=listener.url)
    assert "¥5.00" in page
    assert "青禾茶事" in page
    which = {"out_trade_no": "W1"}
    assert client.call("alipay.trade.query", which).sub_code == "ACQ.TRADE_NOT_EXIST"
    answer = act(client, page, "confirm")
    assert answer.status_code == 302
    url = urlsplit(answer.headers["Location"])
    back = dict(parse_qsl(url.query))
    assert back.pop("a") == "1"
    assert "trade_status" not in back
    assert back["method"] == "alipay.trade.wap.pay.return"
    client.verify(sign_text(back, ("sign", "sign_type")).encode(), back["sign"])
    found = client.call("alipay.trade.query", which).node
    assert (found["trade_status"], found["buyer_user_id"]) == ("TRADE_SUCCESS", ZHOU)
    until(lambda: listener.bodies)
    assert listener.notices()[0]["trade_status"] == "TRADE_SUCCESS"
    assert "ACQ.TRADE_HAS_SUCCESS" in act(client, page, "confirm").text
    assert "ACQ.TRADE_HAS_SUCCESS" in arrive(client, biz)


def test_leaving_goes_to_quit_url_and_the_time_out_is_told(
    client: Client, listener: Listener, biz: dict[str, Any], until: Until, world: World
) -> None:
    page = arrive(client, biz, return_url=BACK, notify_url=listener.url)
    assert act(client, page, "cancel").headers["Location"] == biz["quit_url"]
    assert "ACQ.PAYMENT_FAIL" in act(client, page, "fail").text
    assert "ACQ.TRADE_BUYER_NOT_MATCH" not in act(client, page, "cancel", "chen").text
    world.clock.advance(15 * 86400)
    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    assert notice["trade_status"] == "TRADE_CLOSED"
    assert "refund_fee" not in notice
    assert "ACQ.TRADE_HAS_CLOSE" in act(client, page, "confirm").text


def test_a_taken_back_payment_is_told_as_closed_with_the_refund(
    client: Client, listener: Listener, biz: dict[str, Any], until: Until
) -> None:
    act(client, arrive(client, biz, notify_url=listener.url), "confirm")
    until(lambda: len(listener.bodies) == 1)
    client.call("alipay.trade.cancel", {"out_trade_no": "W1"})
    until(lambda: len(listener.bodies) == 2)
    notice = listener.notices()[1]
    assert (notice["trade_status"], notice["refund_fee"]) == ("TRADE_CLOSED", "5.00")
    assert re.fullmatch(r".{19}\.\d{3}", notice["gmt_refund"])


def test_a_forged_order_ends_on_a_page(client: Client, biz: dict[str, Any]) -> None:
    params = client.signed(client.params("alipay.trade.wap.pay", biz))
    params["biz_content"] = params["biz_content"].replace("5.00", "0.01")
    page = client.http.get(f"{client.url}?{encoded(params)}", timeout=10)
    assert page.status_code == 200
    assert "isv.invalid-signature" in page.text


def test_what_comes_from_outside_is_escaped_in_pages(client: Client, biz: dict[str, Any]) -> None:
    page = arrive(client, biz | {"subject": "<script>alert(1)<\\u002fscript>"})
    assert "<script" not in page
