"""The thin road: identity, create, tradePay, notice, query, close, cancel, precreate, pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from simulator.world import World
from tests.simulator.alipay.client import Client, sign_text
from tests.simulator.alipay.conftest import LIN, ZHOU, Listener

Phone = Callable[..., requests.Response]
Until = Callable[[Callable[[], Any]], None]


def trade_of(client: Client, number: str = "T20261122000001") -> dict[str, Any]:
    return client.call("alipay.trade.query", {"out_trade_no": number}).node


def books(client: Client) -> list[dict[str, Any]]:
    return list(requests.get(f"{client.base}/sim/books", timeout=10).json())


def test_a_created_trade_is_paid_on_the_phone_told_and_found_paid(
    client: Client, listener: Listener, phone: Phone, order: dict[str, Any], until: Until
) -> None:
    made = client.call("alipay.trade.create", order, notify_url=listener.url)
    assert (made.status, made.code, made.root) == (200, "10000", "alipay_trade_create_response")
    assert made.headers["Content-Type"] == "text/html;charset=utf-8"
    assert made.headers["trace_id"]
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"

    paid = phone("confirm", made.node["trade_no"])
    assert (paid.status_code, paid.json()["resultCode"]) == (200, "9000")

    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    text = sign_text(notice, ("sign", "sign_type"))
    client.verify(text.encode(), notice["sign"])
    assert notice["trade_status"] == "TRADE_SUCCESS"
    assert notice["total_amount"] == "12.30"
    assert notice["app_id"] == "2021000000000001"
    assert notice["auth_app_id"] == "2021000000000109"
    assert notice["seller_id"] == "2088000000000109"
    assert notice["buyer_id"] == LIN
    assert notice["subject"] == order["subject"]

    found = trade_of(client)
    assert found["trade_status"] == "TRADE_SUCCESS"
    assert found["total_amount"] == "12.30"
    assert found["trade_no"] == made.node["trade_no"] == notice["trade_no"]
    assert found["fund_bill_list"] == [{"fund_channel": "ALIPAYACCOUNT", "amount": "12.30"}]
    assert found["send_pay_date"] == notice["gmt_payment"]
    (row,) = books(client)
    assert row["channel"] == "alipay"
    assert row["mchid"] == "2088000000000001"
    assert row["sub_mchid"] == "2088000000000109"
    assert (row["amount_fen"], row["state"]) == (1230, "TRADE_SUCCESS")


def test_cancel_and_failure_on_the_phone_leave_the_trade_unpaid(
    client: Client, phone: Phone, order: dict[str, Any]
) -> None:
    no = client.call("alipay.trade.create", order).node["trade_no"]
    assert phone("cancel", no).json()["resultCode"] == "6001"
    assert phone("fail", no).json()["resultCode"] == "4000"
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"
    assert phone("confirm", no).json()["resultCode"] == "9000"


def test_the_phone_refuses_unknown_paid_closed_and_other_peoples_trades(
    client: Client, phone: Phone, order: dict[str, Any], world: World
) -> None:
    def code(answer: requests.Response) -> str:
        assert answer.status_code == 400
        assert answer.json()["resultCode"] == "4000"
        assert answer.json()["message"]
        return str(answer.json()["code"])

    no = client.call("alipay.trade.create", order).node["trade_no"]
    assert code(phone("confirm", "2026112222001000000000000")) == "TRADE_NOT_EXIST"
    assert code(phone("confirm", no, person="zhou")) == "TRADE_BUYER_NOT_MATCH"
    assert code(phone("confirm", no, user_id=ZHOU)) == "TRADE_BUYER_NOT_MATCH"
    assert code(phone("confirm", no, user_id="2088999999999999")) == "BUYER_NOT_EXIST"
    assert code(phone("confirm")) == "isv.invalid-parameter"
    assert phone("confirm", no).status_code == 200
    assert code(phone("confirm", no)) == "TRADE_HAS_SUCCESS"
    late = client.call("alipay.trade.create", order | {"out_trade_no": "LATE01"}).node["trade_no"]
    world.clock.advance(3 * 3600)
    assert code(phone("confirm", late)) == "TRADE_HAS_CLOSE"


def test_an_unpaid_trade_closes_after_three_hours_without_being_asked(
    client: Client, listener: Listener, order: dict[str, Any], world: World, until: Until
) -> None:
    client.call("alipay.trade.create", order, notify_url=listener.url)
    world.clock.advance(3 * 3600 - 2)
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"
    world.clock.advance(3)
    until(lambda: books(client)[0]["state"] == "TRADE_CLOSED")
    assert client.call("alipay.trade.create", order).sub_code == "ACQ.TRADE_HAS_CLOSE"
    assert listener.bodies == []  # F2F does not announce closing


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"timeout_express": "1m"}, 60),
        ({"timeout_express": "2h"}, 7200),
        ({"timeout_express": "15d"}, 15 * 86400),
    ],
)
def test_timeout_express_sets_the_end(
    client: Client, order: dict[str, Any], world: World, more: dict[str, str], seconds: int
) -> None:
    client.call("alipay.trade.create", order | more)
    world.clock.advance(seconds - 5)
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"
    world.clock.advance(5)
    assert trade_of(client)["trade_status"] == "TRADE_CLOSED"


def test_close_takes_only_an_unpaid_existing_trade(
    client: Client, phone: Phone, order: dict[str, Any]
) -> None:
    which = {"out_trade_no": order["out_trade_no"]}
    assert client.call("alipay.trade.close", which).sub_code == "ACQ.TRADE_NOT_EXIST"
    no = client.call("alipay.trade.create", order).node["trade_no"]
    closed = client.call("alipay.trade.close", {"trade_no": no})
    assert (closed.code, closed.node["out_trade_no"]) == ("10000", order["out_trade_no"])
    assert client.call("alipay.trade.close", which).sub_code == "ACQ.TRADE_STATUS_ERROR"
    paid = {"out_trade_no": "PAID01"}
    phone("confirm", client.call("alipay.trade.create", order | paid).node["trade_no"])
    assert client.call("alipay.trade.close", paid).sub_code == "ACQ.TRADE_STATUS_ERROR"


def test_cancel_closes_refunds_or_has_nothing_to_do(
    client: Client, phone: Phone, order: dict[str, Any]
) -> None:
    which = {"out_trade_no": order["out_trade_no"]}
    nothing = client.call("alipay.trade.cancel", which)
    assert (nothing.code, nothing.node["retry_flag"]) == ("10000", "N")
    assert "action" not in nothing.node
    client.call("alipay.trade.create", order)
    assert client.call("alipay.trade.cancel", which).node["action"] == "close"
    paid = {"out_trade_no": "PAID01"}
    phone("confirm", client.call("alipay.trade.create", order | paid).node["trade_no"])
    for _ in range(2):
        assert client.call("alipay.trade.cancel", paid).node["action"] == "refund"
    found = trade_of(client, "PAID01")
    assert found["trade_status"] == "TRADE_CLOSED"
    assert found["send_pay_date"]
    row = next(r for r in books(client) if r["out_trade_no"] == "PAID01")
    assert [r["amount_fen"] for r in row["refunds"]] == [1230]


def test_a_paid_trade_cannot_be_cancelled_after_a_day(
    client: Client, phone: Phone, order: dict[str, Any], world: World
) -> None:
    phone("confirm", client.call("alipay.trade.create", order).node["trade_no"])
    world.clock.advance(86401)
    which = {"out_trade_no": order["out_trade_no"]}
    assert client.call("alipay.trade.cancel", which).sub_code == "ACQ.TRADE_CANCEL_TIME_OUT"


def test_a_repeat_is_the_same_trade_and_a_differing_one_is_refused(
    client: Client, phone: Phone, order: dict[str, Any]
) -> None:
    first = client.call("alipay.trade.create", order).node
    assert client.call("alipay.trade.create", order).node["trade_no"] == first["trade_no"]
    for more in ({"total_amount": "12.31"}, {"subject": "别的"}):
        no = client.call("alipay.trade.create", order | more)
        assert no.sub_code == "ACQ.CONTEXT_INCONSISTENT"
    other = client.call("alipay.trade.create", order | {"buyer_id": ZHOU})
    assert other.sub_code == "ACQ.TRADE_BUYER_NOT_MATCH"
    phone("confirm", first["trade_no"])
    assert client.call("alipay.trade.create", order).sub_code == "ACQ.TRADE_HAS_SUCCESS"


def test_a_number_belongs_to_one_merchant(client: Client, order: dict[str, Any]) -> None:
    client.call("alipay.trade.create", order)
    other = Client(client.base, client.holdings, client.holdings["merchants"][1]["app_auth_token"])
    assert other.call("alipay.trade.query", {"out_trade_no": order["out_trade_no"]}).sub_code == (
        "ACQ.TRADE_NOT_EXIST"
    )
    no = trade_of(client)["trade_no"]
    assert other.call("alipay.trade.query", {"trade_no": no}).sub_code == "ACQ.TRADE_NOT_EXIST"
    assert other.call("alipay.trade.create", order | {"subject": "另一家"}).code == "10000"
    other.http.close()


def test_a_precreated_trade_does_not_exist_until_it_is_scanned(
    client: Client, phone: Phone, order: dict[str, Any], world: World
) -> None:
    del order["buyer_id"]
    which = {"out_trade_no": order["out_trade_no"]}
    code = client.call("alipay.trade.precreate", order).node["qr_code"]
    assert code.startswith("https://qr.alipay.com/bax")
    assert client.call("alipay.trade.precreate", order).node["qr_code"] == code
    differs = client.call("alipay.trade.precreate", order | {"total_amount": "1.00"})
    assert differs.sub_code == "ACQ.CONTEXT_INCONSISTENT"
    for method in ("query", "close"):
        assert client.call(f"alipay.trade.{method}", which).sub_code == "ACQ.TRADE_NOT_EXIST"
    assert books(client) == []
    assert phone("cancel", qrCode=code, person="zhou").json()["resultCode"] == "6001"
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"
    assert phone("confirm", qrCode=code, person="zhou").json()["resultCode"] == "9000"
    assert trade_of(client)["buyer_user_id"] == ZHOU
    late = client.call("alipay.trade.precreate", order | {"out_trade_no": "LATE01"})
    world.clock.advance(7200)
    assert phone("confirm", qrCode=late.node["qr_code"]).json()["code"] == "TRADE_NOT_EXIST"


def test_a_cancelled_code_is_void(client: Client, phone: Phone, order: dict[str, Any]) -> None:
    del order["buyer_id"]
    code = client.call("alipay.trade.precreate", order).node["qr_code"]
    client.call("alipay.trade.cancel", {"out_trade_no": order["out_trade_no"]})
    assert phone("confirm", qrCode=code).json()["code"] == "TRADE_NOT_EXIST"


def _pay(client: Client, order: dict[str, Any], code: str) -> dict[str, Any]:
    biz = {k: v for k, v in order.items() if k != "buyer_id"}
    return client.call("alipay.trade.pay", biz | {"scene": "bar_code", "auth_code": code}).node


def _shown_code(client: Client, person: str = "zhou") -> str:
    url = f"{client.base}/sim/alipay/paycode"
    return str(requests.post(url, json={"person": person}, timeout=10).json()["auth_code"])


def test_a_payment_code_pays_once_within_a_minute(
    client: Client, order: dict[str, Any], world: World
) -> None:
    code = _shown_code(client)
    paid = _pay(client, order, code)
    assert (paid["code"], paid["receipt_amount"]) == ("10000", "12.30")
    assert paid["buyer_user_id"] == ZHOU
    assert _pay(client, order, code)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    again = order | {"out_trade_no": "AGAIN1"}
    assert _pay(client, again, code)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert _pay(client, again, "1" * 18)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    old = _shown_code(client)
    world.clock.advance(60)
    assert _pay(client, again, old)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"


def test_a_payment_may_wait_for_the_password(
    client: Client, phone: Phone, order: dict[str, Any], world: World
) -> None:
    world.switches.set("alipay.pay_result", "10003")
    waits = _pay(client, order, _shown_code(client))
    assert (waits["code"], waits["msg"]) == ("10003", " order success pay inprocess")
    assert waits["receipt_amount"] == "0.00"
    assert trade_of(client)["trade_status"] == "WAIT_BUYER_PAY"
    phone("confirm", waits["trade_no"], person="zhou")
    assert trade_of(client)["trade_status"] == "TRADE_SUCCESS"


def test_the_payer_is_known_by_a_code_that_works_once(client: Client, world: World) -> None:
    code = auth_code(client, "chen")
    params = {"grant_type": "authorization_code", "code": code}
    first = client.call("alipay.system.oauth.token", None, **params)
    assert first.root == "alipay_system_oauth_token_response"
    assert "code" not in first.node
    assert "msg" not in first.node
    assert first.node["user_id"] == "2088102000000003"
    assert first.node["open_id"]
    assert first.sign
    again = client.call("alipay.system.oauth.token", None, **params)
    assert (again.root, again.code, again.sub_code) == (
        "error_response",
        "40002",
        "isv.code-invalid",
    )
    late = auth_code(client)
    world.clock.advance(180)
    params["code"] = late
    assert client.call("alipay.system.oauth.token", None, **params).sub_code == "isv.code-invalid"
    params = {"grant_type": "refresh_token", "refresh_token": first.node["refresh_token"]}
    renewed = client.call("alipay.system.oauth.token", None, **params)
    assert renewed.node["user_id"] == "2088102000000003"
    spent = client.call("alipay.system.oauth.token", None, **params)
    assert spent.sub_code == "isv.refreshed-token-invalid"


def auth_code(client: Client, person: str = "lin") -> str:
    back = ask_consent(client, person=person)
    assert back.status_code == 302
    url = urlsplit(back.headers["Location"])
    assert url._replace(query="").geturl() == "http://127.0.0.1:8000/q/sz/CODE"
    query = dict(parse_qsl(url.query))
    assert query["app_id"] == client.app_id
    assert (query["scope"], query["state"], query["source"]) == ("auth_base", "s1", "alipay_wallet")
    return query["auth_code"]


def ask_consent(client: Client, person: str = "lin", **more: str) -> requests.Response:
    asked = {
        "app_id": client.app_id,
        "scope": "auth_base",
        "redirect_uri": "http://127.0.0.1:8000/q/sz/CODE",
        "state": "s1",
    }
    return requests.get(
        f"{client.base}/oauth2/publicAppAuthorize.htm",
        params=asked | more,
        cookies={"sim_person": person},
        allow_redirects=False,
        timeout=10,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_id": "2021999999999999"},
        {"scope": "auth_all"},
        {"redirect_uri": "https://evil.example/x"},
        {"redirect_uri": "javascript:alert(1)"},
        {"state": "s" * 101},
    ],
)
def test_a_wrong_consent_link_ends_on_a_page(client: Client, wrong: dict[str, str]) -> None:
    answer = ask_consent(client, **wrong)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
    assert "isv.invalid-" in answer.text


def test_auth_user_asks_first(client: Client) -> None:
    assert "同意" in ask_consent(client, scope="auth_user").text
    assert ask_consent(client, scope="auth_user", agree="yes").status_code == 302


def test_the_grant_can_be_looked_up(client: Client, world: World) -> None:
    mine = {"app_auth_token": client.holdings["app_auth_token"]}
    good = client.call("alipay.open.auth.token.app.query", mine, app_auth_token=None).node
    assert (good["status"], good["user_id"]) == ("valid", "2088000000000109")
    assert "alipay.trade.create" in good["auth_methods"]
    world.switches.set("alipay.token.2088000000000109", "expired")
    gone = client.call("alipay.open.auth.token.app.query", mine, app_auth_token=None).node
    assert gone["status"] == "invalid"
    for token, sub_code in (
        ("202611BBsimtokenother00508", "AUTH_TOKEN_NOT_CONSISTENT"),
        ("nobody", "AUTH_TOKEN_NOT_EXISTED"),
    ):
        no = client.call(
            "alipay.open.auth.token.app.query", {"app_auth_token": token}, app_auth_token=None
        )
        assert (no.code, no.sub_code) == ("40004", sub_code)
