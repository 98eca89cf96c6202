"""query_order, close_order, reverse: one order as its merchant's till sees it, and ended by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.cards.codes import issue
from tests.harness.cloudpay import Till
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import (
    asking,
    calls,
    paid,
    query,
    refusal,
    scan,
    state,
    waiting,
)
from tests.integration.codepay.helping import PAY, REVERSE, WALLETS

MakePhone = Callable[..., Phone]
WAITS = {"wechat": 6, "alipay": 4}
CLOSED = {"wechat": 7, "alipay": 5}
REVERSED = {"wechat": 8, "alipay": 5}


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def on_page(product: Product, phone: MakePhone, wallet: str = "wechat") -> tuple[str, Any, Phone]:
    """(number, the bridge's parameters, the phone) of an order that a payer has begun on a page."""
    buyer = phone(wallet)
    bridge = buyer.start(amount="12.34")
    number = product.one("SELECT out_trade_no FROM pay_order WHERE status = 'paying'").out_trade_no
    return str(number), bridge, buyer


def end(till: Till, method: str, number: str, **more: Any) -> dict[str, Any]:
    return till.call(method, asking(till, number, **more))


@WALLETS
def test_an_order_of_a_pay_page_is_queried_like_any_other(
    product: Product, phone: MakePhone, till: Till, wallet: str
) -> None:
    number, bridge, buyer = on_page(product, phone, wallet)
    found = query(till, number)
    assert state(found) == WAITS[wallet]
    assert (found["order_content"]["trade_type"], found["order_content"]["source_type"]) == (8, 1)
    buyer.confirm(bridge)
    product.wait_paid(number)
    found = query(till, number)
    assert state(found) == {"wechat": 3, "alipay": 2}[wallet]
    assert found["order_content"]["total_fee"] == 1234
    assert found["order_content"]["nonce_str"]
    assert found["pay_mch_key"]["out_shop_id"] == till.out_shop_id


def test_the_state_is_right_at_both_sides_of_a_refund(product: Product, till: Till) -> None:
    number = paid(product, till, fen=1000)
    for fen, expected in ((400, 2), (600, 4)):
        answer = till.call("refund", {
            "refund_content": {"out_trade_no": number, "out_refund_no": till.number(),
                               "total_fee": 1000, "refund_fee": fen, "refund_fee_type": "CNY"},
            "pay_mch_key": till.mch_key(), "nonce_str": "1",
        })  # fmt: skip
        assert answer["status"] == 0, answer
        product.simulator.advance(60)
        product.sweep(2)
        found = query(till, number)
        assert state(found) == expected
    assert found["order_content"]["refunded_fee"] == 1000


def test_an_unknown_number_and_anothers_are_refused_alike_with_400(
    product: Product, till: Till
) -> None:
    number = paid(product, till)
    other = Till.of(product, 1)
    assert query(till, number)["order_content"]["out_trade_no"] == number
    for method in ("query_order", "close_order", "reverse", "query_refund_order"):
        said = []
        for one in (number, other.prefix + "000000001"):
            answer = end(other, method, one)
            assert refusal(answer) == (104, 400), method
            assert set(answer[method]) == {"nonce_str"}
            said.append(json.dumps(answer | {"log_id": 0}))
        assert said[0] == said[1]


def test_a_foreign_shop_is_refused_even_with_an_own_number(product: Product, till: Till) -> None:
    number = paid(product, till)
    other = Till.of(product, 1)
    for method in ("query_order", "close_order", "reverse", "query_refund_order"):
        key = till.mch_key(out_shop_id=other.out_shop_id)
        answer = till.call(method, asking(till, number, pay_mch_key=key))
        assert refusal(answer) == (104, 1006), method
        assert "pay_mch_key.out_shop_id" in answer["description"]


def test_a_query_makes_the_worker_ask_a_wallet_that_was_not_asked_lately(
    product: Product, phone: MakePhone, till: Till
) -> None:
    """A page's order is asked about ever more rarely; a till that waits is told sooner."""
    number, _, _ = on_page(product, phone)
    for _ in range(12):
        product.simulator.advance(5)
        product.sweep()
    before = calls(product, "wechat.query")
    due = product.one("SELECT due_at FROM pay_attempt WHERE status = 'payable'").due_at
    assert (due - product.deps.now()).total_seconds() > 20
    query(till, number)
    product.sweep()
    assert calls(product, "wechat.query") == before + 1
    query(till, number)  # at most every few seconds
    product.sweep()
    assert calls(product, "wechat.query") == before + 1


@WALLETS
def test_an_unpaid_order_is_closed_at_the_wallet_and_here(
    product: Product, phone: MakePhone, till: Till, wallet: str
) -> None:
    number, bridge, _ = on_page(product, phone, wallet)
    answer = end(till, "close_order", number)
    assert answer["status"] == 0
    assert set(answer["close_order"]) == {"nonce_str"}
    assert state(query(till, number)) == CLOSED[wallet]
    trade = product.simulator.trade(number)
    assert trade is None or trade["state"] in ("CLOSED", "TRADE_CLOSED")
    assert product.simulator.wallet(wallet, bridge, "confirm", person="lin")[0] >= 400
    assert end(till, "close_order", number)["status"] == 0  # again: the same
    row = product.one("SELECT close_reason FROM pay_order WHERE out_trade_no = :n", n=number)
    assert row.close_reason == "cancelled"


def test_a_paid_order_is_not_closed(product: Product, phone: MakePhone, till: Till) -> None:
    number, bridge, buyer = on_page(product, phone)
    buyer.confirm(bridge)
    product.wait_paid(number)
    answer = end(till, "close_order", number)
    assert refusal(answer) == (104, 1013)
    assert "refund" in answer["description"]


def test_an_order_paid_while_it_is_closed_is_paid(
    product: Product, phone: MakePhone, till: Till
) -> None:
    """The wallet has the money and we have not heard: closing finds out, and says so."""
    product.simulator.fault("wechat.notify", "drop", times=100)
    number, bridge, buyer = on_page(product, phone)
    buyer.confirm(bridge)
    answer = end(till, "close_order", number)
    assert refusal(answer) == (104, 1013)
    assert state(query(till, number)) == 3


def test_a_closing_without_an_answer_is_unknown_and_ends_by_itself(
    product: Product, phone: MakePhone, till: Till
) -> None:
    number, _, _ = on_page(product, phone)
    product.simulator.fault("wechat.close", "drop")
    answer = end(till, "close_order", number)
    assert refusal(answer) == (103, 1012)
    assert state(query(till, number)) == 6
    product.simulator.advance(6)
    product.sweep()
    assert state(query(till, number)) == 7
    assert end(till, "close_order", number)["status"] == 0


def test_a_tills_own_payment_is_reversed_not_closed(product: Product, till: Till) -> None:
    number = waiting(product, till)
    answer = end(till, "close_order", number)
    assert refusal(answer) == (104, 1013)
    assert "reverse" in answer["description"]
    assert state(query(till, number)) == 9


@WALLETS
def test_a_waiting_payment_is_reversed_and_never_charged_after(
    product: Product, till: Till, wallet: str
) -> None:
    number = waiting(product, till, wallet)
    product.simulator.advance(16)
    answer = end(till, "reverse", number)
    assert answer["status"] == 0, answer
    assert set(answer["reverse"]) == {"nonce_str"}
    assert state(query(till, number)) == REVERSED[wallet]
    act = product.simulator.wallet(wallet, {"out_trade_no": number}, "confirm", person="zhou")
    assert act[0] >= 400
    assert end(till, "reverse", number)["status"] == 0
    assert calls(product, REVERSE[wallet]) == 1


def test_wechat_takes_no_reversal_within_15_s_so_the_answer_is_to_ask_again(
    product: Product, till: Till
) -> None:
    number = waiting(product, till)
    answer = end(till, "reverse", number)
    assert refusal(answer) == (103, 1012)
    found = query(till, number)
    assert state(found) == 9
    assert "正在撤销" in found["order_content"]["wxpay_order_content_ext"]["trade_state_desc"]
    product.simulator.advance(16)
    product.sweep()
    assert end(till, "reverse", number)["status"] == 0
    assert state(query(till, number)) == 8


def test_an_unknown_payment_is_reversed_and_what_was_paid_goes_back(
    product: Product, till: Till
) -> None:
    product.simulator.fault(PAY["wechat"], "bad_signature")
    content = scan(product, till)
    assert state(till.call("micro_pay", content)["micro_pay"]) == 9
    number = content["pay_content"]["out_trade_no"]
    assert product.simulator.trade(number)["state"] == "SUCCESS"  # type: ignore[index]
    product.simulator.advance(16)
    assert end(till, "reverse", number)["status"] == 0
    assert state(query(till, number)) == 8
    assert product.simulator.trade(number)["state"] == "REVOKED"  # type: ignore[index]


@WALLETS
def test_reversing_a_paid_payment_gives_the_money_back_once(
    product: Product, till: Till, wallet: str
) -> None:
    number = paid(product, till, wallet)
    first = end(till, "reverse", number)
    assert first["status"] == 0
    second = end(till, "reverse", number)
    assert second["status"] == 0
    product.simulator.advance(60)
    product.sweep(2)
    assert state(query(till, number)) == {"wechat": 4, "alipay": 5}[wallet]
    row = product.one("SELECT out_refund_no, amount_fen, status FROM refund")
    assert (row.amount_fen, row.status) == (1234, "success")
    assert row.out_refund_no.startswith(till.prefix)
    assert "已退回" in end(till, "reverse", number)["description"]


def test_what_is_partly_refunded_is_not_reversed(product: Product, till: Till) -> None:
    number = paid(product, till, fen=1000)
    till.call("refund", {
        "refund_content": {"out_trade_no": number, "out_refund_no": till.number(),
                           "total_fee": 1000, "refund_fee": 1, "refund_fee_type": "CNY"},
        "pay_mch_key": till.mch_key(),
    })  # fmt: skip
    answer = end(till, "reverse", number)
    assert refusal(answer) == (104, 1013)
    assert "refund" in answer["description"]
    product.simulator.advance(60)
    product.sweep(2)


def test_only_the_till_that_charged_reverses(product: Product, till: Till) -> None:
    number = paid(product, till)
    client = till.client(machine_no="ANOTHER-TILL")
    answer = end(till, "reverse", number, order_client=client)
    assert refusal(answer) == (104, 1002)
    assert "order_client.machine_no" in answer["description"]
    assert product.sql("SELECT 1 FROM refund") == []


def test_a_page_s_order_is_not_reversed(product: Product, phone: MakePhone, till: Till) -> None:
    number, _, _ = on_page(product, phone)
    answer = end(till, "reverse", number)
    assert refusal(answer) == (104, 1013)
    assert "close_order" in answer["description"]


def test_a_card_payment_is_reversed_onto_the_card(product: Product, till: Till) -> None:
    held = give_card(product.deps, 10_000)
    content = till.pay(issue(product.deps, held.provider_id, held.card_id).text, 100)
    content["pay_mch_key"]["pay_platform"] = 3
    number = content["pay_content"]["out_trade_no"]
    assert till.call("micro_pay", content)["status"] == 0
    answer = end(till, "reverse", number)
    assert (answer["status"], answer["description"]) == (0, "已撤销，钱已退回")
    assert state(query(till, number)) == 4
