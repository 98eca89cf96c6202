"""Deposits (押金) over APIv2, judged by wechatpy, which nobody here wrote."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator.freezes import Freeze, FreezeBook
from tests.simulator.conftest import Simulator, own_simulator
from tests.simulator.wechat.client import Merchant
from tests.simulator.wechat.deposit_client import Deposits, consumption, deposits_of
from tests.simulator.wechat.test_bills import download, go_to, now, rows, tradebill

DAY_S = 86400


@pytest.fixture
def desk(sim: Simulator, shop: Merchant) -> Deposits:
    return deposits_of(sim, shop)


def money(desk: Deposits, number: str = "DP0001") -> tuple[str, int, int, int]:
    row = desk.row(number)
    return row["state"], row["consumed_fen"], row["released_fen"], row["refunded_fen"]


def test_freeze_ten_consume_one_and_nine_go_back(desk: Deposits) -> None:
    held = desk.freeze(attach="房号 808")
    assert (held["result_code"], held["err_code"], held["total_fee"]) == (
        "SUCCESS", "SUCCESS", "1000",
    )  # fmt: skip
    assert (held["trade_type"], held["attach"]) == ("MICROPAY", "房号 808")
    assert (desk.query()["trade_state"], desk.sim.books()) == ("SUCCESS", [])
    assert money(desk) == ("SUCCESS", 0, 0, 0)
    done = desk.consume(100)
    assert (done["total_fee"], done["consume_fee"]) == ("1000", "100")
    asked = desk.call("orderquery", transaction_id=held["transaction_id"])
    assert (asked["trade_state"], asked["consume_fee"]) == ("CONSUMED", "100")
    assert money(desk) == ("CONSUMED", 100, 900, 0)
    [trade] = desk.sim.books()
    assert (trade["out_trade_no"], trade["transaction_id"], trade["amount_fen"]) == (
        "DP0001", held["transaction_id"], 100,
    )  # fmt: skip
    assert desk.row()["orders"] == ["DP0001"]
    assert desk.sim.get("/sim/outbox") == []


def test_a_consumption_is_one_and_may_be_repeated(desk: Deposits) -> None:
    desk.freeze()
    for _ in range(2):
        assert desk.consume(1000)["consume_fee"] == "1000"
    assert desk.refused("consume", **consumption(999)) == "INVALID_REQUEST"
    assert money(desk) == ("CONSUMED", 1000, 0, 0)
    assert len(desk.sim.books()) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consume_fee": 1001}, "INVALID_REQUEST"),
        ({"consume_fee": 0}, "PARAM_ERROR"),
        ({"total_fee": 999}, "INVALID_REQUEST"),
        ({"fee_type": None}, "LACK_PARAMS"),
        ({"out_trade_no": None}, "LACK_PARAMS"),
        ({"out_trade_no": "DP0009"}, "ORDERNOTEXIST"),
        ({"notify_url": "https://a.test/"}, "PARAM_ERROR"),
        ({"sub_mch_id": "1900000117"}, "ORDERNOTEXIST"),
        ({"sub_mch_id": "1900000508"}, "MCHID_NOT_EXIST"),
        ({"appid": "wx7777777777777777"}, "APPID_MCHID_NOT_MATCH"),
    ],
)
def test_a_consumption_that_is_refused_moves_nothing(
    desk: Deposits, changes: dict[str, Any], code: str
) -> None:
    desk.freeze()
    assert desk.refused("consume", **consumption(100) | changes) == code
    assert money(desk) == ("SUCCESS", 0, 0, 0)
    assert desk.sim.books() == []


def test_a_consumption_that_was_only_accepted(desk: Deposits) -> None:
    desk.freeze()
    desk.sim.switch(wechat__deposit_consume="err_settling")
    assert desk.refused("consume", **consumption(300)) == "SETTLING"
    assert (desk.query()["trade_state"], desk.query()["consume_fee"]) == ("SETTLING", "300")
    assert desk.refused("consume", **consumption(300)) == "SETTLING"
    assert desk.refused("consume", **consumption(400)) == "INVALID_REQUEST"
    assert desk.sim.books() == []
    desk.sim.advance(2)
    assert desk.query()["trade_state"] == "CONSUMED"
    assert money(desk) == ("CONSUMED", 300, 700, 0)
    assert desk.consume(300)["consume_fee"] == "300"


def test_a_consumption_that_fails_leaves_the_money_held(desk: Deposits) -> None:
    desk.freeze()
    desk.sim.switch(wechat__deposit_consume="fails")
    desk.consume(300)
    desk.sim.advance(2)
    assert desk.query()["trade_state"] == "SETTLEMENTFAIL"
    assert (money(desk), desk.sim.books()) == (("SETTLEMENTFAIL", 0, 0, 0), [])
    desk.sim.switch(wechat__deposit_consume="at_once")
    desk.consume(500)
    assert money(desk) == ("CONSUMED", 500, 500, 0)


def test_reversing_gives_all_of_it_back(desk: Deposits) -> None:
    desk.freeze()
    assert desk.refused("reverse", out_trade_no="DP0001") == "INVALID_REQUEST"
    desk.sim.advance(15)
    for _ in range(2):
        assert "recall" not in desk.call("reverse", out_trade_no="DP0001")
        assert money(desk) == ("REVOKED", 0, 1000, 0)
    assert desk.query()["trade_state"] == "REVOKED"
    assert desk.refused("consume", **consumption(1)) == "ORDERREVERSED"
    assert desk.refused("micropay", **desk.fields(fen=1)) == "OUT_TRADE_NO_USED"
    assert desk.sim.books() == []


def test_what_was_consumed_is_not_reversed(desk: Deposits) -> None:
    desk.freeze()
    desk.consume(1)
    desk.sim.advance(15)
    assert desk.refused("reverse", out_trade_no="DP0001") == "INVALID_REQUEST"
    assert desk.refused("reverse", out_trade_no="DP0002") == "ORDERNOTEXIST"
    assert money(desk) == ("CONSUMED", 1, 999, 0)


def test_after_thirty_days_it_goes_back_by_itself(desk: Deposits) -> None:
    desk.freeze()
    desk.sim.advance(30 * DAY_S - 60)
    assert money(desk) == ("SUCCESS", 0, 0, 0)
    desk.sim.advance(61)
    assert money(desk) == ("REVOKED", 0, 1000, 0)  # nobody asked WeChat in between
    assert desk.refused("consume", **consumption(1)) == "ORDERREVERSED"


def test_the_payer_types_the_password(desk: Deposits) -> None:
    desk.sim.switch(wechat__micropay_result="USERPAYING")
    code = desk.code()
    asked = desk.fields(auth_code=code)
    assert desk.refused("micropay", **asked) == "USERPAYING"
    assert desk.refused("micropay", **asked) == "USERPAYING"
    told = desk.query()
    assert (told["trade_state"], "transaction_id" in told) == ("USERPAYING", False)
    assert desk.refused("consume", **consumption(1)) == "INVALID_REQUEST"
    assert desk.phone("confirm", 400, auth_code=code, person="chen")["code"] == "OPENID_MISMATCH"
    assert desk.phone("confirm", auth_code=code)["detail"]["state"] == "SUCCESS"
    assert desk.query()["trade_state"] == "SUCCESS"
    assert desk.phone("confirm", 400, out_trade_no="DP0001")["code"] == "ORDERPAID"
    assert desk.refused("micropay", **asked) == "ORDERPAID"


@pytest.mark.parametrize("act", ["cancel", "fail", "wait"])
def test_the_payer_does_not_type_it(desk: Deposits, act: str) -> None:
    desk.sim.switch(wechat__micropay_result="USERPAYING")
    desk.refused("micropay", **desk.fields())
    if act == "wait":
        desk.sim.advance(600)
    else:
        desk.phone(act, out_trade_no="DP0001")
    assert desk.query()["trade_state"] == "PAYERROR"
    assert desk.phone("confirm", 400, out_trade_no="DP0001")["code"] == "ORDER_CLOSED"
    assert money(desk) == ("PAYERROR", 0, 0, 0)


def test_reversing_while_the_payer_types(desk: Deposits) -> None:
    desk.sim.switch(wechat__micropay_result="USERPAYING")
    desk.refused("micropay", **desk.fields())
    desk.sim.advance(15)
    desk.call("reverse", out_trade_no="DP0001")
    assert desk.phone("confirm", 400, out_trade_no="DP0001")["code"] == "ORDER_CLOSED"
    assert money(desk) == ("REVOKED", 0, 0, 0)


@pytest.mark.parametrize("result", ["NOTENOUGH", "NOTSUPORTCARD", "TRADE_ERROR"])
def test_definite_errors_are_final(desk: Deposits, result: str) -> None:
    desk.sim.switch(wechat__micropay_result=result)
    assert desk.refused("micropay", **desk.fields()) == result
    assert desk.row()["state"] == "PAYERROR"


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        ({"wechat.deposit_provider": "not_whitelisted"}, "服务商未开通押金支付权限"),
        ({"wechat.deposit.1900000109": "not_open"}, "特约商户未开通押金支付权限"),
        ({"wechat.deposit.1900000109": "micro"}, "小微商户不支持押金支付"),
        ({"wechat.deposit.1900000109": "not_direct"}, "非直连商户不支持押金支付"),
    ],
)
def test_who_may_not_take_deposits_is_told_why(
    desk: Deposits, switch: dict[str, str], words: str
) -> None:
    desk.freeze("DP0000")
    desk.sim.post("/sim/switches", switch)
    code = desk.code()
    assert desk.refused("micropay", **desk.fields(auth_code=code)) == "NOAUTH"
    assert any(line["more"] == "NOAUTH" for line in desk.sim.get("/sim/trail"))
    assert len(desk.sim.get("/sim/freezes")) == 1
    desk.consume(1, "DP0000")  # what is held may always be ended
    desk.sim.post("/sim/switches", {**dict.fromkeys(switch, ""), **_undone(switch)})
    desk.freeze(auth_code=code)  # the refusal did not use the code up


def _undone(switch: dict[str, str]) -> dict[str, str]:
    return {n: "whitelisted" if n.endswith("provider") else "open" for n in switch}


def test_a_merchant_that_sells_nothing_takes_no_deposits(desk: Deposits) -> None:
    for sub_mchid in ("1900000133", "1900000141"):
        assert desk.refused("micropay", **desk.fields(sub_mch_id=sub_mchid)) == "NOAUTH"


def test_without_deposit_y_the_money_is_gone(desk: Deposits) -> None:
    for n, deposit in enumerate((None, "N")):
        assert "err_code" not in desk.freeze(f"MP000{n}", deposit=deposit)
    assert [row["state"] for row in desk.sim.books()] == ["SUCCESS", "SUCCESS"]
    assert desk.sim.get("/sim/freezes") == []
    assert desk.query("MP0000")["trade_state"] == "SUCCESS"  # it answers for any payment
    assert desk.refused("consume", **consumption(1, "MP0000")) == "ORDERNOTEXIST"


def test_a_face_freezes_as_a_code_does(desk: Deposits) -> None:
    face = desk.sim.post("/sim/wechat/facecode", {"person": "chen"})
    asked = desk.fields() | {"face_code": face["face_code"], "openid": face["openid"]}
    del asked["auth_code"]
    assert desk.refused("facepay", **asked | {"openid": "oSim0"}) == "BUYER_MISMATCH"
    assert desk.call("facepay", **asked)["trade_type"] == "FACEPAY"
    assert desk.refused("facepay", **asked | {"out_trade_no": "DP0002"}) == "AUTH_CODE_ERROR"
    assert desk.refused("facepay", **asked | {"deposit": "N"}) == "NOAUTH"
    assert desk.consume(5)["consume_fee"] == "5"


def test_a_number_is_one_deposit_or_one_payment(desk: Deposits, shop: Merchant) -> None:
    desk.freeze()
    assert desk.refused("micropay", **desk.fields(deposit="N")) == "OUT_TRADE_NO_USED"
    again = shop.place(shop.order(out_trade_no="DP0001"), "native")
    assert (again.status, again.code) == (403, "OUT_TRADE_NO_USED")
    desk.freeze("MP0001", deposit=None)
    assert desk.refused("micropay", **desk.fields("MP0001")) == "OUT_TRADE_NO_USED"


def test_only_the_deposits_own_calls_know_one(desk: Deposits, shop: Merchant) -> None:
    held = desk.freeze()
    for is_consumed in (False, True):
        if is_consumed:
            desk.consume(100)
        assert shop.query("DP0001").code == "ORDER_NOT_EXIST"
        refund = {
            "sub_mchid": shop.creds["sub_mchid"],
            "transaction_id": held["transaction_id"],
            "out_refund_no": "R1",
            "amount": {"refund": 1, "total": 100, "currency": "CNY"},
        }
        answer = shop.call("POST", "/v3/refund/domestic/refunds", refund)
        assert (answer.status, answer.code) == (404, "RESOURCE_NOT_EXISTS")
    desk.sim.advance(15)
    for act in (desk.sdk.micropay.query, desk.sdk.order.reverse):
        with pytest.raises(Exception, match="ORDERNOTEXIST"):
            act(out_trade_no="DP0001")


# --- refunds of what was consumed ---


def refund(fen: int, ref: str, number: str = "RF1", of: int = 1000) -> dict[str, Any]:
    return {"transaction_id": ref, "out_refund_no": number, "total_fee": of, "refund_fee": fen}


def test_what_was_consumed_is_refunded_in_parts(desk: Deposits) -> None:
    ref = desk.freeze()["transaction_id"]
    assert desk.refused("refund", **refund(1, ref)) == "INVALID_REQUEST"  # nothing is consumed
    desk.consume(300)
    first = desk.call("refund", **refund(100, ref), refund_desc="少住一晚")
    assert (first["refund_fee"], first["total_fee"]) == ("100", "1000")
    asked = desk.call("refundquery", out_refund_no="RF1")
    assert (asked["refund_status"], "refund_success_time" in asked) == ("PROCESSING", False)
    assert desk.call("refund", **refund(200, ref, "RF2"))["refund_id"] != first["refund_id"]
    assert desk.refused("refund", **refund(1, ref, "RF3")) == "INVALID_REQUEST"
    desk.sim.advance(2)
    asked = desk.call("refundquery", refund_id=first["refund_id"])
    assert (asked["refund_status"], asked["out_refund_no"]) == ("SUCCESS", "RF1")
    assert asked["refund_success_time"]
    assert money(desk) == ("CONSUMED", 300, 700, 300)
    assert desk.sim.books()[0]["state"] == "REFUND"
    assert desk.query()["trade_state"] == "CONSUMED"
    assert desk.sim.get("/sim/outbox") == []


def test_a_refund_number_is_one_refund(desk: Deposits) -> None:
    ref = desk.freeze()["transaction_id"]
    desk.consume(300)
    first = desk.call("refund", **refund(100, ref))
    assert desk.call("refund", **refund(100, ref))["refund_id"] == first["refund_id"]
    assert desk.refused("refund", **refund(101, ref)) == "INVALID_REQUEST"
    assert money(desk)[3] == 100


@pytest.mark.parametrize(
    ("outcome", "status", "back"), [("closed", "REFUNDCLOSE", 0), ("abnormal", "CHANGE", 100)]
)
def test_refunds_that_end_badly(desk: Deposits, outcome: str, status: str, back: int) -> None:
    ref = desk.freeze()["transaction_id"]
    desk.consume(300)
    desk.sim.switch(wechat__refund_outcome=outcome)
    desk.call("refund", **refund(100, ref))
    desk.sim.advance(2)
    assert desk.call("refundquery", out_refund_no="RF1")["refund_status"] == status
    assert money(desk)[3] == back


def test_a_refund_comes_out_of_the_money_that_is_named(desk: Deposits) -> None:
    ref = desk.freeze()["transaction_id"]
    desk.consume(300)
    desk.sim.switch(wechat__merchant_funds="unsettled_short")
    desk.call("refund", **refund(100, ref), refund_account="REFUND_SOURCE_RECHARGE_FUNDS")
    asked = desk.call("refundquery", out_refund_no="RF1")
    assert asked["refund_account"] == "REFUND_SOURCE_RECHARGE_FUNDS"
    desk.sim.switch(wechat__merchant_funds="enough")
    desk.call("refund", **refund(100, ref, "RF2"))
    asked = desk.call("refundquery", out_refund_no="RF2")
    assert asked["refund_account"] == "REFUND_SOURCE_UNSETTLED_FUNDS"


def test_refunds_that_are_refused(desk: Deposits) -> None:
    ref = desk.freeze()["transaction_id"]
    desk.consume(300)
    assert desk.refused("refund", **refund(100, ref, of=300)) == "INVALID_REQUEST"
    assert desk.refused("refund", **refund(100, "42000000")) == "ORDERNOTEXIST"
    by_number = refund(100, ref) | {"transaction_id": None, "out_trade_no": "DP0001"}
    assert desk.refused("refund", **by_number) == "LACK_PARAMS"
    assert desk.refused("refundquery", out_refund_no="RF1") == "REFUNDNOTEXIST"
    for short, account in (
        ("unsettled_short", "REFUND_SOURCE_UNSETTLED_FUNDS"),
        ("short", "REFUND_SOURCE_RECHARGE_FUNDS"),
    ):
        desk.sim.switch(wechat__merchant_funds=short)
        assert desk.refused("refund", **refund(100, ref)) == "NOTENOUGH"
        named = refund(100, ref) | {"refund_account": account}
        assert desk.refused("refund", **named) == "NOTENOUGH"
    assert desk.refused("refund", **named | {"refund_account": "BALANCE"}) == "PARAM_ERROR"
    desk.sim.post("/sim/switches", {"wechat.sub.1900000109": "no_refund"})
    assert desk.refused("refund", **refund(100, ref)) == "NOAUTH"
    assert desk.refused("reverse", out_trade_no="DP0001") == "NOAUTH"
    assert money(desk)[3] == 0


def test_the_bill_has_consumptions_and_no_freeze(desk: Deposits, shop: Merchant) -> None:
    sim = desk.sim
    start = now(sim).replace(hour=12, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    go_to(sim, start)
    desk.freeze("DP0001")
    desk.freeze("DP0002")
    go_to(sim, start + dt.timedelta(days=1))
    desk.consume(300, "DP0001")
    go_to(sim, start + dt.timedelta(days=2))
    assert tradebill(sim, shop, start.date()).code == "NO_STATEMENT_EXIST"
    told = tradebill(sim, shop, start.date() + dt.timedelta(days=1)).json
    [row], summary = rows(download(sim, shop, told["download_url"]).body)
    assert (row["商户订单号"], row["订单金额"], row["交易状态"], row["交易类型"]) == (
        "DP0001", "3.00", "SUCCESS", "MICROPAY",
    )  # fmt: skip
    assert summary[0] == "1"


# --- signature, certificate, faults, restart ---

PATHS = ("micropay", "facepay", "orderquery", "consume", "reverse", "refund", "refundquery")


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("sign_type", [None, "MD5"])
def test_only_hmac_is_taken(desk: Deposits, name: str, sign_type: str | None) -> None:
    desk.sim.switch(wechat__mutual_tls="off")
    assert "HMAC-SHA256" in desk.refused(name, **desk.fields(sign_type=sign_type))
    desk.sdk.api_key = "another key"
    assert desk.refused(name, **desk.fields()) == "签名错误"
    assert desk.sim.get("/sim/freezes") == []


@pytest.mark.parametrize("name", ["consume", "reverse", "refund"])
def test_what_moves_money_wants_the_client_certificate(desk: Deposits, name: str) -> None:
    ref = desk.freeze()["transaction_id"]
    desk.sim.advance(15)
    asked = consumption(1) if name == "consume" else {"out_trade_no": "DP0001"}
    asked = refund(1, ref) if name == "refund" else asked
    shown = desk.sdk._http.headers.pop("X-SSL-Client-Cert")
    assert "证书" in desk.refused(name, **asked)
    assert money(desk) == ("SUCCESS", 0, 0, 0)
    desk.sim.switch(wechat__mutual_tls="off")
    if name == "refund":
        assert desk.refused(name, **asked) == "INVALID_REQUEST"
    else:
        desk.call(name, **asked)
    desk.sdk._http.headers["X-SSL-Client-Cert"] = shown


def test_faults_by_name(desk: Deposits) -> None:
    for name in PATHS:
        desk.sim.fault(f"wechat.deposit.{name}", "error", code="SOMETHING_NEW")
        assert desk.refused(name, **desk.fields()) == "SOMETHING_NEW"
    asked = desk.fields()
    desk.sim.fault("wechat.deposit.micropay", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        desk.call("micropay", **asked)
    assert desk.query()["trade_state"] == "SUCCESS"
    desk.sim.fault("wechat.deposit.consume", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        desk.consume(7)
    assert money(desk) == ("CONSUMED", 7, 993, 0)
    desk.sim.fault("/deposit/orderquery", "wrong_amount")
    assert desk.query()["total_fee"] == "1001"


def test_a_start_anew_forgets_no_deposit(tmp_path: Path) -> None:
    with own_simulator(tmp_path) as first:
        desk = deposits_of(first, Merchant(first.url, first.get("/sim/credentials")["wechat"]))
        desk.freeze("DP0001")
        desk.freeze("DP0002")
        first.switch(wechat__deposit_consume="settling", wechat__deposit_settle_s="600")
        desk.consume(1, "DP0002")
        told = first.get("/sim/freezes")
    with own_simulator(tmp_path) as second:
        assert second.get("/sim/freezes") == told
        second.advance(600)
        desk = deposits_of(second, Merchant(second.url, second.get("/sim/credentials")["wechat"]))
        assert money(desk, "DP0002") == ("CONSUMED", 1, 999, 0)
        second.advance(30 * DAY_S)
        assert money(desk, "DP0001") == ("REVOKED", 0, 1000, 0)
        second.post("/sim/reset")
        assert second.get("/sim/freezes") == []


def test_the_journal_stands_a_torn_line_and_is_gone_after_a_reset(tmp_path: Path) -> None:
    journal = tmp_path / "freezes.jsonl"
    book = FreezeBook(journal)
    one = Freeze("wechat", "19", "19", "20", "DP1", "42", 5, "SUCCESS", 1.0, 2.0, frozen_at=1.0)
    book.put(one)
    with journal.open("a") as file:
        file.write('{"channel": "wech')
    again = FreezeBook(journal)
    again.put(replace(one, out_freeze_no="DP2", freeze_id="43"))
    assert [f.out_freeze_no for f in FreezeBook(journal).all("wechat")] == ["DP1", "DP2"]
    assert FreezeBook(journal).by_id("wechat", "42") == one
    again.forget()
    assert FreezeBook(journal).all() == again.all() == []
