"""Room is held under the order's lock before any wallet hears of a refund."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from errors import NotFound
from services.refunds import sending
from services.refunds.asking import ask_for
from services.refunds.refusals import (
    RefundAmount,
    RefundConflict,
    RefundNotPaid,
    RefundTooLate,
    RefundTooMany,
)
from services.totals_check import differences
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import calls, orders
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


@WALLETS
def test_fifty_at_once_of_sixty_on_a_hundred_is_one(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 27: exactly one is accepted, before any upstream call."""
    order = pay(product, phone, wallet)
    together = Barrier(50)

    def one(_: int) -> Any:
        together.wait(30)
        try:
            return ask_for(product.deps, asked(order, 6000))
        except RefundAmount as refused:
            return refused.facts["room_fen"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert sorted(answers).count(4000) == 49
    assert calls(simulator, SENT[wallet]) == 0
    assert room(product, order) == (6000, 0)
    sending.send(product.deps, order.provider_id, refunds(product)[0].id)
    simulator.advance(15)
    product.sweep()
    assert [r.status for r in refunds(product)] == ["success"]
    assert room(product, order) == (6000, 6000)
    assert the_order(product, order).refunded_fen == 6000


@WALLETS
@pytest.mark.parametrize("fen", [0, -1, 10001, 2_147_483_648])
def test_amounts_that_can_not_be(product: Product, phone: MakePhone, wallet: str, fen: int) -> None:
    order = pay(product, phone, wallet)
    with pytest.raises(RefundAmount):
        ask_for(product.deps, asked(order, fen))
    assert refunds(product) == []
    assert room(product, order) == (0, 0)


def test_an_unpaid_order_is_not_refunded(product: Product, phone: MakePhone) -> None:
    phone().start(amount="100")
    with pytest.raises(RefundNotPaid):
        ask_for(product.deps, asked(orders(product)[-1], 100))


@WALLETS
def test_the_same_number_is_the_same_refund(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 31."""
    order = pay(product, phone, wallet)
    first = refund(product, order, 2500, out_refund_no="sz01_mine_1")
    again = refund(product, order, 2500, out_refund_no="sz01_mine_1")
    assert first.id == again.id
    assert calls(simulator, SENT[wallet]) == 1
    with pytest.raises(RefundConflict):
        ask_for(product.deps, asked(order, 2501, out_refund_no="sz01_mine_1"))
    assert room(product, order)[0] == 2500
    simulator.advance(15)
    product.sweep()


def test_the_same_number_for_another_order_is_refused(product: Product, phone: MakePhone) -> None:
    first, second = pay(product, phone, "wechat"), pay(product, phone, "alipay")
    ask_for(product.deps, asked(first, 100, out_refund_no="sz01_mine_2"))
    with pytest.raises(RefundConflict):
        ask_for(product.deps, asked(second, 100, out_refund_no="sz01_mine_2"))
    assert room(product, second) == (0, 0)
    product.sweep()


def test_a_number_of_ours_that_a_caller_has_taken_is_passed_over(
    product: Product, phone: MakePhone
) -> None:
    first, second = pay(product, phone, "wechat"), pay(product, phone, "alipay")
    ask_for(product.deps, asked(first, 100, out_refund_no=f"{second.out_trade_no}R1"))
    ask_for(product.deps, asked(second, 100))
    assert refunds(product)[1].out_refund_no == f"{second.out_trade_no}R2"
    product.sweep()


def test_another_tenants_order_is_not_found(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat")
    other = product.one("SELECT id FROM merchant WHERE id <> :m LIMIT 1", m=order.merchant_id).id
    stranger = product.one("SELECT id FROM provider WHERE id <> :p LIMIT 1", p=order.provider_id).id
    with pytest.raises(NotFound):
        ask_for(product.deps, asked(order, 100, merchant_id=other))
    foreign = asked(order, 100)
    with pytest.raises(NotFound):
        ask_for(product.deps, type(foreign)(**{**_fields(foreign), "provider_id": stranger}))
    assert refunds(product) == []


def _fields(ask: Any) -> dict[str, Any]:
    return {name: getattr(ask, name) for name in type(ask).__slots__}


@WALLETS
def test_past_the_wallets_limit_it_is_refused_with_the_way_out(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    product.do("UPDATE pay_attempt SET paid_at = paid_at - interval '365 days 1 minute'")
    with pytest.raises(RefundTooLate) as refused:
        ask_for(product.deps, asked(order, 100))
    assert "转账或现金" in "".join(refused.value.steps)


def test_the_fifty_first_refund_is_refused(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat")
    for _ in range(50):
        ask_for(product.deps, asked(order, 1))
    with pytest.raises(RefundTooMany):
        ask_for(product.deps, asked(order, 1))
    # Nothing was sent; the rows are taken back, so that the books compare.
    product.do("UPDATE refund SET status = 'void', due_at = NULL")
    product.do("UPDATE pay_attempt SET held_fen = 0 WHERE held_fen > 0")


@WALLETS
def test_random_partial_refunds_never_sum_above_what_was_paid(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 28, with the wallet's own books as the judge."""
    if wallet == "wechat":
        simulator.switch("wechat.refund_spacing_s", "0")
    order = pay(product, phone, wallet)
    dice = random.Random(28)
    for _ in range(40):
        with contextlib.suppress(RefundAmount):
            refund(product, order, dice.randrange(1, 900))
    simulator.advance(15)
    product.sweep()
    done = sum(r.amount_fen for r in refunds(product) if r.status == "success")
    assert (done, done) == room(product, order)
    theirs = simulator.trade(order.out_trade_no)
    assert theirs is not None
    assert sum(r["amount_fen"] for r in theirs["refunds"]) == done <= 10000
    assert the_order(product, order).refunded_fen == done


@WALLETS
def test_a_thousand_random_refunds_equal_the_wallets_books_and_the_day_s_takings(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """failures.md 28: five hundred asked for at each wallet, in any order over twelve orders."""
    if wallet == "wechat":
        simulator.switch("wechat.refund_spacing_s", "0")
    people = ("lin", "zhou", "chen", *(f"p{n:02d}" for n in range(1, 10)))
    made = [pay(product, phone, wallet, "100", person) for person in people]
    dice = random.Random(1000)
    refused = 0
    for _ in range(500):
        order = dice.choice(made)
        try:
            refund(product, order, dice.randrange(1, 900))
        except (RefundAmount, RefundTooMany):
            refused += 1
    assert 50 < refused < 350
    simulator.advance(15)
    product.sweep()
    theirs = {row["out_trade_no"]: row["refunds"] for row in simulator.books()}
    for order in made:
        back = sum(line["amount_fen"] for line in theirs[order.out_trade_no])
        assert room(product, order) == (back, back)
        assert the_order(product, order).refunded_fen == back <= 10000
    assert {row.status for row in refunds(product)} == {"success"}
    assert len(refunds(product)) == 500 - refused
    assert product.deps.transact(differences) == []


def test_the_database_itself_refuses_too_much(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat")
    with pytest.raises(Exception, match="room_for_refunds"):
        product.do(
            "UPDATE pay_attempt SET held_fen = amount_fen + 1 WHERE order_id = :o", o=order.id
        )
