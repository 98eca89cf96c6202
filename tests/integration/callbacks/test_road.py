"""From a payment to a receiver that understands it: once, true, signed with the provider's key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.followup import after_payment
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.receiver import Receiver, receiver
from tests.harness.simulator import Simulator
from tests.integration.callbacks.helping import (
    MAIN,
    OTHER,
    MakePhone,
    callbacks,
    key_of,
    opened,
    pay,
    post,
    tell,
    understood,
)
from tests.integration.looking import cases, orders
from tests.integration.refunds.helping import WALLETS, refund


def seconds(at: Any) -> int:
    return int(at.timestamp())


STATE = {
    "wechat": ("wxpay_order_content_ext", 3, 4, 1, 100),
    "alipay": ("alipay_order_content_ext", 2, 5, 2, 200),
}


@WALLETS
def test_a_payment_is_told_once_in_cloud_pays_words(
    product: Product, phone: MakePhone, there: Receiver, wallet: str
) -> None:
    tell(product, there)
    order = pay(product, phone, wallet, "12.34")
    assert callbacks(product) == [], "written by the job that was committed with the money"
    product.run_jobs()
    after_payment(product.deps, order.provider_id, order.id)  # a job may run twice
    post(opened(product))
    (heard,) = there.heard
    content = understood(heard, key_of(product))
    ext, paid, _, platform, sub = STATE[wallet]
    said = content["order_content"]
    assert said[ext]["current_trade_state"] == paid
    assert said["out_trade_no"] == order.out_trade_no
    assert said["transaction_id"] == order.transaction_id
    assert said["total_fee"] == order.amount_fen == 1234
    assert (said["time_end"], said["create_time"]) == (
        seconds(order.paid_at),
        seconds(order.created_at),
    )
    assert (said["trade_type"], said["source_type"], said["fee_type"]) == (8, 1, "CNY")
    assert said["body"] == "青禾茶事 · 湖滨店"
    assert "refunded_fee" not in said
    parties = content["pay_mch_key"]
    assert (parties["pay_platform"], parties["sub_pay_platform"]) == (platform, sub)
    assert parties["out_mch_id"] == MAIN
    assert parties["out_sub_mch_id"] == "sub01QINGHE8H2K4M6P9"
    assert parties["out_shop_id"] == "qinghe-hubin"
    assert len(content["nonce_str"]) == 32
    assert content["order_client"]["device_id"] == "8K3FQ2"
    (row,) = callbacks(product)
    assert (row.event, row.status, row.tries, row.last_status) == (
        "pay_success",
        "delivered",
        1,
        200,
    )
    assert post(opened(product)) == []


def test_a_wrong_key_does_not_verify_and_the_merchants_key_is_a_wrong_key(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    tell(product, there)
    pay(product, phone, "wechat")
    product.run_jobs()
    post(opened(product))
    info = product.app.test_cli_runner().invoke(args=["demo-info"])
    printed = json.loads(info.stdout)
    understood(there.heard[0], printed["provider"]["authen_key"])
    for merchant in printed["merchants"]:
        with pytest.raises(AssertionError):
            understood(there.heard[0], merchant["authen_key"])


def test_nothing_is_told_without_an_address_and_nothing_of_before_it(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    pay(product, phone, "wechat")
    product.run_jobs()
    tell(product, there)
    product.run_jobs()
    assert callbacks(product) == []
    assert post(opened(product)) == []


def test_each_provider_hears_of_its_own_payments_alone(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    with receiver() as other:
        tell(product, there)
        tell(product, other, out_mch_id=OTHER)
        pay(product, phone, "wechat")
        foreign: Phone = phone("wechat", "zhou")
        made = foreign.press(foreign.form("5T1MZ9", OTHER), "7").json()
        foreign.confirm(made)
        number = orders(product)[-1].out_trade_no
        product.wait_paid(number)
        product.run_jobs()
        post(opened(product))
        mine, theirs = there.wait(1), other.wait(1)
    assert understood(mine, key_of(product))["pay_mch_key"]["out_mch_id"] == MAIN
    content = understood(theirs, key_of(product, OTHER))
    assert content["pay_mch_key"]["out_mch_id"] == OTHER
    assert content["order_content"]["out_trade_no"] == number
    assert len(there.heard) == len(other.heard) == 1
    with pytest.raises(AssertionError):
        understood(theirs, key_of(product))


@WALLETS
def test_a_late_callback_of_an_order_refunded_meanwhile_tells_the_truth(
    product: Product, simulator: Simulator, phone: MakePhone, there: Receiver, wallet: str
) -> None:
    tell(product, there)
    order = pay(product, phone, wallet)
    product.run_jobs()
    there.answer = lambda _: (500, {}, b"")
    post(opened(product))
    ext, paid, refunded, _, _ = STATE[wallet]
    for fen, state, total in ((4000, paid, 4000), (6000, refunded, 10000)):
        refund(product, order, fen)
        simulator.advance(60)
        product.sweep()
        post(opened(product))
        said = understood(there.heard[-1], key_of(product))["order_content"]
        assert said[ext]["current_trade_state"] == state
        assert (said["total_fee"], said["refunded_fee"]) == (10000, total)
    assert len(there.heard) == 3


@WALLETS
def test_a_refund_is_told_where_it_is_wanted(
    product: Product, simulator: Simulator, phone: MakePhone, there: Receiver, wallet: str
) -> None:
    tell(product, there, on_refund=True)
    order = pay(product, phone, wallet)
    product.run_jobs()
    made = refund(product, order, 3000)
    simulator.advance(15)
    product.sweep()
    post(opened(product))
    contents = [understood(heard, key_of(product)) for heard in there.heard]
    (told,) = [c["refund_order_content"] for c in contents if "refund_order_content" in c]
    (said,) = told
    assert (said["out_refund_no"], said["out_trade_no"]) == (made.out_refund_no, order.out_trade_no)
    assert (said["refund_fee"], said["total_fee"]) == (3000, 10000)
    assert said["refund_reason"] == "缺一份小菜"
    row = product.one("SELECT * FROM refund")
    assert said["refund_success_time"] == seconds(row.succeeded_at)
    assert said.get("refund_id") == row.refund_id
    if wallet == "wechat":
        account = "REFUND_SOURCE_UNSETTLED_FUNDS"  # what WeChat chose
        assert said["wxpay_refund_order_content_ext"] == {"state": 2, "refund_account": account}
    else:
        assert said["alipay_refund_order_content_ext"] == {"refund_status": 2}
    assert [row.event for row in callbacks(product)] == ["pay_success", "refund_success"]


def test_refunds_are_not_told_unless_they_are_wanted(
    product: Product, simulator: Simulator, phone: MakePhone, there: Receiver
) -> None:
    tell(product, there)
    order = pay(product, phone, "alipay")
    product.run_jobs()
    refund(product, order, 3000)
    simulator.advance(15)
    product.sweep()
    assert [row.event for row in callbacks(product)] == ["pay_success"]


def test_an_erased_payer_is_not_told(product: Product, phone: MakePhone, there: Receiver) -> None:
    tell(product, there)
    order = pay(product, phone, "wechat")
    product.run_jobs()
    post(opened(product))
    payer = understood(there.heard[0], key_of(product))["pay_mch_key"]["wxpay_pay_mch_key_ext"]
    assert len(payer["open_id"]) > 10
    runner = product.app.test_cli_runner()
    assert runner.invoke(args=["payer", "erase", order.out_trade_no]).exit_code == 0
    (row,) = callbacks(product)
    assert runner.invoke(args=["callbacks", "replay", str(row.id)]).exit_code == 0
    post(opened(product))
    erased = understood(there.heard[1], key_of(product))["pay_mch_key"]["wxpay_pay_mch_key_ext"]
    assert set(erased) == {"app_id"}
    assert cases(product) == []
