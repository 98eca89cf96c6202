"""From a scanned payment code to money, or to nothing kept."""

from __future__ import annotations

import pytest

from services.codepay.charging import charge
from services.codepay.people import cancel
from services.codepay.refusals import CodePayNotOpen
from services.codepay.waiting import wait_for
from tests.harness.product import Product
from tests.integration.codepay.helping import (
    PATIENCE,
    WALLETS,
    after,
    attempt,
    cases,
    now,
    order,
    pay,
    phone,
    scanned,
    step,
    upstream,
    wait_for_password,
)


@WALLETS
def test_a_code_is_charged_at_once(product: Product, wallet: str) -> None:
    found = pay(product, wallet)
    assert (found.state, found.words, found.amount_fen) == ("paid", "收款成功", 1234)
    assert found.transaction_id
    row = order(product, found)
    assert (row.status, row.channel, row.person_id) == ("paid", wallet, None)
    product.run_jobs()
    assert order(product, found).followed_up_at is not None


@WALLETS
def test_the_code_itself_is_kept_nowhere(product: Product, wallet: str) -> None:
    cmd = scanned(product, wallet)
    found = charge(product.deps, cmd)
    kept = product.sql("SELECT row_to_json(a)::text AS words FROM pay_attempt a")
    kept += product.sql("SELECT row_to_json(o)::text AS words FROM pay_order o")
    kept += product.sql("SELECT row_to_json(e)::text AS words FROM audit_entry e")
    assert any(found.out_trade_no in row.words for row in kept)
    assert not [row for row in kept if cmd.auth_code in row.words]
    assert cmd.auth_code not in repr(cmd)


@WALLETS
def test_the_password_is_typed_and_found_by_asking(product: Product, wallet: str) -> None:
    found = wait_for_password(product, wallet)
    assert found.words == "等待用户输入密码中"
    assert after(product, found, 5).state == "waiting"
    phone(product, wallet, found)
    after(product, found, 5)
    product.wait_paid(found.out_trade_no)
    assert now(product, found).state == "paid"


def test_wechat_says_that_the_payer_gave_up(product: Product) -> None:
    found = wait_for_password(product, "wechat")
    phone(product, "wechat", found, "cancel")
    failed = after(product, found, 5)
    assert (failed.state, failed.reason_code, failed.blame) == ("failed", "PAYERROR", "payer")
    assert failed.hint.startswith("请顾客")
    assert attempt(product, found).due_at is None


@WALLETS
def test_a_payer_who_never_types_is_reversed_in_time(product: Product, wallet: str) -> None:
    found = wait_for_password(product, wallet)
    assert after(product, found, PATIENCE[wallet] - 12).state == "waiting"
    assert upstream(product, found) in ("USERPAYING", "WAIT_BUYER_PAY")
    closed = after(product, found, 12)
    assert closed.state == "closed"
    assert closed.words == "已撤销，没有收款，请勿交付商品"
    row = attempt(product, found)
    assert (row.reversed_at - row.created_at).total_seconds() <= (50 if wallet == "wechat" else 65)
    assert order(product, found).close_reason == "reversed"
    assert upstream(product, found) in ("REVOKED", "TRADE_CLOSED")
    assert after(product, found, 120).state == "closed"  # the last look
    assert attempt(product, found).due_at is None
    assert cases(product) == []


@WALLETS
def test_paid_in_the_second_of_reversing_is_given_back(product: Product, wallet: str) -> None:
    """The reversal arrives after the payment: the wallet gives the money back, and we say so."""
    found = wait_for_password(product, wallet)
    product.do(
        "UPDATE pay_attempt SET status = 'closing', reverse_asked_at = created_at WHERE"
        " out_trade_no = :n",
        n=found.out_trade_no,
    )
    phone(product, wallet, found)
    assert upstream(product, found) in ("SUCCESS", "TRADE_SUCCESS")
    assert step(product, found, 30, 10).state == "closed"
    assert upstream(product, found) in ("REVOKED", "TRADE_CLOSED")
    for _ in range(3):
        assert after(product, found, 100).state == "closed"
    assert cases(product) == []


@WALLETS
def test_paid_in_the_second_before_the_last_question_is_a_payment(
    product: Product, wallet: str
) -> None:
    found = wait_for_password(product, wallet)
    product.simulator.advance(PATIENCE[wallet] + 1)
    phone(product, wallet, found)
    product.sweep()
    product.wait_paid(found.out_trade_no)  # Alipay's notice may be at it this very moment
    assert now(product, found).state == "paid"
    assert upstream(product, found) in ("SUCCESS", "TRADE_SUCCESS")


@WALLETS
def test_a_person_gives_up_waiting(product: Product, wallet: str) -> None:
    found = wait_for_password(product, wallet)
    said = cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    if wallet == "wechat":  # takes no reversal within 15 s
        assert (said.state, said.words) == ("reversing", "正在撤销，请勿交付商品")
        assert after(product, found, 10).state == "reversing"
        assert upstream(product, found) == "USERPAYING"
        again = cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
        assert again.state == "reversing"
        said = after(product, found, 6)
    assert said.state == "closed"
    assert upstream(product, found) in ("REVOKED", "TRADE_CLOSED")
    with pytest.raises(CodePayNotOpen):
        cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")


@WALLETS
def test_what_is_paid_is_not_reversed_by_a_person(product: Product, wallet: str) -> None:
    found = pay(product, wallet)
    with pytest.raises(CodePayNotOpen):
        cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    assert now(product, found).state == "paid"


@WALLETS
def test_waiting_in_the_foreground_meets_due_times_itself(product: Product, wallet: str) -> None:
    found = wait_for_password(product, wallet)
    assert wait_for(product.deps, found.provider_id, found.out_trade_no, 0.1).state == "waiting"
    phone(product, wallet, found)
    product.simulator.advance(6)
    assert wait_for(product.deps, found.provider_id, found.out_trade_no, 5).state == "paid"
