"""Orders of a merchant's own system: each road to its end, against the simulator's wallets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.cloudpay import dispatch
from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.harness.receiver import Receiver, receiver
from tests.integration.callbacks.helping import key_of, opened, post, tell, understood
from tests.integration.cloudpay.helping import calls, query, refusal, state
from tests.integration.cloudpay.ordering import (
    APP,
    H5,
    MINI,
    PAGE_ALIPAY,
    PAGE_WECHAT,
    ROADS,
    SCAN_ALIPAY,
    SCAN_WECHAT,
    Road,
    attempt,
    number_of,
    order,
    order_row,
    ordered,
    pay,
    sheet,
)

EACH = pytest.mark.parametrize("road", ROADS, ids=lambda road: road.name)
SOME = pytest.mark.parametrize(
    "road", [SCAN_WECHAT, SCAN_ALIPAY, PAGE_ALIPAY, H5], ids=lambda road: road.name
)
SIGNED_AGAIN = (PAGE_WECHAT, PAGE_ALIPAY, MINI, APP)  # by a prepay_id that we hold
UNPAID = {"wechat": 6, "alipay": 4}
PAID = {"wechat": 3, "alipay": 2}


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


@EACH
def test_an_order_is_paid_and_queried(product: Product, till: Till, road: Road) -> None:
    content = order(till, road, 1234, remark="少糖", client_flow_id="F-7")
    number = number_of(content)
    result = ordered(till, road, content)
    assert len(result["nonce_str"]) == 32
    found = query(till, number)
    assert state(found) == UNPAID[road.wallet]
    pay(product, road, result)
    product.wait_paid(number)
    found = query(till, number)
    said = found["order_content"]
    assert state(found) == PAID[road.wallet]
    assert (said["trade_type"], said["source_type"]) == (road.trade_type, 0)
    assert (said["total_fee"], said["body"], said["remark"]) == (1234, "咖啡", "少糖")
    assert said["time_expire"] == said["create_time"] + 120
    row = order_row(product, number)
    assert (row.intent_key, row.status) == (f"api:{number}", "paid")
    trade = product.simulator.trade(number)
    assert trade is not None
    assert said["transaction_id"] == trade["transaction_id"]


@EACH
def test_the_same_call_again_has_the_first_reply_byte_for_byte(
    product: Product, till: Till, road: Road
) -> None:
    content = order(till, road)
    first = till.send(road.method, json.dumps(content))
    content["nonce_str"] = "f" * 32  # no replay guard: a retry may draw another
    assert till.send(road.method, json.dumps(content)) == first
    assert calls(product, road.trail) == 1
    pay(product, road, till.read(first)[road.result])
    product.wait_paid(number_of(content))
    assert till.send(road.method, json.dumps(content)) == first


@SOME
def test_the_number_with_other_content_is_refused(product: Product, till: Till, road: Road) -> None:
    content = order(till, road)
    ordered(till, road, content)
    content["pay_content"]["total_fee"] += 1
    answer = till.call(road.method, content)
    assert refusal(answer) == (102, 1009)
    assert set(answer[road.result]) == {"nonce_str"}
    assert calls(product, road.trail) == 1
    assert query(till, number_of(content))["order_content"]["total_fee"] == 1234


@EACH
def test_what_nobody_pays_is_closed_at_its_time_and_can_not_be_paid_after(
    product: Product, till: Till, road: Road
) -> None:
    content = order(till, road)
    result, number = ordered(till, road, content), number_of(content)
    product.simulator.advance(125)
    product.sweep()
    assert order_row(product, number).status == "closed"
    assert state(query(till, number)) in {"wechat": (7,), "alipay": (5, 7)}[road.wallet]
    status, _ = product.simulator.wallet(road.wallet, sheet(road, result), "confirm", person="lin")
    assert status == 400
    product.simulator.advance(70)
    product.sweep()
    assert attempt(product, number).due_at is None


REFUSED = {
    "wechat": ("wechat.sub.1900000109", "no_product", "NO_AUTH"),
    "alipay": ("alipay.product.2088000000000109", "none", "ACQ.ACCESS_FORBIDDEN"),
}


@SOME
def test_a_wallets_no_is_told_with_its_code_and_the_number_is_spent(
    product: Product, till: Till, road: Road
) -> None:
    name, how, code = REFUSED[road.wallet]
    product.simulator.switch(name, how)
    content = order(till, road)
    first = till.send(road.method, json.dumps(content))
    answer = till.read(first)
    assert refusal(answer) == (104, 1011)
    assert f"（{code}）" in answer["description"]
    assert "没有收款" in answer["description"]
    row = order_row(product, number_of(content))
    assert (row.status, row.close_reason, row.reject_code) == ("closed", "rejected", code)
    product.simulator.switch(name, "")
    assert till.send(road.method, json.dumps(content)) == first
    assert calls(product, road.trail) == 1
    ordered(till, road, order(till, road))


@SOME
def test_a_silent_wallet_is_unknown_and_the_same_call_again_is_the_same_order(
    product: Product, till: Till, road: Road
) -> None:
    """The wallet took it, but its answer was lost: nobody holds a way to pay yet."""
    product.simulator.fault(road.on, "lose_answer")
    content = order(till, road)
    number = number_of(content)
    assert refusal(till.call(road.method, content)) == (103, 1012)
    assert query(till, number)["order_content"]["is_transforming"] is True
    pay(product, road, ordered(till, road, content))
    product.wait_paid(number)
    assert len(product.sql("SELECT 1 FROM pay_attempt WHERE order_id = :o",
                           o=order_row(product, number).id)) == 1  # fmt: skip


@SOME
def test_a_wallet_that_never_heard_of_it_leaves_nothing_behind(
    product: Product, till: Till, road: Road
) -> None:
    product.simulator.fault(road.on, "drop")
    content = order(till, road)
    assert refusal(till.call(road.method, content)) == (103, 1012)
    product.simulator.advance(125)
    product.sweep()
    assert order_row(product, number_of(content)).status == "closed"
    answer = till.call(road.method, content)
    assert refusal(answer) == (104, 1013)
    assert "请换新订单号" in answer["description"]


def test_a_slow_wallet_is_answered_in_time_and_its_answer_is_kept(
    product: Product, till: Till
) -> None:
    """The reply says that nothing is decided; the work goes on, and a repeat has its fruit."""
    quick = product.deps.settings.model_copy(update={"cpay_answer_s": 0.5})
    product.simulator.fault("wechat.native", "delay", ms=1500)
    content = order(till, SCAN_WECHAT)
    text = json.dumps(content)
    proof = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}}
    body = json.dumps({"request_content": text, "authen_info": proof}).encode()
    deps = replace(product.deps, settings=quick)
    raw = dispatch.answer(deps, "scan_code_pay", body, ip="127.0.0.1").body
    assert refusal(till.read(raw)) == (103, 1012)
    for thread in threading.enumerate():
        if thread.name == "api call":
            thread.join(10)
    pay(product, SCAN_WECHAT, ordered(till, SCAN_WECHAT, content))
    product.wait_paid(number_of(content))


def _died(product: Product, number: str) -> None:
    """The process that worked on the call was killed before its reply was kept."""
    product.do(
        "UPDATE cpay_call SET reply = NULL, answered_at = NULL, lease_until = created_at"
        " WHERE number = :n", n=number,
    )  # fmt: skip


@EACH
def test_a_call_whose_process_died_is_the_same_order_ordered_again(
    product: Product, till: Till, road: Road
) -> None:
    content = order(till, road)
    number = number_of(content)
    first = ordered(till, road, content)
    _died(product, number)
    product.simulator.advance(20)  # what is signed with the time, or drawn, is another
    again = ordered(till, road, content)
    pay(product, road, again)
    product.wait_paid(number)
    assert len(product.sql("SELECT 1 FROM pay_attempt")) == 1
    assert again["nonce_str"] != first["nonce_str"]
    assert calls(product, road.trail) == (1 if road in SIGNED_AGAIN else 2)


def test_a_repeat_whose_order_went_on_claims_no_more_than_is_known(
    product: Product, till: Till
) -> None:
    content = order(till, SCAN_WECHAT)
    number = number_of(content)
    result = ordered(till, SCAN_WECHAT, content)
    _died(product, number)
    pay(product, SCAN_WECHAT, result)
    product.wait_paid(number)
    answer = till.call("scan_code_pay", content)
    assert refusal(answer) == (103, 1013), "never a failure: it is paid"
    assert "已支付" in answer["description"]
    content = order(till, SCAN_WECHAT)
    ordered(till, SCAN_WECHAT, content)
    _died(product, number_of(content))
    product.simulator.advance(121)
    assert refusal(till.call("scan_code_pay", content)) == (103, 1012), "not closed yet"
    product.sweep()
    assert refusal(till.call("scan_code_pay", content)) == (104, 1013)


@EACH
def test_the_callback_says_what_the_call_said(
    product: Product, till: Till, there: Receiver, road: Road
) -> None:
    tell(product, there)
    content = order(till, road, remark="少糖", client_flow_id="F-7",
                    wxpay_pay_content_ext={"attach": "桌5", "product_id": "P1"})  # fmt: skip
    pay(product, road, ordered(till, road, content))
    product.wait_paid(number_of(content))
    product.run_jobs()
    post(opened(product))
    (heard,) = there.heard
    told = understood(heard, key_of(product))
    said = told["order_content"]
    assert (said["trade_type"], said["source_type"]) == (road.trade_type, 0)
    assert said["nonce_str"] == content["nonce_str"]
    assert (said["body"], said["remark"], said["client_flow_id"]) == ("咖啡", "少糖", "F-7")
    client = content.get("order_client") or {"device_id": "", "terminal_type": 100}
    assert {name: told["order_client"][name] for name in client} == client
    if road.wallet == "wechat":
        ext = said["wxpay_order_content_ext"]
        assert (ext["current_trade_state"], ext["attach"]) == (3, "桌5")
        assert ext["product_id"] == "P1"
    asked = query(till, number_of(content))
    assert asked["order_content"]["nonce_str"] == said["nonce_str"]
    by_open_id = (PAGE_WECHAT, PAGE_ALIPAY)
    payer = told["pay_mch_key"].get(f"{'wxpay' if road.wallet == 'wechat' else 'alipay'}"
                                    "_pay_mch_key_ext", {})  # fmt: skip
    assert bool({"open_id", "user_id"} & set(payer)) is (road in by_open_id)
