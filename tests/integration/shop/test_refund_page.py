"""A refund in three taps: who may, what is shown before, what is said after, and only once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.refunds.helping import (
    SENT,
    WALLETS,
    MakePhone,
    pay,
    refunds,
    room,
    the_order,
)
from tests.integration.shop.helping import DONGPO, Till, fields, says

LARGE = "500"


def url(order: Any) -> str:
    return f"/m/orders/{order.out_trade_no}/refund"


def first_two_taps(till: Till, order: Any, amount: str, **more: str) -> dict[str, str]:
    """The form that the last tap sends."""
    form = fields(till.get(url(order))) | {"amount": amount, "reason": "多收款", **more}
    sure = till.post(url(order), **form)
    assert sure.status_code == 200, sure.text
    assert refunds(till.product) == [], "looking asks for nothing"
    return fields(sure.text)


@WALLETS
def test_three_taps_refund_once_and_say_how_it_stands(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order, till = pay(product, phone, wallet), Till(product, "manager")
    detail = till.get(f"/m/orders/{order.out_trade_no}")
    assert url(order) in detail
    form = first_two_taps(till, order, "36")
    done = till.post(url(order), **form)
    assert done.status_code == 303
    (made,) = refunds(product)
    assert (made.amount_fen, made.reason, made.asked_by) == (3600, "多收款", f"staff:{till.id}")
    assert made.out_refund_no.startswith("sz0100qhcs")
    assert len(made.out_refund_no) <= 32
    page = says(till.get(done.headers["Location"]))
    if wallet == "wechat":
        assert made.status == "processing"
        assert "退款已受理" in page
        assert "还没到顾客手里" in page
        assert "已退款 ¥36.00。" not in page
    again = till.post(url(order), **form)
    assert again.headers["Location"] == done.headers["Location"], "the same form: the same refund"
    assert len(refunds(product)) == 1
    simulator.advance(15)
    product.sweep()
    page = says(till.get(done.headers["Location"]))
    assert "已退款 ¥36.00。 钱已经退给顾客" in page.replace("。钱", "。 钱")
    assert "林小满操作" in page
    assert the_order(product, order).refunded_fen == 3600


def test_a_hurried_thumb_refunds_once(product: Product, phone: MakePhone) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "60")
    answers: list[int] = []
    taps = [
        threading.Thread(target=lambda: answers.append(till.post(url(order), **form).status_code))
        for _ in range(6)
    ]
    for tap in taps:
        tap.start()
    for tap in taps:
        tap.join()
    assert answers == [303] * 6
    assert len(refunds(product)) == 1
    assert room(product, order)[0] == 6000


def test_the_back_button_with_another_sum_is_no_second_refund(
    product: Product, phone: MakePhone
) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "10")
    assert till.post(url(order), **form).status_code == 303
    other = till.post(url(order), **{**form, "amount": "20"})
    assert other.status_code == 409
    assert "REFUND_CONFLICT" in other.text
    assert len(refunds(product)) == 1


@pytest.mark.parametrize("again", ["", "50", "500.01", "五百"])
def test_a_large_refund_is_confirmed_once_more(
    product: Product, phone: MakePhone, again: str
) -> None:
    order, till = pay(product, phone, "wechat", LARGE), Till(product, "manager")
    form = first_two_taps(till, order, LARGE)
    second = till.post(url(order), **form)
    assert second.status_code == 200
    assert "再输一次退款金额" in second.text
    wrong = till.post(url(order), **form, again=again)
    assert wrong.status_code == (400 if again else 200)
    assert refunds(product) == []
    assert till.post(url(order), **form, again="５００.00").status_code == 303
    assert [one.amount_fen for one in refunds(product)] == [50_000]


def test_just_below_the_limit_once_is_enough(product: Product, phone: MakePhone) -> None:
    order, till = pay(product, phone, "wechat", LARGE), Till(product, "manager")
    assert till.post(url(order), **first_two_taps(till, order, "499.99")).status_code == 303


@pytest.mark.parametrize(
    "amount", ["", "0", "-1", "0.001", "1e2", "100.01", "abc", "100000000000000", "0x10"]
)
def test_a_sum_that_cannot_be_is_refused_before_anything(
    product: Product, phone: MakePhone, amount: str
) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = fields(till.get(url(order))) | {"amount": amount}
    for sure in ({}, {"sure": "1"}):
        refused = till.post(url(order), **form, **sure)
        assert 400 <= refused.status_code < 500, amount
    assert refunds(product) == []


def test_without_the_page_s_token_nothing_is_done(product: Product, phone: MakePhone) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "1") | {"token": "x"}
    assert till.post(url(order), **form).status_code == 400
    form = first_two_taps(till, order, "1")
    form.pop("key")
    assert till.post(url(order), **form).status_code == 400
    assert refunds(product) == []


def test_whoever_was_dismissed_with_the_form_open_is_refused(
    product: Product, phone: MakePhone
) -> None:
    """failures.md 33: the right is read again at submit, and the refusal is remembered."""
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "1")
    product.do("UPDATE staff SET can_refund = false WHERE id = :i", i=till.id)
    refused = till.post(url(order), **form)
    assert refused.status_code == 403
    assert "没有退款权限" in refused.text
    denied = product.one("SELECT actor, facts FROM audit_entry WHERE action = 'refund_denied'")
    assert denied.actor == f"staff:{till.id}"
    assert denied.facts["amount_fen"] == 100
    assert till.answer(url(order)).status_code == 403
    product.do("UPDATE staff SET is_active = false WHERE id = :i", i=till.id)
    assert till.post(url(order), **form).status_code == 403
    assert refunds(product) == []


def test_a_clerk_refunds_with_the_right_and_on_duty_only(
    product: Product, phone: MakePhone
) -> None:
    plain, trusted = Till(product, "clerk"), Till(product, "clerk", can_refund=True, name="周周")
    product.do("UPDATE pay_code SET staff_id = :i WHERE code = '8K3FQ2'", i=trusted.id)
    order = pay(product, phone, "wechat")
    off = trusted.answer(url(order))
    assert off.status_code == 403
    assert "REFUND_OFF_DUTY" in off.text
    for till in (plain, trusted):
        till.clock_in()
    assert plain.answer(url(order)).status_code == 403
    form = first_two_taps(trusted, order, "5")
    product.do("UPDATE shift SET state = 'summing', ended_at = now(), due_at = now()")
    late = trusted.post(url(order), **form)
    assert late.status_code == 403
    assert "REFUND_OFF_DUTY" in late.text
    product.do("UPDATE pay_order SET staff_id = NULL")  # another's code: seen on duty alone
    again = trusted.post(url(order), **form)
    assert (again.status_code, "REFUND_OFF_DUTY" in again.text) == (403, True)
    assert "8K3FQ2" not in trusted.post(url(order), **form | {"amount": "no sum"}).text
    denied = product.sql("SELECT 1 FROM audit_entry WHERE action = 'refund_denied'")
    assert len(denied) == 2
    assert refunds(product) == []


def test_another_store_s_and_merchant_s_orders_do_not_exist(
    product: Product, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    own = Till(product, "manager")
    form = first_two_taps(own, order, "1")
    for stranger in (
        Till(product, "manager", shop=DONGPO),
        Till(product, merchant="sub02NANCHUANG5T7W2Y"),
    ):
        assert stranger.answer(url(order)).status_code == 404
        token = fields(stranger.get("/m/orders")).get("token", "")
        assert stranger.post(url(order), **{**form, "token": token}).status_code in (400, 404)
    assert refunds(product) == []


def test_a_balance_too_low_waits_and_says_why(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "1")
    simulator.switch("wechat.merchant_funds", "short")
    page = says(till.get(till.post(url(order), **form).headers["Location"]))
    assert "余额不足，退款等待中" in page
    assert "自动提现" in page
    home = says(till.get("/m/"))
    assert "这些钱要留意" in home
    assert order.out_trade_no in till.get("/m/")


def test_a_lost_answer_is_not_called_done(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    form = first_two_taps(till, order, "1")
    simulator.fault(SENT["wechat"], "lose_answer")
    page = says(till.get(till.post(url(order), **form).headers["Location"]))
    assert "退款确认中" in page
    assert "不要重复退款" in page
    simulator.advance(15)
    product.sweep()
    assert [one.status for one in refunds(product)] == ["success"]
    assert len({r["out_refund_no"] for t in simulator.books() for r in t["refunds"]}) == 1


def test_nothing_left_is_said(product: Product, simulator: Simulator, phone: MakePhone) -> None:
    order, till = pay(product, phone, "wechat"), Till(product, "manager")
    assert till.post(url(order), **first_two_taps(till, order, "100")).status_code == 303
    assert url(order) not in till.get(f"/m/orders/{order.out_trade_no}")
    full = till.answer(url(order))
    assert full.status_code == 409
    assert "没有可退的金额了" in full.text
    simulator.advance(15)
    product.sweep()
