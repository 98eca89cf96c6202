"""Cards in WeChat's wallet at the simulator: every field, token and state that it refuses."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant

CARD: dict[str, Any] = {
    "card": {
        "card_type": "MEMBER_CARD",
        "member_card": {
            "base_info": {
                "logo_url": "https://mmbiz.qlogo.cn/logo.png",
                "brand_name": "南窗面馆",
                "code_type": "CODE_TYPE_NONE",
                "title": "南窗会员",
                "color": "Color010",
                "notice": "付款时出示",
                "description": "会员储值卡",
                "date_info": {"type": "DATE_TYPE_PERMANENT"},
                "sku": {"quantity": 100},
                "use_custom_code": True,
            },
            "supply_bonus": False,
            "supply_balance": False,
            "prerogative": "会员价",
            "activate_url": "https://pay.example.com/card/1/2",
            "custom_field1": {"name": "余额", "url": "https://pay.example.com/card/1/2"},
        },
    }
}


def token(sim: Simulator, shop: Merchant, **more: Any) -> dict[str, Any]:
    body = {
        "grant_type": "client_credential",
        "appid": shop.creds["sp_appid"],
        "secret": shop.creds["oa_secret"],
    } | more
    found: dict[str, Any] = sim.post("/cgi-bin/stable_token", body)
    return found


def call(sim: Simulator, shop: Merchant, path: str, body: dict[str, Any]) -> dict[str, Any]:
    access = token(sim, shop)["access_token"]
    found: dict[str, Any] = sim.post(f"{path}?access_token={access}", body)
    return found


def made(sim: Simulator, shop: Merchant) -> str:
    return str(call(sim, shop, "/card/create", CARD)["card_id"])


def extension(sim: Simulator, shop: Merchant, card_id: str, code: str) -> dict[str, str]:
    access = token(sim, shop)["access_token"]
    ticket = sim.get(f"/cgi-bin/ticket/getticket?access_token={access}&type=wx_card")["ticket"]
    values = sorted([ticket, "1700000000", card_id, code, "n1"])
    signature = hashlib.sha1("".join(values).encode()).hexdigest()
    said = {"code": code, "timestamp": "1700000000", "nonce_str": "n1", "signature": signature}
    return {"cardId": card_id, "cardExt": json.dumps(said)}


def take(sim: Simulator, given: dict[str, str], person: str, status: int = 200) -> dict[str, Any]:
    found: dict[str, Any] = sim.post("/sim/wechat/cards/take", {"person": person, **given}, status)
    return found


def test_stable_token_stays_the_same_until_it_is_nearly_over(
    sim: Simulator, shop: Merchant
) -> None:
    first = token(sim, shop)
    assert token(sim, shop)["access_token"] == first["access_token"]
    sim.advance(6950)
    assert token(sim, shop)["access_token"] != first["access_token"]
    assert token(sim, shop, secret="wrong")["errcode"] == 40125
    assert token(sim, shop, appid="wx0")["errcode"] == 40013
    assert token(sim, shop, grant_type="x")["errcode"] == 40002
    assert token(sim, shop, more=1)["errcode"] == 47001


def test_a_card_goes_the_whole_way(sim: Simulator, shop: Merchant) -> None:
    card_id = made(sim, shop)
    status = call(sim, shop, "/card/get", {"card_id": card_id})
    assert status["card"]["member_card"]["base_info"]["status"] == "CARD_STATUS_VERIFY_OK"
    take(sim, extension(sim, shop, card_id, "111122223333"), "lin")
    known = {"card_id": card_id, "code": "111122223333"}
    assert call(sim, shop, "/card/membercard/updateuser", known)["errcode"] == 40127
    number = known | {"membership_number": "111122223333", "init_custom_field_value1": "¥1.00"}
    assert call(sim, shop, "/card/membercard/activate", number)["errcode"] == 0
    shown = call(sim, shop, "/card/membercard/updateuser", known | {"custom_field_value1": "¥2.00"})
    assert shown["errcode"] == 0
    (row,) = sim.get("/sim/wechat/cards")
    assert row["held"]["111122223333"]["shown"] == {"custom_field_value1": "¥2.00"}


BAD: list[tuple[str, Any, int]] = [
    ("member_card.supply_balance", True, 43010),
    ("member_card.supply_bonus", True, 43011),
    ("member_card.supply_balance", None, 41011),
    ("member_card.nonsense", 1, 47001),
    ("member_card.activate_url", None, 41011),
    ("member_card.auto_activate", True, 41011),
    ("base_info.title", "一二三四五六七八九十", 45021),
    ("base_info.title", None, 41011),
    ("base_info.color", "Color011", 40094),
    ("base_info.logo_url", "logo.png", 40066),
    ("base_info.code_type", "QR", 40072),
    ("base_info.date_info", {"type": "FOREVER"}, 40079),
    ("base_info.sku", {"quantity": 100_000_001}, 40122),
    ("base_info.sku", {"quantity": "100"}, 40122),
    ("base_info.nonsense", "x", 47001),
    ("base_info.notice", "长" * 17, 45021),
]


@pytest.mark.parametrize(("where", "value", "code"), BAD, ids=[f"{w}={v}" for w, v, _ in BAD])
def test_a_field_that_is_wrong_is_refused(
    sim: Simulator, shop: Merchant, where: str, value: Any, code: int
) -> None:
    body = copy.deepcopy(CARD)
    part, _, name = where.partition(".")
    place = body["card"]["member_card"]
    place = place["base_info"] if part == "base_info" else place
    if value is None:
        del place[name]
    else:
        place[name] = value
    assert call(sim, shop, "/card/create", body)["errcode"] == code
    assert sim.get("/sim/wechat/cards") == []


def test_tokens_permissions_and_other_accounts(sim: Simulator, shop: Merchant) -> None:
    assert sim.post("/card/create", CARD)["errcode"] == 41001
    assert sim.post("/card/create?access_token=x", CARD)["errcode"] == 40001
    access = token(sim, shop)["access_token"]
    sim.advance(7201)
    assert sim.post(f"/card/create?access_token={access}", CARD)["errcode"] == 42001
    sim.switch(wechat__card_permission="off")
    assert call(sim, shop, "/card/create", CARD)["errcode"] == 48001
    sim.switch(wechat__card_permission="on", wechat__card_custom_code="off")
    assert call(sim, shop, "/card/create", CARD)["errcode"] == 43009


def test_nothing_works_before_the_review(sim: Simulator, shop: Merchant) -> None:
    sim.switch(wechat__card_review="wait")
    card_id = made(sim, shop)
    known = {"card_id": card_id, "code": "1", "membership_number": "1"}
    assert call(sim, shop, "/card/membercard/activate", known)["errcode"] == 40078
    assert take(sim, extension(sim, shop, card_id, "1"), "lin", 400)["code"] == 40078
    sim.post(f"/sim/wechat/cards/{card_id}/review", {"as": "pass"})
    assert call(sim, shop, "/card/membercard/activate", known)["errcode"] == 40056  # not taken
    missing = {"code": "1", "membership_number": "1"}
    assert call(sim, shop, "/card/membercard/activate", missing)["errcode"] == 41012
    assert call(sim, shop, "/card/get", {"card_id": "p0"})["errcode"] == 40073


def test_a_signature_that_is_wrong_puts_nothing_into_a_wallet(
    sim: Simulator, shop: Merchant
) -> None:
    card_id = made(sim, shop)
    good = extension(sim, shop, card_id, "777")
    other = json.loads(good["cardExt"]) | {"code": "778"}
    assert take(sim, good | {"cardExt": json.dumps(other)}, "lin", 400)["code"] == 40084
    assert take(sim, good, "lin") == {"code": "777"}
    assert take(sim, good, "zhou", 400)["code"] == 40056  # somebody has it
    assert take(sim, extension(sim, shop, card_id, "779"), "lin", 400)["code"] == 45031


def test_a_code_puts_the_card_into_a_wallet(sim: Simulator, shop: Merchant) -> None:
    card_id = made(sim, shop)
    body = {"action_name": "QR_CARD", "action_info": {"card": {"card_id": card_id, "code": "55"}}}
    url = call(sim, shop, "/card/qrcode/create", body)["url"]
    assert take(sim, {"url": url}, "lin") == {"code": "55"}
    no_code = {"action_name": "QR_CARD", "action_info": {"card": {"card_id": card_id}}}
    assert call(sim, shop, "/card/qrcode/create", no_code)["errcode"] == 40056


@pytest.mark.parametrize(
    "body",
    [{}, {"phone": "13812345678"}, {"phone": "1381234567", "text": "x"},
     {"phone": "13812345678", "text": ""}, {"phone": "13812345678", "text": "x", "more": 1}],
)  # fmt: skip
def test_a_message_that_is_wrong_is_refused(sim: Simulator, body: dict[str, Any]) -> None:
    assert sim.post("/sim/sms", body, 400)["code"] == "PARAM_ERROR"
    assert sim.get("/sim/sms") == []
