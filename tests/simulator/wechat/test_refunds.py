"""Refunds as an integrator meets them, from wechat.md A7, A9 and A10."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.simulator.conftest import Listener, Simulator
from tests.simulator.wechat.client import Answer, Changes, Merchant
from tests.simulator.wechat.test_notify import opened, pay

REFUNDS = "/v3/refund/domestic/refunds"
TOTAL = 1230


def ask(
    shop: Merchant,
    number: str,
    refund_no: str,
    fen: int,
    changes: Changes | None = None,
    **more: Any,
) -> Answer:
    body = {
        "sub_mchid": shop.parties()["sub_mchid"],
        "out_trade_no": number,
        "out_refund_no": refund_no,
        "amount": {"refund": fen, "total": TOTAL, "currency": "CNY"},
    } | more
    given = {k: v for k, v in body.items() if v is not None}
    return shop.call("POST", REFUNDS, given, changes)


def look(shop: Merchant, refund_no: str) -> Answer:
    return shop.call("GET", f"{REFUNDS}/{refund_no}?sub_mchid={shop.parties()['sub_mchid']}")


@pytest.fixture
def paid(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> str:
    number = pay(sim, shop, lin, listener.url)
    listener.wait(1)
    listener.heard.clear()
    return number


def test_accepted_then_done_by_itself_and_told(
    sim: Simulator, shop: Merchant, paid: str, listener: Listener
) -> None:
    answer = ask(shop, paid, "R1", 230, notify_url=listener.url)
    assert answer.status == 200, answer.body.decode()
    assert answer.json["status"] == "PROCESSING"
    assert "success_time" not in answer.json
    assert shop.query(paid).json["trade_state"] == "REFUND"
    sim.advance(3)
    heard = listener.wait(1)[0]
    assert shop.verify(heard.headers, heard.body)
    envelope = json.loads(heard.body)
    assert envelope["event_type"] == "REFUND.SUCCESS"
    assert envelope["resource"]["original_type"] == "refund"
    said = opened(shop, heard)
    assert said["refund_status"] == "SUCCESS"
    assert said["amount"] == {
        "total": TOTAL, "refund": 230, "payer_total": TOTAL, "payer_refund": 230
    }  # fmt: skip
    assert {"channel", "funds_account", "status"} & set(said) == set()
    found = look(shop, "R1").json
    assert (found["status"], found["success_time"]) == ("SUCCESS", said["success_time"])
    (row,) = [t for t in sim.get("/sim/books") if t["out_trade_no"] == paid]
    assert row["refunds"] == [
        {"out_refund_no": "R1", "amount_fen": 230, "state": "SUCCESS", "funds_account": "UNSETTLED"}
    ]


def test_without_a_notify_url_apiv2s_xml_is_sent(
    sim: Simulator, shop: Merchant, paid: str, listener: Listener
) -> None:
    ask(shop, paid, "R1", 230, funds_account="AVAILABLE")
    sim.advance(3)
    heard = listener.wait(1)[0]
    fields = dict(re.findall(r"<(\w+)><!\[CDATA\[(.*?)\]\]>", heard.body.decode()))
    key = hashlib.md5(shop.creds["apiv2_key"].encode(), usedforsecurity=False).hexdigest()
    opener = Cipher(algorithms.AES(key.encode()), modes.ECB()).decryptor()
    text = opener.update(base64.b64decode(fields["req_info"])) + opener.finalize()
    inside = dict(re.findall(r"<(\w+)><!\[CDATA\[(.*?)\]\]>", text[: -text[-1]].decode()))
    assert inside["out_refund_no"] == "R1"
    assert (inside["refund_status"], inside["refund_fee"]) == ("SUCCESS", "230")
    assert inside["refund_account"] == "REFUND_SOURCE_RECHARGE_FUNDS"


def test_the_same_number_is_the_same_refund(sim: Simulator, shop: Merchant, paid: str) -> None:
    first = ask(shop, paid, "R1", 230)
    again = ask(shop, paid, "R1", 230)
    assert first.json["refund_id"] == again.json["refund_id"]
    other = ask(shop, paid, "R1", 231)
    assert (other.status, other.code) == (400, "INVALID_REQUEST")


def test_never_more_than_was_paid(sim: Simulator, shop: Merchant, paid: str) -> None:
    sim.switch(wechat__refund_spacing_s="0")
    assert ask(shop, paid, "R1", 1000).status == 200
    over = ask(shop, paid, "R2", 231)
    assert (over.status, over.code) == (400, "INVALID_REQUEST")
    assert ask(shop, paid, "R3", 230).status == 200


def test_a_closed_refund_gives_its_room_back(sim: Simulator, shop: Merchant, paid: str) -> None:
    sim.switch(wechat__refund_spacing_s="0")
    sim.switch(wechat__refund_outcome="closed")
    ask(shop, paid, "R1", TOTAL)
    sim.advance(3)
    assert look(shop, "R1").json["status"] == "CLOSED"
    sim.switch(wechat__refund_outcome="abnormal")
    ask(shop, paid, "R2", TOTAL)
    sim.advance(3)
    assert look(shop, "R2").json["status"] == "ABNORMAL"
    assert ask(shop, paid, "R3", 1).code == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": {"refund": 1, "total": TOTAL + 1, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
        ({"out_trade_no": "NOSUCH0001"}, 404, "RESOURCE_NOT_EXISTS"),
        ({"out_trade_no": None}, 400, "PARAM_ERROR"),
        ({"sub_mchid": "1999999999"}, 404, "MCH_NOT_EXISTS"),
    ],
)
def test_refused(shop: Merchant, paid: str, change: dict[str, Any], status: int, code: str) -> None:
    answer = ask(shop, paid, "R1", 1, **change)
    assert (answer.status, answer.code) == (status, code), answer.body.decode()
    assert look(shop, "R1").status == 404


def test_the_balance_pays_where_unsettled_money_is_too_little(
    sim: Simulator, shop: Merchant, paid: str
) -> None:
    sim.switch(wechat__merchant_funds="unsettled_short")
    for account in (None, "UNSETTLED"):
        short = ask(shop, paid, "R1", 10, funds_account=account)
        assert (short.status, short.code) == (403, "NOT_ENOUGH")
    assert ask(shop, paid, "R1", 10, funds_account="BALANCE").code == "PARAM_ERROR"
    made = ask(shop, paid, "R1", 10, funds_account="AVAILABLE")
    assert (made.status, made.json["funds_account"]) == (200, "AVAILABLE")
    assert look(shop, "R1").json["funds_account"] == "AVAILABLE"
    other = ask(shop, paid, "R1", 10, funds_account="UNSETTLED")
    assert (other.status, other.code) == (400, "INVALID_REQUEST")


def test_unpaid_short_of_money_and_too_fast(
    sim: Simulator, shop: Merchant, lin: str, paid: str
) -> None:
    unpaid = shop.order(lin)
    shop.place(unpaid)
    assert ask(shop, unpaid["out_trade_no"], "R0", 1).code == "RESOURCE_NOT_EXISTS"
    sim.switch(wechat__merchant_funds="short")
    short = ask(shop, paid, "R1", 10)
    assert (short.status, short.code) == (403, "NOT_ENOUGH")
    sim.switch(wechat__merchant_funds="enough")
    assert ask(shop, paid, "R1", 10).status == 200
    fast = ask(shop, paid, "R2", 10)
    assert (fast.status, fast.code) == (429, "FREQUENCY_LIMITED")
    sim.advance(61)
    assert ask(shop, paid, "R2", 10).status == 200


def test_after_a_year_it_is_too_late(sim: Simulator, shop: Merchant, paid: str) -> None:
    sim.advance(365 * 86400 + 60)
    late = Changes(timestamp=int(sim.get("/sim/clock")["time"]))
    answer = ask(shop, paid, "R1", 1, late)
    assert answer.code == "INVALID_REQUEST"
    assert "一年" in answer.json["message"]
