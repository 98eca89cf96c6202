"""Deposits at Alipay: fund authorisations, and payments from what is held. alipay.md 6."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.exceptions import InvalidSignature

from simulator.alipay import bill_file
from simulator.app import create_app
from simulator.clock import SHANGHAI
from simulator.faults import Fault
from simulator.world import World
from tests.simulator.alipay.client import Answer, Client, sign_text
from tests.simulator.alipay.conftest import LIN, ZHOU, Listener, close_journal
from tests.simulator.alipay.test_alipay_sdks import node

Phone = Callable[..., requests.Response]
Until = Callable[[Callable[[], Any]], None]
FREEZE = "alipay.fund.auth.order.freeze"
VOUCHER = "alipay.fund.auth.order.voucher.create"
QUERY = "alipay.fund.auth.operation.detail.query"
UNFREEZE = "alipay.fund.auth.order.unfreeze"
CANCEL = "alipay.fund.auth.operation.cancel"
DAY = 86400
SHOWS = ("freeze_fen", "consumed_fen", "released_fen", "refunded_fen")


class Desk:
    """A merchant's desk that takes deposits."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def code(self, person: str = "lin") -> str:
        url = f"{self.client.base}/sim/alipay/paycode"
        return str(requests.post(url, json={"person": person}, timeout=10).json()["auth_code"])

    def asked(self, number: str = "H1", amount: str = "10.00", **more: Any) -> dict[str, Any]:
        biz = {
            "out_order_no": number,
            "out_request_no": number,
            "order_title": "房号 808 押金",
            "amount": amount,
            "product_code": "PRE_AUTH",
            "auth_code": self.code(),
            "auth_code_type": "bar_code",
        } | more
        return {name: value for name, value in biz.items() if value is not None}

    def freeze(self, number: str = "H1", amount: str = "10.00", **more: Any) -> Answer:
        return self.client.call(FREEZE, self.asked(number, amount), **more)

    def held(self, number: str = "H1", amount: str = "10.00") -> str:
        answer = self.freeze(number, amount)
        assert (answer.code, answer.node["status"]) == ("10000", "SUCCESS"), answer.text
        return str(answer.node["auth_no"])

    def voucher(self, number: str = "H1", **more: Any) -> Answer:
        biz = self.asked(number, auth_code=None, auth_code_type=None) | more
        return self.client.call(VOUCHER, biz)

    def query(self, number: str = "H1", **more: str) -> Answer:
        which = {"out_order_no": number, "out_request_no": number} | more
        return self.client.call(QUERY, which)

    def pay(self, auth_no: str, amount: str, number: str = "P1", **more: Any) -> Answer:
        common = {"notify_url": more.pop("notify_url")} if "notify_url" in more else {}
        biz = {
            "out_trade_no": number,
            "total_amount": amount,
            "subject": "房费",
            "auth_no": auth_no,
            "product_code": "PREAUTH_PAY",
        } | more
        biz = {name: value for name, value in biz.items() if value is not None}
        return self.client.call("alipay.trade.pay", biz, **common)

    def unfreeze(self, auth_no: str, amount: str, number: str = "U1", **more: Any) -> Answer:
        biz = {"auth_no": auth_no, "out_request_no": number, "amount": amount, "remark": "退房"}
        return self.client.call(UNFREEZE, biz, **more)

    def cancel(self, number: str = "H1", **more: Any) -> Answer:
        which = {"out_order_no": number, "out_request_no": number, "remark": "超时"}
        return self.client.call(CANCEL, which, **more)

    def row(self, number: str = "H1") -> tuple[str, int, int, int, int]:
        rows = requests.get(f"{self.client.base}/sim/freezes", timeout=10).json()
        row = next(row for row in rows if row["out_freeze_no"] == number)
        return (row["state"], *(row[name] for name in SHOWS))


@pytest.fixture
def desk(client: Client) -> Desk:
    return Desk(client)


def told(answer: Answer) -> tuple[str, str, str, str]:
    said = answer.node
    names = ("order_status", "total_freeze_amount", "rest_amount", "total_pay_amount")
    return tuple(said[name] for name in names)


def test_freeze_ten_take_one_and_nine_go_back(desk: Desk, world: World) -> None:
    answer = desk.freeze()
    said = answer.node
    assert (answer.code, said["status"], said["amount"]) == ("10000", "SUCCESS", "10.00")
    assert (said["payer_user_id"], said["fund_amount"], said["credit_amount"]) == (
        LIN, "10.00", "0.00",
    )  # fmt: skip
    assert told(desk.query()) == ("AUTHORIZED", "10.00", "10.00", "0.00")
    assert list(world.books.all()) == []
    paid = desk.pay(said["auth_no"], "1.00", auth_confirm_mode="COMPLETE")
    assert (paid.code, paid.node["total_amount"], paid.node["buyer_user_id"]) == (
        "10000", "1.00", LIN,
    )  # fmt: skip
    assert told(desk.query()) == ("FINISH", "10.00", "0.00", "1.00")
    assert desk.row() == ("FINISH", 1000, 100, 900, 0)
    [trade] = world.books.all()
    assert (trade.out_trade_no, trade.amount_fen, trade.state) == ("P1", 100, "TRADE_SUCCESS")
    asked = desk.client.call("alipay.trade.query", {"out_trade_no": "P1"})
    assert asked.node["trade_status"] == "TRADE_SUCCESS"


def test_taken_in_parts_until_nothing_is_left(desk: Desk) -> None:
    auth_no = desk.held()
    for n, amount in enumerate(("3.00", "4.00")):
        mode = {"auth_confirm_mode": "NOT_COMPLETE"} if n else {}
        assert desk.pay(auth_no, amount, f"P{n}", **mode).code == "10000"
    assert told(desk.query()) == ("AUTHORIZED", "10.00", "3.00", "7.00")
    assert desk.pay(auth_no, "3.01", "P2").sub_code == "ACQ.AUTH_AMOUNT_NOT_ENOUGH"
    assert desk.unfreeze(auth_no, "1.00").code == "10000"
    assert desk.pay(auth_no, "2.00", "P3").code == "10000"
    assert desk.row() == ("FINISH", 1000, 900, 100, 0)
    assert desk.pay(auth_no, "0.01", "P4").sub_code == "ACQ.AUTH_ORDER_HAS_FINISHED"
    assert desk.unfreeze(auth_no, "0.01", "U2").sub_code == "ORDER_ALREADY_FINISH"


def test_a_payment_of_one_number_takes_once(desk: Desk) -> None:
    auth_no = desk.held()
    assert desk.pay(auth_no, "1.00").code == "10000"
    assert desk.pay(auth_no, "1.00").sub_code == "ACQ.TRADE_HAS_SUCCESS"
    assert desk.pay(auth_no, "2.00").sub_code == "ACQ.CONTEXT_INCONSISTENT"
    assert desk.row() == ("AUTHORIZED", 1000, 100, 0, 0)


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"auth_no": "2026"}, "ACQ.AUTH_NO_ERROR"),
        ({"product_code": "PRE_AUTH_ONLINE"}, "ACQ.PRE_AUTH_PROD_CODE_INCONSISTENT"),
        ({"product_code": None}, "ACQ.PRE_AUTH_PROD_CODE_INCONSISTENT"),
        ({"buyer_id": ZHOU}, "ACQ.TRADE_BUYER_NOT_MATCH"),
        ({"seller_id": "2088000000000117"}, "ACQ.PARTNER_ERROR"),
        ({"auth_confirm_mode": "DONE"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "10.01"}, "ACQ.AUTH_AMOUNT_NOT_ENOUGH"),
    ],
)
def test_a_payment_that_is_refused_takes_nothing(
    desk: Desk, world: World, changes: dict[str, str | None], sub_code: str
) -> None:
    auth_no = desk.held()
    asked = {"auth_no": auth_no, "amount": "1.00"} | changes
    asked |= {"amount": asked.pop("total_amount", asked["amount"])}
    assert desk.pay(**asked).sub_code == sub_code  # type: ignore[arg-type]
    assert desk.row() == ("AUTHORIZED", 1000, 0, 0, 0)
    assert list(world.books.all()) == []
    ok = desk.pay(auth_no, "1.00", product_code="PRE_AUTH", buyer_id=LIN)
    assert ok.code == "10000"  # the freeze's own product code serves as well


def test_another_merchants_deposit_is_out_of_reach(desk: Desk) -> None:
    auth_no = desk.held()
    other = Desk(Client(desk.client.base, desk.client.holdings, "202611BBsimtokennanchuang17"))
    which = {"auth_no": auth_no, "out_request_no": "H1"}
    assert other.client.call(QUERY, which).sub_code == "HAS_NO_PRIVILEGE"
    assert other.pay(auth_no, "1.00").sub_code == "ACQ.AUTH_NO_ERROR"
    assert other.unfreeze(auth_no, "1.00").sub_code == "HAS_NO_PRIVILEGE"
    assert other.query().sub_code == "AUTH_ORDER_NOT_EXIST"
    assert desk.row() == ("AUTHORIZED", 1000, 0, 0, 0)
    other.client.http.close()


def test_unfreezing_in_parts(desk: Desk) -> None:
    auth_no = desk.held()
    first = desk.unfreeze(auth_no, "4.00")
    assert (first.code, first.node["status"], first.node["amount"]) == (
        "10000", "SUCCESS", "4.00",
    )  # fmt: skip
    assert desk.unfreeze(auth_no, "4.00").node == first.node
    assert desk.unfreeze(auth_no, "5.00").sub_code == "UNIQUE_VIOLATION"
    for amount in ("1.00", "10.00"):  # the freeze's own number, and its amount
        assert desk.unfreeze(auth_no, amount, "H1").sub_code == "UNIQUE_VIOLATION"
    assert desk.unfreeze(auth_no, "6.01", "U2").sub_code == "REQUEST_AMOUNT_EXCEED"
    asked = desk.query(out_request_no="U1", operation_type="UNFREEZE")
    assert (asked.node["operation_type"], asked.node["remark"]) == ("UNFREEZE", "退房")
    assert desk.query(out_request_no="U1", operation_type="PAY").sub_code == (
        "AUTH_OPERATION_NOT_EXIST"
    )
    assert desk.unfreeze(auth_no, "6.00", "U2").code == "10000"
    assert desk.row() == ("CLOSED", 1000, 0, 1000, 0)
    assert desk.unfreeze(auth_no, "0.01", "U3").sub_code == "ORDER_ALREADY_CLOSED"
    assert desk.pay(auth_no, "0.01").sub_code == "ACQ.AUTH_ORDER_HAS_CLOSED"
    assert desk.unfreeze("2026", "0.01", "U4").sub_code == "AUTH_ORDER_NOT_EXIST"


def test_a_freeze_of_one_number_is_one(desk: Desk) -> None:
    desk.held()
    code = desk.code()
    again = desk.client.call(FREEZE, desk.asked(auth_code=code))
    assert again.sub_code == "FREEZE_ALREADY_SUCCESS"
    assert desk.freeze(amount="9.99").sub_code == "UNIQUE_VIOLATION"
    other = desk.asked("H2", auth_code=code) | {"out_request_no": "H1"}
    assert desk.client.call(FREEZE, other).sub_code == "UNIQUE_VIOLATION"
    assert desk.client.call(FREEZE, desk.asked("H2", auth_code=code)).code == "10000"
    spent = desk.client.call(FREEZE, desk.asked("H3", auth_code=code))
    assert spent.sub_code == "PAYMENT_AUTH_CODE_INVALID"


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"auth_code": "12"}, "PAYMENT_AUTH_CODE_INVALID"),
        ({"auth_code_type": "security_code"}, "PAYMENT_AUTH_CODE_INVALID"),
        ({"payee_user_id": "2088000000000117"}, "PAYEE_NOT_EXIST"),
        ({"payee_logon_id": "pay@sim.test"}, "PAYEE_NOT_EXIST"),
        ({"product_code": "PRE_AUTH_ONLINE"}, "ILLEGAL_ARGUMENT"),
        ({"pay_timeout": "16d"}, "ILLEGAL_ARGUMENT"),
        ({"out_order_no": "H_1"}, "ILLEGAL_ARGUMENT"),
        ({"extra_param": "x"}, "ILLEGAL_ARGUMENT"),
        ({"extra_param": "[]"}, "ILLEGAL_ARGUMENT"),
        ({"enable_pay_channels": "MONEY_FUND"}, "ILLEGAL_ARGUMENT"),
        ({"enable_pay_channels": '["MONEY_FUND"]'}, "ILLEGAL_ARGUMENT"),
        ({"amount": "0.001"}, "ILLEGAL_ARGUMENT"),
    ],
)
def test_a_freeze_that_is_refused_holds_nothing(
    desk: Desk, world: World, changes: dict[str, str], sub_code: str
) -> None:
    answer = desk.client.call(FREEZE, desk.asked() | changes)
    assert (answer.code, answer.sub_code) == ("40004", sub_code)
    assert world.freezes.all() == []


def test_whoever_did_not_sign_freezes_nothing_and_ends_what_is_held(
    desk: Desk, world: World
) -> None:
    auth_no = desk.held()
    world.switches.set("alipay.preauth.2088000000000109", "not_signed")
    assert desk.freeze("H2").sub_code == "ACCESS_FORBIDDEN"
    assert desk.voucher("H2").sub_code == "ACCESS_FORBIDDEN"
    assert desk.pay(auth_no, "1.00").code == "10000"
    assert desk.unfreeze(auth_no, "9.00").code == "10000"


def test_the_payer_types_the_password(desk: Desk, world: World, phone: Phone) -> None:
    world.switches.set("alipay.pay_result", "10003")
    answer = desk.freeze()
    assert (answer.code, answer.node["status"]) == ("10003", "INIT")
    assert desk.query().node["order_status"] == "INIT"
    assert desk.pay(answer.node["auth_no"], "1.00").sub_code == "ACQ.AUTH_ORDER_NOT_PAID"
    assert desk.unfreeze(answer.node["auth_no"], "1.00").sub_code == "ILLEGAL_STATUS"
    assert phone("cancel", out_order_no="H1").json()["resultCode"] == "6001"
    assert phone("confirm", out_order_no="H1", person="zhou").status_code == 400
    assert phone("confirm", out_order_no="H1").json()["resultCode"] == "9000"
    assert told(desk.query()) == ("AUTHORIZED", "10.00", "10.00", "0.00")
    assert phone("confirm", out_order_no="H1").json()["code"] == "FREEZE_ALREADY_SUCCESS"


def test_what_nobody_agrees_to_ends_unheld(desk: Desk, world: World, phone: Phone) -> None:
    world.switches.set("alipay.pay_result", "10003")
    desk.freeze()
    world.clock.advance(15 * 60)
    assert told(desk.query()) == ("CLOSED", "0.00", "0.00", "0.00")
    assert phone("confirm", out_order_no="H1").json()["code"] == "ORDER_ALREADY_CLOSED"
    assert desk.freeze().sub_code == "ORDER_ALREADY_CLOSED"
    assert desk.row() == ("CLOSED", 1000, 0, 0, 0)


@pytest.mark.parametrize("name", ["code_value", "code_url"])
def test_a_code_is_scanned_and_agreed_to(
    desk: Desk, listener: Listener, phone: Phone, until: Until, name: str
) -> None:
    biz = desk.asked(auth_code=None, auth_code_type=None, pay_timeout="2h")
    answer = desk.client.call(VOUCHER, biz, notify_url=listener.url)
    assert answer.node["code_type"] == "qrCode"
    assert answer.node["code_value"].startswith("https://qr.alipay.com/")
    assert desk.client.call(VOUCHER, biz).node == answer.node
    assert desk.voucher(amount="11.00").sub_code == "UNIQUE_VIOLATION"
    assert desk.query().sub_code == "AUTH_ORDER_NOT_EXIST"
    said = phone("cancel", qrCode=answer.node[name], person="zhou").json()
    assert (said["resultCode"], said["amount"]) == ("6001", "10.00")
    assert desk.query().node["order_status"] == "INIT"
    assert phone("confirm", qrCode=answer.node[name], person="zhou").json()["resultCode"] == "9000"
    assert desk.query().node["payer_user_id"] == ZHOU
    assert desk.voucher().sub_code == "FREEZE_ALREADY_SUCCESS"
    until(lambda: listener.bodies)
    assert listener.notices()[0]["notify_type"] == "fund_auth_freeze"


def test_a_code_is_good_as_long_as_was_asked(desk: Desk, world: World, phone: Phone) -> None:
    code = desk.voucher().node["code_value"]
    world.clock.advance(15 * 60)
    assert phone("confirm", qrCode=code).status_code == 400
    assert world.freezes.all() == []


def test_cancelling_a_freeze_in_doubt(desk: Desk, world: World, phone: Phone) -> None:
    desk.held()
    first = desk.cancel()
    assert (first.code, first.node["action"]) == ("10000", "unfreeze")
    assert desk.cancel().node == first.node
    assert desk.row() == ("CLOSED", 1000, 0, 1000, 0)
    code = desk.voucher("H2").node["code_value"]
    assert desk.cancel("H2").node["action"] == "close"
    assert phone("confirm", qrCode=code).status_code == 400
    assert desk.cancel("H2").sub_code == "AUTH_ORDER_NOT_EXIST"
    world.switches.set("alipay.pay_result", "10003")
    desk.freeze("H3")
    assert desk.cancel("H3").node["action"] == "close"
    assert phone("confirm", out_order_no="H3").status_code == 400
    assert desk.row("H3") == ("CLOSED", 1000, 0, 0, 0)


def test_what_was_touched_or_is_a_day_old_is_not_cancelled(desk: Desk, world: World) -> None:
    auth_no = desk.held()
    desk.pay(auth_no, "1.00")
    assert desk.cancel().sub_code == "ILLEGAL_STATUS"
    desk.held("H2")
    world.clock.advance(DAY + 1)
    assert desk.cancel("H2").sub_code == "CANCEL_OPERATION_TIME_OUT"
    assert desk.row("H2") == ("AUTHORIZED", 1000, 0, 0, 0)


def test_after_thirty_days_the_rest_goes_back_by_itself(
    desk: Desk, world: World, listener: Listener, until: Until
) -> None:
    auth_no = desk.freeze(notify_url=listener.url).node["auth_no"]
    desk.pay(auth_no, "1.00")
    world.clock.advance(30 * DAY - 60)
    assert desk.row() == ("AUTHORIZED", 1000, 100, 0, 0)
    world.clock.advance(61)
    assert world.freezes.all()[0].state == "FINISH"  # nobody asked in between
    assert desk.row() == ("FINISH", 1000, 100, 900, 0)
    until(lambda: len(listener.bodies) == 2)
    assert [n["notify_type"] for n in listener.notices()] == [
        "fund_auth_freeze", "fund_auth_unfreeze",
    ]  # fmt: skip


PUBLISHED = {
    "app_id", "auth_app_id", "auth_no", "out_order_no", "out_request_no", "operation_id",
    "operation_type", "amount", "status", "gmt_create", "gmt_trans", "payer_user_id",
    "payer_logon_id", "total_freeze_amount", "total_unfreeze_amount", "total_pay_amount",
    "rest_amount", "notify_id", "notify_time", "notify_type", "charset", "version", "sign_type",
    "sign",
}  # fmt: skip


def test_notices_have_the_published_form(
    desk: Desk, listener: Listener, until: Until, world: World
) -> None:
    auth_no = desk.freeze(notify_url=listener.url).node["auth_no"]
    desk.unfreeze(auth_no, "4.00", notify_url=listener.url)
    desk.pay(auth_no, "6.00", notify_url=listener.url)
    desk.freeze("H2", notify_url="http://127.0.0.1:9/n")
    desk.cancel("H2", notify_url=listener.url)
    until(lambda: len(listener.bodies) == 4)
    told = {n["notify_type"]: n for n in listener.notices()}
    frozen, released = told["fund_auth_freeze"], told["fund_auth_unfreeze"]
    assert set(frozen) >= PUBLISHED
    assert (frozen["rest_amount"], frozen["operation_type"]) == ("10.00", "FREEZE")
    assert (released["amount"], released["rest_amount"]) == ("4.00", "6.00")
    assert told["trade_status_sync"]["trade_status"] == "TRADE_SUCCESS"
    assert told["fund_auth_operation_cancel"]["action"] == "unfreeze"
    for notice in told.values():
        text = sign_text(notice, ("sign", "sign_type")).encode()
        desk.client.verify(text, notice["sign"])
        with pytest.raises(InvalidSignature):
            desk.client.verify(text + b"x", notice["sign"])


def test_faults_by_name(desk: Desk, world: World, listener: Listener, until: Until) -> None:
    for kind in ("wrong_amount", "bad_signature"):
        world.faults.arm(Fault("alipay.freeze_notify", kind))
    world.faults.arm(Fault(FREEZE, "lose_answer"))
    with pytest.raises(requests.ConnectionError):
        desk.freeze(notify_url=listener.url)
    assert desk.query().node["status"] == "SUCCESS"
    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    assert notice["amount"] == "10.01"
    with pytest.raises(InvalidSignature):
        desk.client.verify(sign_text(notice, ("sign", "sign_type")).encode(), notice["sign"])
    for method, call in (
        (FREEZE, desk.freeze),
        (VOUCHER, desk.voucher),
        (QUERY, desk.query),
        (CANCEL, desk.cancel),
    ):
        world.faults.arm(Fault(method, "error", code="SYSTEM_ERROR"))
        answer = call("H9")
        assert (answer.code, answer.sub_code) == ("40004", "SYSTEM_ERROR")
    world.faults.arm(Fault(FREEZE, "error", code="MONEY_NOT_ENOUGH"))
    assert desk.freeze("H9").sub_code == "MONEY_NOT_ENOUGH"
    world.faults.arm(Fault(FREEZE, "error", code="10003"))
    assert desk.freeze("H8").node["status"] == "INIT"
    world.faults.arm(Fault(QUERY, "wrong_amount"))
    assert desk.query().node["amount"] == "10.01"
    assert len(world.freezes.all()) == 2


def test_a_payment_from_a_deposit_is_refunded_and_billed_as_any_other(
    desk: Desk, world: World
) -> None:
    auth_no = desk.held()
    desk.pay(auth_no, "6.00", auth_confirm_mode="COMPLETE")
    back = {"out_trade_no": "P1", "refund_amount": "2.00", "out_request_no": "R1"}
    assert desk.client.call("alipay.trade.refund", back).node["fund_change"] == "Y"
    assert desk.row() == ("FINISH", 1000, 600, 400, 200)
    day = world.clock.now().astimezone(SHANGHAI).date()
    rows = bill_file.rows(world.books.all(), day)
    assert [(r["业务类型"], r["订单金额（元）"]) for r in rows] == [
        ("交易", "6.00"),
        ("退款", "-2.00"),
    ]


def test_whatever_races_no_more_is_moved_than_is_held(desk: Desk, world: World) -> None:
    auth_no = desk.held()

    def move(n: int) -> str:
        own = Desk(Client(desk.client.base, desk.client.holdings))
        act = own.pay if n % 2 else own.unfreeze
        code = act(auth_no, "3.00", f"M{n}").code
        own.client.http.close()
        return code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(move, range(16)))
    assert codes.count("10000") == 3
    _, _, consumed, released, _ = desk.row()
    assert consumed + released == 900
    assert sum(trade.amount_fen for trade in world.books.all()) == consumed
    assert told(desk.query())[2] == "1.00"


def test_a_start_anew_forgets_no_deposit(tmp_path: Path) -> None:
    first = create_app(tmp_path)
    keys = first.test_client().get("/sim/credentials").json["alipay"]  # type: ignore[index]
    client = Client("http://sim", keys)
    biz = {
        "out_order_no": "H1",
        "out_request_no": "H1",
        "order_title": "押金",
        "amount": "10.00",
        "product_code": "PRE_AUTH",
        "auth_code": first.extensions["sim_alipay"].new_pay_code("lin"),
        "auth_code_type": "bar_code",
    }
    params = client.signed(client.params(FREEZE, biz))
    said = first.test_client().post("/gateway.do?charset=utf-8", data=params)
    assert b'"10000"' in said.data
    second = create_app(tmp_path)
    world: World = second.extensions["sim_world"]
    [freeze] = world.freezes.all()
    assert (freeze.state, freeze.left_fen) == ("AUTHORIZED", 1000)
    assert world.freezes.by_request("alipay", freeze.owner, "H1") is freeze
    world.clock.advance(30 * DAY + 1)
    assert (freeze.state, freeze.released_fen) == ("CLOSED", 1000)
    client.http.close()
    close_journal(first.extensions["sim_world"])
    close_journal(world)


def test_the_official_node_sdk_freezes_pays_and_releases(desk: Desk) -> None:
    token = {"appAuthToken": desk.client.token}

    def ask(method: str, **biz: Any) -> list[Any]:
        return ["exec", method, token | {"bizContent": biz}]

    shared = {"orderTitle": "押金", "amount": "10.00", "productCode": "PRE_AUTH"}
    which = {"outOrderNo": "N1", "outRequestNo": "N1"}
    frozen, asked, code = node(
        desk.client,
        ask(FREEZE, authCode=desk.code(), authCodeType="bar_code", **which, **shared),
        ask(QUERY, **which),
        ask(VOUCHER, outOrderNo="N2", outRequestNo="N2", **shared),
    )
    assert (frozen["ok"]["status"], asked["ok"]["restAmount"]) == ("SUCCESS", "10.00")
    assert code["ok"]["codeValue"].startswith("https://qr.alipay.com/")
    auth_no = frozen["ok"]["authNo"]
    paid, released = node(
        desk.client,
        ask(
            "alipay.trade.pay",
            outTradeNo="NP1",
            totalAmount="1.00",
            subject="房费",
            authNo=auth_no,
            productCode="PREAUTH_PAY",
            authConfirmMode="NOT_COMPLETE",
        ),
        ask(UNFREEZE, authNo=auth_no, outRequestNo="NU1", amount="9.00", remark="退房"),
    )
    assert (paid["ok"]["code"], released["ok"]["status"]) == ("10000", "SUCCESS")
    assert desk.row("N1") == ("FINISH", 1000, 100, 900, 0)
