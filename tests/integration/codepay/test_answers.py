"""Answers that are lost, late, unknown or lies: nothing is guessed, both books end equal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from gateways.base import ReversalState, Trade, TradeState
from models.order import AttemptStatus
from services import closing
from services.codepay.people import cancel
from services.codepay.state import Charged
from services.settle import apply_trade
from tests.harness.product import Product
from tests.integration.codepay.helping import (
    PATIENCE,
    PAY,
    QUERY,
    REVERSE,
    WALLETS,
    after,
    attempt,
    cases,
    now,
    order,
    pay,
    phone,
    step,
    upstream,
    wait_for_password,
)
from tests.integration.mailbox import Mailbox

Said = Callable[[str], list[str]]
PAID = ("SUCCESS", "TRADE_SUCCESS")


REFUSALS = {
    "wechat": [
        ("NOTENOUGH", "payer"),
        ("AUTHCODEEXPIRE", "payer"),
        ("NOAUTH", "merchant"),
        ("PARAM_ERROR", "provider"),
    ],
    "alipay": [
        ("ACQ.PAYMENT_AUTH_CODE_INVALID", "payer"),
        ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "payer"),
        ("ACQ.SELLER_BEEN_BLOCKED", "merchant"),
        ("isv.insufficient-isv-permissions", "provider"),
    ],
}


@WALLETS
def test_a_definite_no_is_a_failure_with_the_wallets_words(product: Product, wallet: str) -> None:
    for code, whose in REFUSALS[wallet]:
        product.simulator.fault(PAY[wallet], "error", code=code)
        found = pay(product, wallet)
        assert (found.state, found.reason_code, found.blame) == ("failed", code, whose)
        assert found.hint
        row = order(product, found)
        assert (row.status, row.close_reason) == ("closed", "rejected")
        assert attempt(product, found).due_at is None
        assert after(product, found, 60).state == "failed"
        assert upstream(product, found) is None


def test_a_lost_grant_is_remembered(product: Product) -> None:
    product.simulator.fault(PAY["alipay"], "error", code="aop.invalid-app-auth-token")
    found = pay(product, "alipay")
    assert found.reason_code == "aop.invalid-app-auth-token"
    states = product.sql("SELECT alipay_state FROM merchant WHERE alipay_state = 'revoked'")
    assert len(states) == 1


def test_what_wechat_itself_fails_is_payerror_there(product: Product) -> None:
    for result in ("NOTENOUGH", "NOTSUPORTCARD", "TRADE_ERROR"):
        product.simulator.switch("wechat.micropay_result", result)
        found = pay(product, "wechat")
        assert (found.state, upstream(product, found)) == ("failed", "PAYERROR")


IN_NO_LIST = {
    "wechat": ["SOMETHING_NEW", "SYSTEMERROR", "BANKERROR", "ORDERPAID", "OUT_TRADE_NO_USED"],
    "alipay": [
        *("ACQ.SOMETHING_NEW", "ACQ.SYSTEM_ERROR", "ACQ.TRADE_HAS_SUCCESS"),
        *("ACQ.CONTEXT_INCONSISTENT", "ACQ.TRADE_HAS_CLOSE"),
    ],
}


@WALLETS
def test_a_code_that_is_in_no_list_is_unknown_and_never_a_failure(
    product: Product, wallet: str
) -> None:
    all_found = []
    for code in IN_NO_LIST[wallet]:
        product.simulator.fault(PAY[wallet], "error", code=code)
        found = pay(product, wallet)
        assert (found.state, found.blame) == ("unknown", "network")
        assert found.words == "结果未知，通过订单查询确认支付结果"
        all_found.append(found)
    product.simulator.advance(6)
    product.sweep()
    for found in all_found:  # the wallet knows nothing of it yet
        assert now(product, found).state == "unknown"
    step(product, found, 60)
    for found in all_found:
        assert now(product, found).state == "closed"
        assert order(product, found).close_reason == "void"


@WALLETS
@pytest.mark.parametrize("kind", ["lose_answer", "bad_signature"])
def test_a_payment_whose_answer_is_lost_is_found_by_asking(
    product: Product, wallet: str, kind: str, mailbox: Mailbox
) -> None:
    product.simulator.fault(PAY[wallet], kind)
    found = pay(product, wallet)
    assert found.state == "unknown"
    assert upstream(product, found) in PAID
    assert after(product, found, 6).state == "paid"


@WALLETS
def test_a_payment_that_never_arrived_ends_as_void(product: Product, wallet: str) -> None:
    product.simulator.fault(PAY[wallet], "drop")
    found = pay(product, wallet)
    assert found.state == "unknown"
    assert after(product, found, PATIENCE[wallet] - 2).state == "unknown"
    assert step(product, found, 10).state == "closed"
    assert order(product, found).close_reason == "void"
    assert upstream(product, found) is None
    assert after(product, found, 120).state == "closed"
    assert attempt(product, found).due_at is None


def test_an_answer_with_another_amount_is_not_believed_and_asking_heals(product: Product) -> None:
    product.simulator.fault("wechat.micropay", "wrong_amount")
    found = pay(product, "wechat")
    assert found.state == "unknown"
    assert cases(product) == ["amount_mismatch"]
    assert after(product, found, 1).state == "paid"


@WALLETS
def test_two_minutes_of_silence_tell_a_person_and_asking_goes_on(
    product: Product, wallet: str
) -> None:
    """A time-out alone fails nothing and reverses nothing (PAY-5)."""
    found = wait_for_password(product, wallet)
    product.simulator.fault(QUERY[wallet], "drop", times=1000)
    assert step(product, found, 110).state == "unknown"
    assert cases(product) == []
    assert attempt(product, found).reverse_asked_at is None
    step(product, found, 60, 10)
    assert cases(product) == ["no_answer"]
    phone_may = upstream(product, found)
    product.simulator.clear_faults()
    end = step(product, found, 120, 10)
    assert end.state in ("closed", "failed"), (end, phone_may)


@WALLETS
def test_a_lost_answer_to_a_reversal_is_asked_for_again(product: Product, wallet: str) -> None:
    found = wait_for_password(product, wallet)
    product.simulator.fault(REVERSE[wallet], "lose_answer", times=2)
    product.simulator.advance(PATIENCE[wallet])
    product.sweep()
    assert now(product, found).state == "reversing"
    assert upstream(product, found) in ("REVOKED", "TRADE_CLOSED")
    end = step(product, found, 40)
    assert end.state == "closed"
    assert order(product, found).close_reason == "reversed"


@WALLETS
def test_a_reversal_that_never_arrives_takes_back_what_was_paid_meanwhile(
    product: Product, wallet: str, mailbox: Mailbox
) -> None:
    """It was asked for and may still arrive, so a payment in between is not a sale."""
    found = wait_for_password(product, wallet)
    product.simulator.fault(REVERSE[wallet], "drop", times=2)
    product.simulator.advance(PATIENCE[wallet])
    product.sweep()
    phone(product, wallet, found)
    if wallet == "alipay":
        mailbox.deliver(mailbox.wait())
        assert now(product, found).state == "reversing"
    end = step(product, found, 60)
    assert end.state == "closed"
    assert upstream(product, found) in ("REVOKED", "TRADE_CLOSED")
    for _ in range(3):
        assert after(product, found, 90).state == "closed"
    assert cases(product) == []


@WALLETS
def test_call_again_is_called_again_until_done_and_a_person_is_told(
    product: Product, wallet: str
) -> None:
    again = {"wechat": "wechat.reverse_recall", "alipay": "alipay.cancel_retry"}[wallet]
    found = wait_for_password(product, wallet)
    product.simulator.switch(again, "Y")
    product.simulator.advance(PATIENCE[wallet])
    product.sweep()
    assert now(product, found).state == "reversing"
    step(product, found, 130, 10)
    assert now(product, found).state == "reversing"
    assert cases(product) == ["no_answer"]
    product.simulator.switch(again, "N")
    assert step(product, found, 120, 10).state == "closed"
    assert cases(product) == []


def test_a_reversal_that_alipay_refuses_leaves_a_payment_a_payment(
    product: Product, mailbox: Mailbox
) -> None:
    """The merchant's balance is too low to take it back: it is paid, a person may refund it."""
    found = wait_for_password(product, "alipay")
    code = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    product.simulator.fault(REVERSE["alipay"], "error", code=code)
    phone(product, "alipay", found)
    said = cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    assert said.state == "paid"
    assert upstream(product, found) == "TRADE_SUCCESS"


def test_a_notification_from_before_the_reversal_does_not_make_a_sale(
    product: Product, mailbox: Mailbox
) -> None:
    """Paid, cancelled, given back; then the notification of the payment arrives."""
    found = wait_for_password(product, "alipay")
    phone(product, "alipay", found)
    said = cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    assert said.state == "closed"
    assert after(product, found, 200).state == "closed"
    mailbox.deliver(mailbox.wait())
    assert now(product, found).state == "closed"
    assert after(product, found, 1).state == "closed"
    assert attempt(product, found).due_at is None
    assert cases(product) == []


@WALLETS
def test_paid_after_the_reversal_is_honoured_and_a_person_is_told(
    product: Product, wallet: str, mailbox: Mailbox
) -> None:
    """The payment was so slow that its reversal overtook it: the wallet keeps the money."""
    product.simulator.fault(PAY[wallet], "delay", ms=4500)  # we stop listening after three seconds
    found = pay(product, wallet)
    assert found.state == "unknown"
    product.simulator.advance(16)
    said = cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    assert said.state == "closed"
    deadline = time.monotonic() + 5
    while upstream(product, found) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert upstream(product, found) in PAID
    late = step(product, found, 120, 20)
    assert (late.state, late.is_late) == ("paid", True)
    assert cases(product) == ["paid_after_reverse"]


@WALLETS
def test_many_ask_reverse_and_listen_at_once(product: Product, wallet: str) -> None:
    """Whatever crosses: one end, and the same one in both books."""
    found = wait_for_password(product, wallet)
    product.simulator.advance(PATIENCE[wallet])

    def give_up() -> None:
        cancel(product.deps, found.provider_id, found.out_trade_no, actor="test:till")

    crossing = [
        lambda: phone(product, wallet, found),
        product.sweep,
        product.sweep,
        give_up,
    ]

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as problem:  # refused because somebody else was first
            refused.append(problem)

    refused: list[Exception] = []
    threads = [threading.Thread(target=run, args=(act,)) for act in crossing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = step(product, found, 200, 20)
    assert end.state in ("paid", "closed")
    assert upstream(product, found) in (
        PAID if end.state == "paid" else ("REVOKED", "TRADE_CLOSED")
    )


def success(product: Product, found: Charged) -> Trade:
    """The wallet's word for a payment of it, whenever it was said."""
    row = attempt(product, found)
    return Trade(
        channel=row.channel,
        out_trade_no=row.out_trade_no,
        state=TradeState.SUCCESS,
        raw_state="SUCCESS",
        payee=row.payee,
        app=row.app,
        amount_fen=row.amount_fen,
        transaction_id="4200000000000000001",
    )


@WALLETS
def test_an_answer_from_before_the_reversal_makes_no_sale(product: Product, wallet: str) -> None:
    """Asked, then reversed, then the answer is applied: the money has gone back meanwhile."""
    found = wait_for_password(product, wallet)
    stale = success(product, found)
    product.simulator.advance(PATIENCE[wallet])
    product.sweep()
    assert now(product, found).state == "closed"

    def apply(after: ReversalState | None) -> bool:
        return product.deps.transact(
            lambda s: apply_trade(s, found.provider_id, stale, product.deps.now(), after=after)
        )

    assert not apply(None)
    assert now(product, found).state == "closed"
    product.do("UPDATE pay_attempt SET status = 'closing', reversed_at = NULL")
    for after_what in (None, ReversalState.DONE):
        assert not apply(after_what)
    assert now(product, found).state == "closed"
    assert step(product, found, 120, 20).state == "closed"
    assert attempt(product, found).due_at is None


@WALLETS
def test_what_was_paid_in_between_is_not_reversed(product: Product, wallet: str) -> None:
    """Asked, told that it is paid, and only then the asker wants to reverse."""
    found = pay(product, wallet)
    product.simulator.advance(20)
    row = attempt(product, found)
    ended = closing.close_attempt(product.deps, found.provider_id, row.id, actor="worker")
    assert ended is AttemptStatus.PAID
    assert upstream(product, found) in PAID
