"""`flask refunds …` as whoever is on call types it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.refunds.helping import MakePhone, pay, refunds, the_order


def run(product: Product, *words: str) -> Any:
    return product.app.test_cli_runner().invoke(args=["refunds", *words])


@pytest.fixture
def order(product: Product, phone: MakePhone) -> Any:
    return pay(product, phone, "alipay")


def test_a_refund_is_asked_for_and_told(product: Product, order: Any) -> None:
    done = run(product, "ask", order.out_trade_no, "30.00", "--reason", "缺货")
    assert done.exit_code == 0, done.output
    assert f"{order.out_trade_no}R1  success  已退款  ¥30.00" in done.stdout
    assert the_order(product, order).refunded_fen == 3000
    again = ("ask", order.out_trade_no, "5", "--reason", "x", "--number", "sz01_desk_1")
    assert run(product, *again).exit_code == 0
    assert run(product, *again).exit_code == 0
    assert len(refunds(product)) == 2
    story = product.app.test_cli_runner().invoke(args=["orders", "show", order.out_trade_no])
    assert f"refund {order.out_trade_no}R1 of ¥30.00 asked for" in story.stdout
    assert f"refund {order.out_trade_no}R1 DONE, ¥30.00" in story.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ask", "{n}", "100.01", "--reason", "x"), "最多可退 ¥100.00"),
        (("ask", "{n}", "1.001", "--reason", "x"), "at most two decimals"),
        (("ask", "{n}", "-1", "--reason", "x"), "-1"),
        (("ask", "nosuch", "1", "--reason", "x"), "no order has the number"),
        (("retry", "nosuch"), "nosuch"),
        (("cancel", "nosuch"), "nosuch"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    product: Product, order: Any, words: tuple[str, ...], said: str
) -> None:
    done = run(product, *(word.format(n=order.out_trade_no) for word in words))
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
    assert refunds(product) == []


def test_a_waiting_refund_is_listed_retried_and_cancelled(
    product: Product, simulator: Simulator, order: Any
) -> None:
    simulator.switch("alipay.seller_balance", "short")
    done = run(product, "ask", order.out_trade_no, "30", "--reason", "缺货")
    assert "waiting" in done.stdout
    listed = run(product, "list")
    assert listed.exit_code == 1
    assert "ACQ.SELLER_BALANCE_NOT_ENOUGH" in listed.stdout
    assert "waiting" in run(product, "retry", f"{order.out_trade_no}R1").stdout
    assert "failed" in run(product, "cancel", f"{order.out_trade_no}R1").stdout
    assert "no refund is under way" in run(product, "list").stdout
    assert "failed" in run(product, "list", "--all").stdout
