"""Orders that a restored backup does not hold come back by the wallet's word, and by it alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from errors import GatewayUnknown
from models.order import PayOrder
from services.adopted_refunds import adopt_own_numbers
from services.adoption import Adopted, adopt
from services.refunds.asking import own_number
from services.refunds.refusals import RefundAfterRestore
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, calls, cases, orders
from tests.integration.losing import as_owner, lose_order, lose_refunds
from tests.integration.mailbox import Mailbox
from tests.integration.refunds.helping import pay, refund, refunds, room, the_order

MakePhone = Callable[..., Phone]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
QUERY = {"wechat": "wechat.query", "alipay": "alipay.trade.query"}


def lost(product: Product, phone: MakePhone, wallet: str, *, is_paid: bool = True) -> Any:
    """An order of the simulator's books that we have no row of; its row as it was."""
    buyer = phone(wallet)
    made = buyer.start()
    if is_paid:
        buyer.confirm(made)
        product.wait_paid(orders(product)[-1].out_trade_no)
    order = orders(product)[-1]
    lose_order(product, order.out_trade_no)
    return order


def take(product: Product, order: Any, payee: str | None = None) -> Adopted | None:
    return adopt(
        product.deps, order.provider_id, order.channel, order.out_trade_no, payee, "test:resync"
    )


@WALLETS
def test_a_lost_payment_is_adopted_as_the_wallet_tells_it(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    was = lost(product, phone, wallet)
    made = take(product, was)
    assert made is not None
    assert made.is_new
    now = orders(product)[-1]
    for name in ("out_trade_no", "merchant_id", "channel", "amount_fen", "transaction_id"):
        assert getattr(now, name) == getattr(was, name), name
    assert (now.status, now.person_id, now.pay_code_id) == ("paid", None, None)
    assert now.paid_at == was.paid_at
    actions = [
        row.action
        for row in product.sql(
            "SELECT action FROM audit_entry WHERE subject = :s ORDER BY id",
            s=f"order:{was.out_trade_no}",
        )
    ]
    assert actions == ["order_paid", "order_adopted"]


def test_adopting_twice_and_at_once_writes_one_order(product: Product, phone: MakePhone) -> None:
    was = lost(product, phone, "wechat")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(product, was), range(8)))
    assert None not in found
    assert len({(made.order_id, made.attempt_id) for made in found if made}) == 1
    assert sum(made.is_new for made in found if made) == 1
    again = take(product, was)
    assert again is not None
    assert not again.is_new
    jobs = product.one("SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name='order_paid'")
    assert jobs.n == 2, "one of the first life, one of the second"


@pytest.mark.books_differ
@WALLETS
def test_what_nobody_paid_is_not_adopted(product: Product, phone: MakePhone, wallet: str) -> None:
    was = lost(product, phone, wallet, is_paid=False)
    before = len(orders(product))
    assert take(product, was) is None
    assert len(orders(product)) == before


@pytest.mark.books_differ
def test_a_number_of_no_merchant_or_of_another_payee_is_not_adopted(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    was = lost(product, phone, "wechat")
    asked = calls(simulator, QUERY["wechat"])
    assert take(product, was, "1900000999") is None
    product.do("UPDATE merchant SET order_prefix = 'zz' || id")
    assert take(product, was) is None
    assert calls(simulator, QUERY["wechat"]) == asked, "nobody was asked about it"


@pytest.mark.books_differ
@WALLETS
def test_silence_adopts_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    was = lost(product, phone, wallet)
    before = len(orders(product))
    simulator.fault(QUERY[wallet], "error", times=10)
    with pytest.raises(GatewayUnknown):
        take(product, was)
    simulator.clear_faults()
    assert len(orders(product)) == before


def test_a_lost_second_attempt_joins_its_order(product: Product, phone: MakePhone) -> None:
    """The backup has the order with its first attempt; the payer then changed the amount."""
    buyer = phone("wechat")
    buyer.start(amount="10")
    number = orders(product)[-1].out_trade_no
    buyer.pay(amount="20")
    product.wait_paid(number + "_2")
    as_owner(
        product,
        "DELETE FROM upstream_event WHERE out_trade_no = :n || '_2'",
        "DELETE FROM pay_attempt WHERE out_trade_no = :n || '_2'",
        "UPDATE pay_order SET status = 'paying', paid_at = NULL, transaction_id = NULL,"
        " amount_fen = 1000 WHERE out_trade_no = :n",
        n=number,
    )
    order = orders(product)[-1]
    made = adopt(product.deps, order.provider_id, "wechat", number + "_2", None, "test:resync")
    assert made is not None
    assert made.order_id == order.id
    assert attempts(product)[-1] == (number + "_2", "paid")
    assert (orders(product)[-1].status, orders(product)[-1].amount_fen) == ("paid", 2000)


@WALLETS
def test_a_notification_of_a_lost_order_brings_it_back(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    phone(wallet).pay()
    notice = mailbox.wait()
    lose_order(product, orders(product)[-1].out_trade_no)
    assert mailbox.deliver(notice).status_code in (200, 204)
    assert mailbox.deliver(notice).status_code in (200, 204)
    assert orders(product)[-1].status == "paid"
    assert cases(product) == []


@WALLETS
def test_a_notification_is_not_enough_without_the_wallet_s_answer(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    phone(wallet).pay()
    notice = mailbox.wait()
    lose_order(product, orders(product)[-1].out_trade_no)
    simulator.fault(QUERY[wallet], "error", times=10)
    before = len(orders(product))
    assert mailbox.deliver(notice).status_code == 503
    assert (len(orders(product)), cases(product)) == (before, ["unknown_trade"])
    simulator.clear_faults()
    assert mailbox.deliver(notice).status_code in (200, 204)
    assert orders(product)[-1].status == "paid"
    assert product.one("SELECT closed_at, healed FROM money_case").healed, "the case ends by itself"


@WALLETS
def test_lost_refunds_come_back_under_their_numbers(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    for fen in (1000, 2500):
        refund(product, order, fen)
        simulator.advance(70)  # WeChat takes one refund of an order a minute
        product.sweep()
    kept = [(row.out_refund_no, row.amount_fen, row.status) for row in refunds(product)]
    assert [status for _, _, status in kept] == ["success", "success"]
    lose_refunds(product, order.id)
    attempt = product.one("SELECT id FROM pay_attempt WHERE order_id = :o", o=order.id)
    found = adopt_own_numbers(product.deps, order.provider_id, attempt.id, "test:resync")
    assert found == [number for number, _, _ in kept]
    assert [(r.out_refund_no, r.amount_fen, r.status) for r in refunds(product)] == kept
    assert the_order(product, order).refunded_fen == 3500
    assert adopt_own_numbers(product.deps, order.provider_id, attempt.id, "test:resync") == []


@WALLETS
def test_a_notification_of_a_lost_refund_brings_it_back(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    mailbox.is_open = True
    order = pay(product, phone, wallet)
    mailbox.is_open = False
    seen = len(mailbox.notices)
    refund(product, order, 1000)
    notice = mailbox.wait(seen + 1)
    lose_refunds(product, order.id)
    assert mailbox.deliver(notice).status_code in (200, 204)
    product.sweep()
    assert [(r.amount_fen, r.status) for r in refunds(product)] == [(1000, "success")]
    assert cases(product) == []


def test_numbers_after_a_restore_never_meet_those_from_before(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    """The refund R1 of 10 yuan is forgotten; the next one asked for is another, not R1 again."""
    order = pay(product, phone, "wechat")
    refund(product, order, 1000)
    simulator.advance(70)
    product.sweep()
    lose_refunds(product, order.id)
    product.do(
        "INSERT INTO restored_backup (mark, snapshot_at, restored_at, resynced_at)"
        " VALUES ('abc', now(), now(), now())"
    )
    made = refund(product, order, 2000)
    assert made.out_refund_no == own_number(PayOrder(out_trade_no=order.out_trade_no), 1, "abc")
    simulator.advance(70)
    product.sweep()
    attempt = product.one("SELECT id FROM pay_attempt WHERE order_id = :o", o=order.id)
    found = adopt_own_numbers(product.deps, order.provider_id, attempt.id, "test:resync")
    assert found == [order.out_trade_no + "R1"]
    assert the_order(product, order).refunded_fen == 3000


def test_refunds_wait_until_the_wallets_were_asked_after_a_restore(
    product: Product, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    product.do(
        "INSERT INTO restored_backup (mark, snapshot_at, restored_at) VALUES ('abc', now(), now())"
    )
    with pytest.raises(RefundAfterRestore):
        refund(product, order, 1000)
    assert room(product, order) == (0, 0)


@pytest.mark.parametrize("length", [20, 28, 32])
def test_marked_numbers_fit_and_stay_apart(length: int) -> None:
    one = PayOrder(out_trade_no="a" * length)
    made = {own_number(one, nth, mark) for nth in range(1, 51) for mark in ("", "abc", "xyz")}
    assert len(made) == 150
    assert max(map(len, made)) <= 32
