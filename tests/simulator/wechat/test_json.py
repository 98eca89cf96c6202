"""Bodies that JSON allows and no wallet could send back: refused, never an error of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import BASE, Changes, Merchant, dumps

HALF = "\ud800"  # one half of a character; json.dumps writes it as an escape
REFUNDS = "/v3/refund/domestic/refunds"
GOLD_PLAN = "/v3/goldplan/merchants/changegoldplanstatus"


@pytest.mark.parametrize("name", ["description", "attach", "out_trade_no", "notify_url", "x"])
def test_half_a_character_is_no_order(shop: Merchant, lin: str, name: str) -> None:
    body = json.dumps(shop.order(lin) | {name: f"茶{HALF}"}).encode()
    answer = shop.call("POST", f"{BASE}/jsapi", body)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("target", [REFUNDS, GOLD_PLAN])
def test_half_a_character_anywhere_in_v3(shop: Merchant, target: str) -> None:
    answer = shop.call("POST", target, json.dumps({"sub_mchid": HALF}).encode())
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")


def test_a_whole_character_as_two_escapes_is_taken(shop: Merchant, lin: str) -> None:
    body = json.dumps(shop.order(lin, description="茶🍵")).encode()
    assert b"\\ud83c\\udf75" in body
    assert shop.call("POST", f"{BASE}/jsapi", body).status == 200


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "gbk"])
def test_a_body_is_utf8_without_a_mark(shop: Merchant, lin: str, codec: str) -> None:
    body = json.dumps(shop.order(lin, description="茶"), ensure_ascii=False).encode(codec)
    answer = shop.call("POST", f"{BASE}/jsapi", body)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")


def test_without_a_body_the_body_is_missed_and_not_its_type(shop: Merchant) -> None:
    """Content-Type is wanted when there is a body (A0)."""
    bare = Changes(headers={"Content-Type": None})
    answer = shop.call("POST", f"{BASE}/out-trade-no/nobody123/close", None, bare)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")
    answer = shop.call("POST", f"{BASE}/out-trade-no/nobody123/close", shop.parties(), bare)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


OA_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("menu/create", {"button": [{"type": "click", "name": HALF, "key": "k"}]}),
    ("qrcode/create", {"action_name": "QR_STR_SCENE", "action_info": {"scene": HALF}}),
    ("message/template/send", {"touser": HALF, "template_id": "x", "data": {}}),
    ("tags/create", {"tag": {"name": HALF}}),
    ("stable_token", {"grant_type": "client_credential", "appid": HALF, "secret": "x"}),
]


def answered(sim: Simulator, path: str, body: bytes, kind: str = "application/json") -> Any:
    answer = sim.http.post(sim.url + path, data=body, headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def token(sim: Simulator, shop: Merchant, kind: str = "application/json") -> str:
    account = shop.creds["accounts"][0]
    body = {"grant_type": "client_credential"} | {n: account[n] for n in ("appid", "secret")}
    return str(answered(sim, "/cgi-bin/stable_token", dumps(body), kind)["access_token"])


@pytest.mark.parametrize(("call", "body"), OA_CALLS, ids=[path for path, _ in OA_CALLS])
def test_half_a_character_at_the_official_account(
    sim: Simulator, shop: Merchant, call: str, body: dict[str, Any]
) -> None:
    path = f"/cgi-bin/{call}?access_token={token(sim, shop)}"
    assert answered(sim, path, json.dumps(body).encode())["errcode"] == 47001


def test_cards_read_as_strictly(sim: Simulator, shop: Merchant) -> None:
    path = f"/card/create?access_token={token(sim, shop)}"
    for body in (json.dumps({"card": HALF}).encode(), b'{"card":{},"card":{}}', b"\xef\xbb\xbf{}"):
        assert answered(sim, path, body)["errcode"] == 47001
    path = path.replace("create", "qrcode/create")
    assert answered(sim, path, b"[" * 5000)["errcode"] == 47001


def test_a_token_is_given_whatever_the_body_is_called(sim: Simulator, shop: Merchant) -> None:
    """WeChat reads the bodies of official accounts without looking at Content-Type."""
    assert token(sim, shop, "application/x-www-form-urlencoded")
