"""`orders show`, `explain` and `sync`, as whoever is on call types them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from gateways.base import RefundRequest
from services import closing
from services.refunds import people
from tests.harness.phone import Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders
from tests.integration.losing import lose_refunds
from tests.integration.mailbox import Mailbox
from tests.integration.refunds.helping import pay, refund, refunds

MakePhone = Callable[..., Phone]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
QUERY = {"wechat": "wechat.query", "alipay": "alipay.trade.query"}
REFUND_QUERY = {
    "wechat": "wechat.query_refund",
    "alipay": "alipay.trade.fastpay.refund.query",
}
WHEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z  \((\d\d-\d\d \d\d:\d\d:\d\d) China\)  ")


def said(product: Product, *words: str) -> str:
    done = run(product, "orders", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


@WALLETS
def test_the_life_of_an_order_is_told_in_order_of_time(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    simulator.advance(5)
    refund(product, order, 3000)
    simulator.advance(70)
    product.sweep()
    told = said(product, "show", order.out_trade_no).splitlines()
    split = next(n for n, line in enumerate(told) if line.startswith("now: "))
    past, now = told[:split], told[split:]
    times = [WHEN.match(line) for line in past]
    assert all(times), past
    stamps = [datetime.fromisoformat(found[1]) for found in times if found]
    assert stamps == sorted(stamps)
    text = "\n".join(past)
    milestones = [
        f"order {order.out_trade_no} made at",
        "PAID ¥100.00, wallet's number",
        f"refund {order.out_trade_no}R1 of ¥30.00 asked for",
        f"refund {order.out_trade_no}R1 DONE",
    ]
    assert [text.index(mark) for mark in milestones] == sorted(text.index(m) for m in milestones)
    assert "notification of a payment" in text
    assert now[0].startswith(f"now: order {order.out_trade_no}  part_refunded")
    assert "¥30.00 of it given back" in now[0]


@WALLETS
def test_an_order_is_found_by_every_number(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    refund(product, order, 3000)
    simulator.advance(70)
    product.sweep()
    made = refunds(product)[0]
    numbers = [order.out_trade_no, order.transaction_id, made.out_refund_no, made.refund_id]
    for number in filter(None, numbers):
        assert f"order {order.out_trade_no} made at" in said(product, "show", number)
    for command in ("show", "explain", "sync"):
        done = run(product, "orders", command, "nosuch")
        assert done.exit_code == 1
        assert "no order has the number nosuch" in done.output


def test_no_openid_stands_in_a_story(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat")
    person = product.one("SELECT * FROM person WHERE id = :i", i=order.person_id)
    text = said(product, "show", order.out_trade_no) + said(product, "explain", order.out_trade_no)
    assert person.subject_hash not in text
    assert "openid" not in text


@WALLETS
def test_asking_now_finds_a_payment_that_nobody_told(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    buyer = phone(wallet)
    buyer.pay()
    number = orders(product)[-1].out_trade_no
    assert orders(product)[-1].status == "paying"
    text = said(product, "sync", number)
    assert f"payment {number}  payable → paid  wallet: " in text
    assert f"order {number}  pending → paid" in text
    entry = product.one("SELECT * FROM audit_entry WHERE action = 'order_synced'")
    assert entry.actor.startswith("cli:")
    assert entry.subject == f"order:{number}"


@WALLETS
def test_silence_is_said_and_changes_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    buyer = phone(wallet)
    buyer.pay()
    number = orders(product)[-1].out_trade_no
    simulator.fault(QUERY[wallet], "error", times=5)
    done = run(product, "orders", "sync", number)
    simulator.clear_faults()
    assert done.exit_code == 1
    assert "wallet: no answer" in done.stdout
    assert "not settled" in done.stdout
    assert orders(product)[-1].status == "paying"
    said(product, "sync", number)


@WALLETS
def test_asking_now_finds_refunds_that_were_made_and_forgotten(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    refund(product, order, 3000)
    simulator.advance(70)
    product.sweep()
    lose_refunds(product, order.id)
    text = said(product, "sync", order.out_trade_no)
    assert f"refunds found again: {order.out_trade_no}R1" in text
    assert f"order {order.out_trade_no}  paid → part_refunded" in text


@WALLETS
def test_asking_now_moves_a_refund_that_is_under_way(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    mailbox.is_open = True
    order = pay(product, phone, wallet)
    mailbox.is_open = False
    simulator.fault("wechat.refund" if wallet == "wechat" else "alipay.trade.refund", "lose_answer")
    made = refund(product, order, 3000)
    assert made.status == "unknown"
    simulator.advance(70)
    text = said(product, "sync", made.out_refund_no)
    assert f"refund {made.out_refund_no}  unknown → success" in text


def test_a_refund_given_up_here_and_made_there_is_heard_of_by_asking(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    simulator.switch("wechat.merchant_funds", "short")
    made = refund(product, order, 3000)
    assert made.status == "waiting"
    people.cancel(product.deps, made.out_refund_no, actor="test:owner")
    simulator.switch("wechat.merchant_funds", "enough")
    simulator.switch("wechat.refund_delay_s", "30")
    attempt = product.one("SELECT id FROM pay_attempt WHERE order_id = :o", o=order.id)
    target = closing.find_target(product.deps, order.provider_id, attempt.id)
    again = RefundRequest(
        order.out_trade_no, made.out_refund_no, 3000, 10000, "x", f"{product.url}/notify/wechat/sp1"
    )
    product.deps.gateways.pay["wechat"].refund(target.account, again)
    said(product, "sync", order.out_trade_no)
    assert product.one("SELECT count(*) AS n FROM money_case WHERE closed_at IS NULL").n == 0
    simulator.advance(40)
    said(product, "sync", order.out_trade_no)
    assert [row.status for row in refunds(product)] == ["success"]


def test_money_that_went_back_in_the_wallet_s_console_is_a_case(
    product: Product,
    simulator: Simulator,
    phone: MakePhone,
) -> None:
    """The wallet says REFUND; no number of ours is behind it."""
    order = pay(product, phone, "wechat")
    refund(product, order, 3000, out_refund_no="sz01_by_hand")
    simulator.advance(70)
    product.sweep()
    lose_refunds(product, order.id)
    done = run(product, "orders", "sync", order.out_trade_no)
    assert done.exit_code == 1
    assert "money went back under no number of ours" in done.stdout
    assert product.one("SELECT kind FROM money_case").kind == "refund_notice"
    explained = said(product, "explain", order.out_trade_no)
    assert "refund_notice is open" in explained
    from services.adopted_refunds import adopt_refund

    attempt = product.one("SELECT id FROM pay_attempt WHERE order_id = :o", o=order.id)
    assert adopt_refund(product.deps, order.provider_id, attempt.id, "sz01_by_hand", "test:x")


def explained(product: Product, order: Any) -> tuple[str, str]:
    """(the first line, what the merchant is told)"""
    lines = said(product, "explain", order.out_trade_no).splitlines()
    return lines[0], lines[-1]


def test_each_state_is_explained_with_its_own_words(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    phone("wechat").start()
    waiting = orders(product)[-1]
    first, merchant = explained(product, waiting)
    assert "is pending: the wallet has the order" in first
    assert merchant == "tell the merchant: 这笔 ¥12.34 还在等顾客付款，暂时没有收到钱。"
    product.do("UPDATE pay_order SET is_unknown = true WHERE id = :i", i=waiting.id)
    assert "is unknown" in explained(product, waiting)[0]
    product.do("UPDATE pay_order SET is_frozen = true WHERE id = :i", i=waiting.id)
    first, merchant = explained(product, waiting)
    assert "is frozen" in first
    assert "请先不要发货" in merchant
    product.do("UPDATE pay_order SET is_frozen = false, is_unknown = false")


def test_a_refund_that_waits_is_explained_with_the_wallet_s_words(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    made = refund(product, order, 3000)
    product.do(
        "UPDATE refund SET status = 'waiting', due_at = NULL, upstream_code = 'NOT_ENOUGH',"
        " upstream_message = '余额不足' WHERE id = :i",
        i=made.id,
    )
    text = said(product, "explain", order.out_trade_no)
    assert "balance at the wallet is too low: NOT_ENOUGH 余额不足" in text
    assert f"flask refunds retry {made.out_refund_no}" in text
    assert text.splitlines()[-1].endswith(
        "退款 ¥30.00 因商户余额不足在等待，请充值后通知我们重试。"
    )
    simulator.advance(70)
    said(product, "sync", order.out_trade_no)
