"""Faults on calls, and the control calls themselves."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator.conftest import Simulator, own_simulator
from tests.simulator.wechat.client import BASE, Merchant


def test_drop_does_nothing(sim: Simulator, shop: Merchant, lin: str) -> None:
    sim.fault("wechat.jsapi", "drop")
    body = shop.order(lin)
    with pytest.raises((http.client.HTTPException, OSError)):
        shop.place(body)
    assert sim.books() == []
    assert shop.place(body).status == 200


def test_lose_answer_does_the_work(sim: Simulator, shop: Merchant, lin: str) -> None:
    sim.fault("wechat.jsapi", "lose_answer")
    body = shop.order(lin)
    with pytest.raises((http.client.HTTPException, OSError)):
        shop.place(body)
    assert [row["out_trade_no"] for row in sim.books()] == [body["out_trade_no"]]
    assert shop.place(body).status == 200


def test_error_by_code_and_path(sim: Simulator, shop: Merchant, lin: str) -> None:
    sim.fault("wechat.jsapi", "error")
    sim.fault(f"{BASE}/jsapi", "error", code="FREQUENCY_LIMITED")
    sim.fault("*", "error", code="NO_AUTH")
    found = [
        (a.status, a.code)
        for a in (shop.place(shop.order(lin)) for _ in range(4))
        if a.status != 200
    ]
    assert found == [(500, "SYSTEM_ERROR"), (429, "FREQUENCY_LIMITED"), (403, "NO_AUTH")]
    assert len(sim.books()) == 1


def test_faults_on_both_queries(sim: Simulator, shop: Merchant) -> None:
    for on in ("wechat.query", f"{BASE}/out-trade-no/T1234567"):
        sim.fault(on, "error")
        assert shop.query("T1234567").status == 500
        assert shop.query("T1234567").status == 404
    sim.fault("wechat.query", "error")
    query = "sp_mchid=1900000001&sub_mchid=1900000109"
    assert shop.call("GET", f"{BASE}/id/4200?{query}").status == 500


def test_delay(sim: Simulator, shop: Merchant) -> None:
    sim.fault("wechat.query", "delay", ms=150)
    begun = time.monotonic()
    shop.query("T1234567")
    assert time.monotonic() - begun >= 0.15


def test_wrong_amount_in_a_query(sim: Simulator, shop: Merchant, lin: str) -> None:
    body = shop.order(lin)
    shop.place(body)
    sim.fault("wechat.query", "wrong_amount")
    totals = [shop.query(body["out_trade_no"]).json["amount"]["total"] for _ in range(2)]
    assert totals == [1231, 1230]
    assert sim.books()[0]["amount_fen"] == 1230


def test_times_and_clearing(sim: Simulator, shop: Merchant) -> None:
    sim.fault("wechat.query", "error", times=2)
    assert [shop.query("T1234567").status for _ in range(3)] == [500, 500, 404]
    sim.fault("wechat.query", "error", times=2)
    assert sim.http.delete(f"{sim.url}/sim/faults", timeout=5).status_code == 200
    assert sim.get("/sim/faults") == []
    assert shop.query("T1234567").status == 404


def test_oauth_faults(sim: Simulator, shop: Merchant) -> None:
    sim.fault("wechat.oauth", "error")
    assert sim.get("/sns/oauth2/access_token")["errcode"] == -1
    sim.fault("wechat.oauth", "drop")
    with pytest.raises(requests.ConnectionError):
        sim.get("/sns/oauth2/access_token")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"on": "wechat.jsapi", "kind": "explode"}, "lose_answer"),
        ({"on": "wechat.fly", "kind": "drop"}, "wechat.jsapi"),
        ({"on": "/v3/nowhere", "kind": "drop"}, "/v3/certificates"),
        ({"on": "/sim/books", "kind": "drop"}, "wechat.jsapi"),
        ({"kind": "drop"}, "wechat.jsapi"),
        ({"on": "*", "kind": "drop", "times": 0}, "times"),
        ({"on": "*", "kind": "drop", "times": True}, "times"),
        ({"on": "*", "kind": "drop", "ms": -1}, "ms"),
        ({"on": "*", "kind": "drop", "how": 1}, "known"),
    ],
)
def test_senseless_faults(sim: Simulator, body: dict[str, Any], names: str) -> None:
    assert names in sim.post("/sim/faults", body, 400)["message"]
    assert sim.get("/sim/faults") == []


@pytest.mark.parametrize(
    "on",
    [
        "alipay.create",
        "alipay.wap",
        "alipay.oauth",
        "alipay.trade.wap.pay",
        "wechat.certificates",
        "*",
    ],
)
def test_operations_of_the_contract_are_known(sim: Simulator, on: str) -> None:
    sim.fault(on, "delay", ms=1)


def test_switches(sim: Simulator) -> None:
    assert sim.get("/sim/switches")["wechat.probe"]["value"] == "off"
    assert "known" in sim.post("/sim/switches", {"wechat.nothing": "x"}, 400)["message"]
    said = sim.post("/sim/switches", {"wechat.probe": "both", "wechat.snapshotuser": "maybe"}, 400)
    assert "on | off" in said["message"]
    assert sim.get("/sim/switches")["wechat.probe"]["value"] == "off"
    sim.switch(wechat__probe="both")
    sim.post("/sim/reset")
    assert sim.get("/sim/switches")["wechat.probe"]["value"] == "off"


def test_clock(sim: Simulator) -> None:
    now = time.time()
    sim.advance(100)
    sim.advance(20.5)
    sim.post("/sim/clock", {"skew_s": 1000})
    assert sim.get("/sim/clock")["time"] - now == pytest.approx(1120.5, abs=2)
    assert sim.home.joinpath("clock").read_text() == "120.500"
    for wrong in ({}, {"advance_s": "1"}, {"advance_s": True}, {"back": 1}, {"skew_s": 1e12}):
        sim.post("/sim/clock", wrong, 400)
    sim.post("/sim/reset")
    assert sim.home.joinpath("clock").read_text() == "0.000"


def test_trail_names_what_happened_without_secrets(
    sim: Simulator, shop: Merchant, lin: str
) -> None:
    body = shop.order(lin)
    shop.place(body)
    rows = sim.get("/sim/trail")
    assert [r["what"] for r in rows if r["out_trade_no"] == body["out_trade_no"]] == [
        "wechat.jsapi"
    ]
    assert lin not in str(rows)
    assert shop.creds["apiv3_key"] not in str(rows)


def test_credentials_have_the_fields_of_the_contract(sim: Simulator) -> None:
    said = sim.get("/sim/credentials")
    wanted = (
        "sp_mchid sp_appid sub_mchid merchant_private_key merchant_serial apiv3_key apiv2_key "
        "public_key_id public_key platform_certificate oa_secret sub_mchids merchants"
    )
    assert set(wanted.split()) <= set(said["wechat"])
    theirs = {"app_id", "app_private_key", "alipay_public_key", "app_auth_token"}
    assert theirs <= set(said["alipay"])


def test_unknown_sim_paths_say_so_in_json(sim: Simulator) -> None:
    answer = sim.http.get(f"{sim.url}/sim/nowhere", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (404, "Not Found")


def test_the_books_survive_a_restart_even_with_a_torn_last_line(tmp_path: Path) -> None:
    with own_simulator(tmp_path) as sim:
        shop = Merchant(sim.url, sim.get("/sim/credentials")["wechat"])
        body = shop.order()
        old = shop.place(body, "native").json["code_url"]
        shop.place(body, "native")
        link = shop.place(body, "native").json["code_url"]
        keys = shop.creds["merchant_private_key"]
        shop.hang_up()
    with (tmp_path / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"channel": "wec')
    with own_simulator(tmp_path) as sim:
        assert [row["state"] for row in sim.books()] == ["NOTPAY"]
        assert sim.get("/sim/credentials")["wechat"]["merchant_private_key"] == keys
        sim.post("/sim/wallet/wechat/pay", {"code_url": old, "act": "confirm"}, 400)
        sim.post("/sim/wallet/wechat/pay", {"code_url": link, "act": "confirm"})
        assert [row["state"] for row in sim.books()] == ["SUCCESS"]
    with own_simulator(tmp_path) as sim:
        assert [row["state"] for row in sim.books()] == ["SUCCESS"]
