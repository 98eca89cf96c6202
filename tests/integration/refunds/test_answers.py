"""What wallets answer to a refund: accepted, done, nothing, no, later."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from services.refunds import people
from services.refunds.asking import ask_for
from services.refunds.refusals import RefundNotWaiting
from tests.harness.phone import words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import calls, cases, until
from tests.integration.refunds.helping import (
    SENT,
    WALLETS,
    MakePhone,
    asked,
    pay,
    refund,
    refunds,
    room,
    the_order,
)

SHORT = {"wechat": "wechat.merchant_funds", "alipay": "alipay.seller_balance"}


def slow(simulator: Simulator, wallet: str) -> None:
    """The money comes back later than the answer, and nobody is told."""
    simulator.fault(f"{wallet}.refund_notify", "drop", times=1000)
    if wallet == "alipay":
        simulator.switch("alipay.refund_outcome", "later")


@WALLETS
def test_accepted_is_not_refunded(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    slow(simulator, wallet)
    order = pay(product, phone, wallet)
    made = refund(product, order, 3000)
    assert made.status == "processing"
    assert the_order(product, order).refunded_fen == 0
    assert room(product, order) == (3000, 0)
    for page in surfaces(product, order):
        assert "退款已受理" in page
        assert "已退款" not in page
    simulator.advance(15)
    product.sweep()
    assert refunds(product)[0].status == "success"
    for page in surfaces(product, order):
        assert "已退款" in page
        assert "退款已受理" not in page


def surfaces(product: Product, order: Any) -> list[str]:
    """The words of every page that speaks of the order's refunds: merchant's and payer's."""
    (owner,) = product.sql("SELECT out_mch_id FROM provider WHERE id = :p", p=order.provider_id)
    url = f"{product.url}/q/{owner.out_mch_id}/o/{order.public_id}"
    payer = requests.get(url, headers={"User-Agent": "MicroMessenger/8.0"}, timeout=10)
    assert payer.status_code == 200
    return [
        words(product.merchant_page(f"/m/orders/{order.out_trade_no}")),
        words(payer.text),
    ]


@WALLETS
def test_a_refund_whose_answer_was_lost_is_found_by_asking(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 29: unknown, asked about, done; once."""
    order = pay(product, phone, wallet)
    simulator.fault(SENT[wallet], "lose_answer")
    simulator.fault(f"{wallet}.refund_notify", "drop", times=1000)
    assert refund(product, order, 3000).status == "unknown"
    assert room(product, order) == (3000, 0)
    simulator.advance(15)
    product.sweep()
    (row,) = refunds(product)
    assert (row.status, row.sends) == ("success", 1)
    assert the_order(product, order).refunded_fen == 3000


@WALLETS
def test_a_refund_that_never_arrived_goes_again_under_its_number(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    simulator.fault(SENT[wallet], "drop")
    first = refund(product, order, 3000)
    assert first.status == "unknown"
    simulator.advance(15)
    product.sweep()
    simulator.advance(15)
    product.sweep()
    (row,) = refunds(product)
    assert (row.status, row.sends, row.out_refund_no) == ("success", 2, first.out_refund_no)


@WALLETS
@pytest.mark.parametrize("sends", [0, 1])
def test_who_asked_died_before_or_after_sending(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str, sends: int
) -> None:
    order = pay(product, phone, wallet)
    if sends:
        refund(product, order, 3000)
        simulator.advance(15)
        product.sweep()
        product.do("UPDATE pay_order SET refunded_fen = 0 WHERE id = :i", i=order.id)
        product.do("UPDATE pay_attempt SET refunded_fen = 0 WHERE order_id = :i", i=order.id)
        product.do("UPDATE refund SET status = 'created', succeeded_at = NULL, due_at = now()")
    else:
        ask_for(product.deps, asked(order, 3000))
    simulator.advance(31)
    product.sweep()
    simulator.advance(31)
    product.sweep()
    assert [(r.status, r.amount_fen) for r in refunds(product)] == [("success", 3000)]
    assert calls(simulator, SENT[wallet]) == 1
    assert room(product, order) == (3000, 3000)


@WALLETS
def test_a_low_balance_waits_for_a_person_and_keeps_its_number(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 32."""
    order = pay(product, phone, wallet)
    simulator.switch(SHORT[wallet], "short")
    made = refund(product, order, 3000)
    assert (made.status, made.due_at) == ("waiting", None)
    assert room(product, order) == (3000, 0)
    assert cases(product) == ["refund_waiting"]
    page = words(product.merchant_page(f"/m/orders/{order.out_trade_no}"))
    assert "自动提现" in page
    assert "已退款" not in page
    assert people.retry(product.deps, made.out_refund_no, actor="test:c") == "waiting"
    simulator.switch(SHORT[wallet], "enough")
    people.retry(product.deps, made.out_refund_no, actor="test:c")
    simulator.advance(15)
    product.sweep()
    (row,) = refunds(product)
    assert (row.status, row.out_refund_no) == ("success", made.out_refund_no)
    product.one("SELECT 1 FROM money_case WHERE kind = 'refund_waiting' AND closed_at IS NOT NULL")
    with pytest.raises(RefundNotWaiting):
        people.retry(product.deps, made.out_refund_no, actor="test:c")


@WALLETS
def test_a_waiting_refund_is_cancelled_and_its_room_is_free(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    simulator.switch(SHORT[wallet], "short")
    made = refund(product, order, 3000)
    assert people.cancel(product.deps, made.out_refund_no, actor="test:c") == "failed"
    assert room(product, order) == (0, 0)
    simulator.switch(SHORT[wallet], "enough")
    refund(product, order, 10000)
    simulator.advance(15)
    product.sweep()
    assert room(product, order) == (10000, 10000)


def test_three_days_in_processing_is_still_asked_about(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    """failures.md 30: no timer ends it; a person is told after three days."""
    order = pay(product, phone, "wechat")
    simulator.switch("wechat.refund_outcome", "processing")
    refund(product, order, 3000)
    for _ in range(14):
        simulator.advance(6 * 3600 + 1)
        product.sweep()
    (row,) = refunds(product)
    assert row.status == "processing"
    assert row.due_at is not None
    assert row.polls >= 13
    assert cases(product) == ["refund_slow"]


@pytest.mark.parametrize(("outcome", "status"), [("closed", "failed"), ("abnormal", "abnormal")])
def test_how_wechat_ends_a_refund_otherwise(
    product: Product, simulator: Simulator, phone: MakePhone, outcome: str, status: str
) -> None:
    order = pay(product, phone, "wechat")
    simulator.switch("wechat.refund_outcome", outcome)
    refund(product, order, 3000)
    simulator.advance(15)
    product.sweep()
    assert refunds(product)[0].status == status
    assert the_order(product, order).refunded_fen == 0
    assert room(product, order) == ((0, 0) if outcome == "closed" else (3000, 0))
    assert cases(product) == ([] if outcome == "closed" else ["refund_abnormal"])


def test_a_busy_wallet_keeps_the_number_and_a_due_time(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    refund(product, order, 3000)
    second = refund(product, order, 1000)  # within a minute: WeChat answers 429
    assert (second.status, second.raw_state) == ("unknown", "FREQUENCY_LIMITED")
    left = (second.due_at - product.deps.now()).total_seconds()
    assert 55 < left <= 66
    for _ in range(3):
        simulator.advance(66)
        product.sweep()
    assert [r.status for r in refunds(product)] == ["success", "success"]
    assert the_order(product, order).refunded_fen == 4000


@WALLETS
def test_a_refusal_is_final_and_frees_the_room(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    code = {"wechat": "USER_ACCOUNT_ABNORMAL", "alipay": "ACQ.TRADE_NOT_ALLOW_REFUND"}[wallet]
    simulator.fault(SENT[wallet], "error", code=code)
    made = refund(product, order, 3000)
    assert (made.status, made.upstream_code) == ("failed", code)
    assert room(product, order) == (0, 0)


@WALLETS
def test_the_wallets_notice_ends_it_without_asking(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 16: refund notices come to the pay URL; the order stays paid."""
    order = pay(product, phone, wallet)
    refund(product, order, 10000)
    simulator.advance(3)
    until(lambda: the_order(product, order).refunded_fen == 10000)
    assert the_order(product, order).status == "paid"
    until(lambda: not simulator.get("/sim/outbox"))
    assert cases(product) == []
    assert the_order(product, order).refunded_fen == 10000
