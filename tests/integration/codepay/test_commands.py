"""`flask codepay …` as somebody at a terminal types it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.product import Product
from tests.integration.codepay.helping import (
    PASSWORD,
    WALLETS,
    now,
    paycode,
    upstream,
    wait_for_password,
)


def run(product: Product, *words: str) -> Any:
    return product.app.test_cli_runner().invoke(args=["codepay", *words])


@WALLETS
def test_a_code_is_charged_and_the_number_not_again(product: Product, wallet: str) -> None:
    words = ("charge", "qinghe-hubin", "12.34", paycode(product, wallet))
    done = run(product, *words, "--number", "sz0100qhcs0001")
    assert done.exit_code == 0, done.output
    assert "sz0100qhcs0001  paid  收款成功  ¥12.34" in done.stdout
    again = run(product, *words, "--number", "sz0100qhcs0001")
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    other = run(product, "charge", "qinghe-hubin", "1", words[-1], "--number", "sz0100qhcs0001")
    assert other.exit_code == 1
    assert "Traceback" not in other.output
    assert len(product.simulator.books()) == 1


def test_a_refusal_says_whose_side_it_is_on(product: Product) -> None:
    product.simulator.switch("wechat.micropay_result", "NOTENOUGH")
    done = run(product, "charge", "qinghe-hubin", "1", paycode(product, "wechat"))
    assert done.exit_code == 1
    assert "failed  收款失败  ¥1.00  wechat  NOTENOUGH 余额不足  (payer: 请顾客" in done.stdout


@WALLETS
def test_one_that_waits_is_cancelled(product: Product, wallet: str) -> None:
    product.simulator.switch(*PASSWORD[wallet])
    done = run(product, "charge", "qinghe-hubin", "1", paycode(product, wallet), "--wait", "0")
    assert done.exit_code == 1
    assert "waiting  等待用户输入密码中" in done.stdout
    number = done.stdout.split()[0]
    product.simulator.advance(16)
    undone = run(product, "cancel", number)
    assert "closed  已撤销，没有收款，请勿交付商品" in undone.stdout
    assert run(product, "cancel", number).exit_code == 1


def test_the_story_tells_that_it_was_cancelled(product: Product) -> None:
    found = wait_for_password(product, "alipay")
    run(product, "cancel", found.out_trade_no)
    assert now(product, found).state == "closed"
    assert upstream(product, found) == "TRADE_CLOSED"
    story = product.app.test_cli_runner().invoke(args=["orders", "show", found.out_trade_no])
    assert "payment by code cancelled" in story.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("charge", "nosuch", "1", "130000000000000001"), "no store"),
        (("charge", "qinghe-hubin", "1.001", "130000000000000001"), "at most two decimals"),
        (("charge", "qinghe-hubin", "1", "6901234567892"), "13 characters"),
        (("cancel", "nosuch"), "no payment by code"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    product: Product, words: tuple[str, ...], said: str
) -> None:
    done = run(product, *words)
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
