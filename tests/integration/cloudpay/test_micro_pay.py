"""micro_pay: charged once, answered in time, and never more certain than the wallet is."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from config.settings import load_settings
from services.cards.codes import issue
from services.cloudpay import dispatch
from services.deps import open_gateways
from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import calls, query, refusal, scan, state, waiting
from tests.integration.codepay.helping import PASSWORD, PAY, WALLETS, paycode

PAID = {"wechat": 2, "alipay": 2}
PAYING = {"wechat": 9, "alipay": 4}


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


@WALLETS
def test_a_code_is_charged_and_the_reply_has_all_that_sdks_read(
    product: Product, till: Till, wallet: str
) -> None:
    content = scan(product, till, wallet, 1234, remark="少糖", client_flow_id="F-7",
                   wxpay_pay_content_ext={"attach": "桌5"})  # fmt: skip
    answer = till.call("micro_pay", content)
    assert (answer["status"], answer["description"]) == (0, "支付成功")
    found = answer["micro_pay"]
    assert state(found) == PAID[wallet]
    order, key = found["order_content"], found["pay_mch_key"]
    number = content["pay_content"]["out_trade_no"]
    assert order["out_trade_no"] == number
    assert (order["total_fee"], order["fee_type"], order["trade_type"]) == (1234, "CNY", 1)
    assert order["nonce_str"] == content["nonce_str"] != found["nonce_str"]
    assert (order["body"], order["remark"], order["client_flow_id"]) == ("咖啡", "少糖", "F-7")
    assert order["time_expire"] == order["create_time"] + 120
    assert order["time_end"] >= order["create_time"]
    assert order["is_transforming"] is False
    assert order["source_type"] == 0
    assert key["out_shop_id"] == till.out_shop_id
    assert key["sub_pay_platform"] == {"wechat": 100, "alipay": 200}[wallet]
    if wallet == "wechat":
        assert order["wxpay_order_content_ext"]["attach"] == "桌5"
    assert order["transaction_id"] == product.simulator.trade(number)["transaction_id"]  # type: ignore[index]
    assert calls(product, PAY[wallet]) == 1
    again = query(till, number)
    assert again["order_content"] == order
    assert again["order_client"] == content["order_client"]


@WALLETS
def test_the_wallet_is_told_by_the_code_where_the_client_does_not_say(
    product: Product, till: Till, wallet: str
) -> None:
    for said in (0, None):
        content = scan(product, till, wallet)
        content["pay_mch_key"]["pay_platform"] = said
        answer = till.call("micro_pay", content)
        assert state(answer["micro_pay"]) == 2
        assert (
            answer["micro_pay"]["pay_mch_key"]["pay_platform"] == {"wechat": 1, "alipay": 2}[wallet]
        )


@WALLETS
def test_a_platform_that_the_code_contradicts_is_refused_by_name(
    product: Product, till: Till, wallet: str
) -> None:
    content = scan(product, till, wallet)
    content["pay_mch_key"]["pay_platform"] = {"wechat": 2, "alipay": 1}[wallet]
    answer = till.call("micro_pay", content)
    assert refusal(answer) == (104, 1002)
    assert "pay_mch_key.pay_platform" in answer["description"]
    assert calls(product, PAY[wallet]) == 0
    content["pay_mch_key"]["pay_platform"] = {"wechat": 1, "alipay": 2}[wallet]
    assert till.call("micro_pay", content)["status"] == 0  # the number was not used up


@WALLETS
def test_while_the_payer_types_the_password_the_reply_says_to_ask(
    product: Product, till: Till, wallet: str
) -> None:
    product.simulator.switch(*PASSWORD[wallet])
    content = scan(product, till, wallet)
    answer = till.call("micro_pay", content)
    assert answer["status"] == 0
    assert state(answer["micro_pay"]) == PAYING[wallet]
    assert "查询" in answer["description"]
    number = content["pay_content"]["out_trade_no"]
    assert state(query(till, number)) == PAYING[wallet]
    product.simulator.wallet(wallet, {"out_trade_no": number}, "confirm", person="zhou")
    product.simulator.advance(6)
    product.sweep()
    assert state(query(till, number)) == 2


@pytest.mark.parametrize(
    ("wallet", "result", "number", "words"),
    [
        ("wechat", "NOTENOUGH", 10, "换一种付款方式"),
        ("wechat", "NOAUTH", 10, "服务商"),
        ("alipay", "ACQ.BUYER_BALANCE_NOT_ENOUGH", 5, "换一种付款方式"),
    ],
)
def test_a_definite_no_is_a_state_with_its_reason(
    product: Product, till: Till, wallet: str, result: str, number: int, words: str
) -> None:
    product.simulator.fault(PAY[wallet], "error", code=result)
    content = scan(product, till, wallet)
    answer = till.call("micro_pay", content)
    assert answer["status"] == 0
    assert state(answer["micro_pay"]) == number
    assert words in answer["description"]
    assert result in answer["description"]
    if wallet == "wechat":
        ext = answer["micro_pay"]["order_content"]["wxpay_order_content_ext"]
        assert result in ext["trade_state_desc"]
    asked = query(till, content["pay_content"]["out_trade_no"])
    assert state(asked) == number


@pytest.mark.parametrize(("kind", "after"), [("delay", 2), ("bad_signature", 2), ("drop", 9)])
def test_a_silent_wallet_is_paying_never_failed_and_the_till_asks(
    product: Product, till: Till, kind: str, after: int
) -> None:
    product.simulator.fault(PAY["wechat"], kind, ms=3500)  # we listen for three seconds here
    content = scan(product, till)
    answer = till.call("micro_pay", content)
    assert answer["status"] == 0
    assert state(answer["micro_pay"]) == 9
    assert "查询" in answer["description"]
    assert answer["micro_pay"]["order_content"]["is_transforming"] is True
    time.sleep(0.6)  # real time, until the delayed one has arrived there
    product.simulator.advance(6)
    product.sweep()
    assert state(query(till, content["pay_content"]["out_trade_no"])) == after
    assert calls(product) == (0 if kind == "drop" else 1)


def test_a_wallet_that_holds_the_call_is_not_waited_for_and_its_late_answer_counts(
    product: Product, till: Till
) -> None:
    """A peer slower than every timeout of ours: the till hears 9 in time, the charge goes on."""
    assert load_settings().cpay_answer_s <= 8  # and ten seconds are all that clients wait
    slow = product.deps.settings.model_copy(update={"cpay_answer_s": 1.0, "read_timeout_s": 30.0})
    deps = replace(product.deps, settings=slow, gateways=open_gateways(slow, product.deps.now))
    product.simulator.fault(PAY["wechat"], "delay", ms=3000)
    content = scan(product, till)
    text = json.dumps(content)
    body = {
        "request_content": text,
        "authen_info": {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}},
    }
    began = time.monotonic()
    answer = till.read(dispatch.answer(deps, "micro_pay", json.dumps(body).encode(), ip="").body)
    assert time.monotonic() - began < 2
    assert state(answer["micro_pay"]) == 9
    number = content["pay_content"]["out_trade_no"]
    deadline = time.monotonic() + 8
    while state(query(till, number)) == 9:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert state(query(till, number)) == 2
    assert calls(product) == 1


@WALLETS
def test_no_password_for_two_minutes_ends_as_reversed_or_closed(
    product: Product, till: Till, wallet: str
) -> None:
    number = waiting(product, till, wallet)
    for _ in range(14):
        product.simulator.advance(5)
        product.sweep()
    assert state(query(till, number)) == {"wechat": 8, "alipay": 5}[wallet]


def test_what_is_no_payment_code_names_the_member(product: Product, till: Till) -> None:
    answer = till.call("micro_pay", till.pay("6901234567892", 100))
    assert refusal(answer) == (104, 1002)
    assert answer["description"].startswith("参数pay_content.author_code")
    assert set(answer["micro_pay"]) == {"nonce_str"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"total_fee": 0}, (104, 1002, "pay_content.total_fee")),
        ({"total_fee": 1.5}, (104, 1002, "pay_content.total_fee")),
        ({"total_fee": "100.0"}, (104, 1002, "pay_content.total_fee")),
        ({"total_fee": 2_147_483_647}, (104, 1014, "pay_content.total_fee")),
        ({"fee_type": "USD"}, (104, 1002, "pay_content.fee_type")),
        ({"author_code": None}, (104, 1002, "pay_content.author_code")),
        ({"out_trade_no": "another0001"}, (102, 1002, "pay_content.out_trade_no")),
        ({"body": "长" * 129}, (104, 1002, "pay_content.body")),
    ],
)
def test_bad_members_are_named_and_nothing_is_charged(
    product: Product, till: Till, change: dict[str, Any], expected: tuple[int, int, str]
) -> None:
    content = scan(product, till)
    content["pay_content"] |= change
    answer = till.call("micro_pay", content)
    status, internal, path = expected
    assert refusal(answer) == (status, internal)
    assert path in answer["description"]
    assert calls(product) == 0


def test_a_number_that_wallets_do_not_take_asks_for_another(product: Product, till: Till) -> None:
    answer = till.call("micro_pay", scan(product, till, number=till.prefix + "桌七"))
    assert refusal(answer) == (102, 1002)
    assert "pay_content.out_trade_no" in answer["description"]


def test_what_real_clients_leave_out_or_send_otherwise_is_taken(
    product: Product, till: Till
) -> None:
    """Cloud Pay 1.9 and 1.10: no body, no nonce, device_id a number, 100.0, attach outside."""
    content = scan(product, till)
    pay = content["pay_content"]
    del pay["body"], content["nonce_str"]
    pay |= {"total_fee": 100.0, "attach": "外层", "is_shelves_order": False}
    content["order_client"]["device_id"] = 1
    content["pay_mch_key"]["pay_platform"] = 1.0
    answer = till.call("micro_pay", content)
    order = answer["micro_pay"]["order_content"]
    assert (answer["status"], order["total_fee"]) == (0, 100)
    assert order["wxpay_order_content_ext"]["attach"] == "外层"
    assert "湖滨店" in order["body"]
    found = query(till, pay["out_trade_no"])
    assert found["order_client"]["device_id"] == "1"


def test_a_members_card_is_paid_by_our_own_ledger(product: Product, till: Till) -> None:
    held = give_card(product.deps, 10_000)
    code = issue(product.deps, held.provider_id, held.card_id).text
    content = till.pay(code, 100)
    content["pay_mch_key"]["pay_platform"] = 3
    answer = till.call("micro_pay", content)
    assert answer["status"] == 0, answer
    assert state(answer["micro_pay"]) == 2
    assert answer["micro_pay"]["pay_mch_key"]["sub_pay_platform"] == 300
    assert query(till, content["pay_content"]["out_trade_no"])["order_content"]["total_fee"] == 100
    again = till.pay(code, 100)
    again["pay_mch_key"]["pay_platform"] = 0
    answer = till.call("micro_pay", again)
    assert refusal(answer) == (104, 1011)
    assert "已使用过" in answer["description"]


def test_a_shop_of_another_merchant_and_of_nobody_are_refused_alike(
    product: Product, till: Till
) -> None:
    other = Till.of(product, 1)
    own = till.call("micro_pay", scan(product, till))
    assert own["status"] == 0
    said = []
    for shop in (other.out_shop_id, "nobody-s-shop"):
        content = scan(product, till)
        content["pay_mch_key"]["out_shop_id"] = shop
        content["nonce_str"] = "0" * 32
        answer = till.call("micro_pay", content)
        assert refusal(answer) == (104, 1006)
        said.append(json.dumps(answer | {"log_id": 0}))
    assert said[0] == said[1]
    theirs = other.call("micro_pay", scan(product, other))
    assert theirs["status"] == 0 or theirs["internal_status"] == 1008


def test_the_longest_members_make_a_body_below_4096_bytes(product: Product, till: Till) -> None:
    """The C SDK holds no more of the whole body; order, state and names are never dropped."""
    content = scan(
        product, till, number=(till.prefix + "9" * 32)[:32], body="咖" * 128, remark="糖" * 127,
        detail="细" * 6000, client_flow_id="流" * 64,
        wxpay_pay_content_ext={"attach": "桌" * 127, "goods_tag": "标" * 32,
                               "product_id": "品" * 32, "limit_pay": "no_credit"},
    )  # fmt: skip
    content["order_client"] |= {
        name: "机" * most for name, most in (
            ("device_id", 64), ("staff_id", 64), ("machine_no", 32), ("sdk_version", 32),
            ("spbill_create_ip", 64), ("sn_code", 128), ("shop_id", 64))
    }  # fmt: skip
    content["nonce_str"] = "随" * 32
    product.simulator.switch("wechat.micropay_result", "NOTENOUGH")
    text = json.dumps(content, ensure_ascii=False)
    raw = till.send("micro_pay", text)
    assert len(raw) < 4096
    found = till.read(raw)
    assert state(found["micro_pay"]) == 10
    number = content["pay_content"]["out_trade_no"]
    body = json.dumps({"out_trade_no": number, "pay_mch_key": till.mch_key(), "nonce_str": "1"})
    raw = till.send("query_order", body)
    assert len(raw) < 4096
    assert till.read(raw)["query_order"]["order_content"]["out_trade_no"] == number


def test_the_clients_tag_and_limit_are_taken_and_shown(product: Product, till: Till) -> None:
    content = scan(
        product, till, wxpay_pay_content_ext={"goods_tag": "T7", "limit_pay": "no_credit"}
    )
    assert till.call("micro_pay", content)["status"] == 0
    ext = query(till, content["pay_content"]["out_trade_no"])["order_content"]
    shown = ext["wxpay_order_content_ext"]
    assert (shown["goods_tag"], shown["limit_pay"]) == ("T7", "no_credit")
    content = scan(product, till, wxpay_pay_content_ext={"limit_pay": "no_cash"})
    answer = till.call("micro_pay", content)
    assert refusal(answer) == (104, 1002)
    assert "limit_pay" in answer["description"]


def test_codes_and_payers_are_not_kept(product: Product, till: Till) -> None:
    code = paycode(product, "wechat")
    till.call("micro_pay", till.pay(code, 100))
    row = product.one("SELECT asked::text AS asked, reply FROM cpay_call")
    assert code not in row.asked + row.reply
