"""A recharge from the pressed key to the card: reserved, paid, credited once, or freed."""

from __future__ import annotations

import pytest

from services import asking
from services.accounts import NotConfigured
from services.problems import PayProblem
from services.scan import scan_code
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.recharge.helping import (
    MakePhone,
    Shop,
    open_shop,
    settled,
)
from tests.integration.looking import attempts, orders, payable_upstream


@pytest.fixture
def shop(product: Product, phone: MakePhone) -> Shop:
    return open_shop(product, phone)


def test_a_recharge_is_reserved_paid_and_credited_with_its_bonus(shop: Shop) -> None:
    made = shop.start(10_000)
    assert shop.money == (0, 0, 11_000)
    assert shop.room == (0, 11_000)
    shop.confirm(made)
    settled(shop, "credited")
    assert shop.money == (10_000, 1_000, 0)
    assert shop.room == (11_000, 0)
    assert shop.movements() == [
        (
            "recharge",
            {"card_paid": 10_000, "card_bonus": 1_000, "funds": -10_000, "bonus": -1_000},
        )
    ]
    (order,) = orders(shop.product)
    assert (order.purpose, order.amount_fen, order.status) == ("recharge", 10_000, "paid")
    row = shop.product.one("SELECT * FROM recharge")
    assert (row.terms_version, row.due_at) == (1, None)
    assert row.accepted_at is not None


def test_a_success_told_again_and_again_is_credited_once(shop: Shop) -> None:
    order = shop.pay(10_000)
    settled(shop, "credited")
    shop.product.do("UPDATE pay_attempt SET due_at = now() - interval '1 hour'")
    shop.product.sweep()
    for claim in asking.claim_due(shop.product.deps, 9):
        asking.ask(shop.product.deps, claim)
    assert shop.money == (10_000, 1_000, 0)
    assert len(shop.movements()) == 1
    assert order.status == "paid"


def test_an_order_that_expires_frees_its_room(shop: Shop) -> None:
    shop.start(10_000)
    shop.expire()
    assert shop.recharges == [("freed", 10_000, 1_000)]
    assert shop.money == (0, 0, 0)
    assert shop.room == (0, 0)
    assert orders(shop.product)[0].status == "closed"


def test_the_same_form_again_is_the_same_order(shop: Shop) -> None:
    first = shop.start(10_000, intent="one")
    again = shop.start(10_000, intent="one")
    assert first.public_id == again.public_id
    assert shop.money == (0, 0, 11_000)
    assert len(attempts(shop.product)) == 1


def test_another_sum_closes_the_first_at_the_wallet_and_reserves_anew(shop: Shop) -> None:
    shop.start(10_000, intent="one")
    second = shop.start(20_000, intent="one")
    assert shop.money == (0, 0, 23_000)
    assert [status for _, status in attempts(shop.product)] == ["closed", "payable"]
    assert len(payable_upstream(shop.product.simulator)) == 1
    shop.confirm(second)
    settled(shop, "credited")
    assert shop.money == (20_000, 3_000, 0)


def test_an_earlier_sum_that_is_paid_after_all_gets_its_own_bonus(
    shop: Shop, simulator: Simulator
) -> None:
    """The attempt that was paid counts, with the bonus that it promised."""
    first = shop.start(10_000, intent="one")
    simulator.fault("wechat.close", "drop", times=50)
    with pytest.raises(PayProblem, match="PAY_PENDING"):
        shop.start(20_000, intent="one")
    shop.confirm(first)
    settled(shop, "credited")
    assert shop.money == (10_000, 1_000, 0)
    assert shop.room == (11_000, 0)


def test_an_intention_that_has_ended_shows_its_result(shop: Shop) -> None:
    made = shop.start(10_000, intent="one")
    shop.confirm(made)
    settled(shop, "credited")
    shop.product.do("UPDATE card_program SET status = 'suspended'")
    again = shop.start(10_000, intent="one")
    assert (again.public_id, again.bridge) == (made.public_id, None)


def test_the_money_goes_to_the_merchant_s_own_number_and_to_no_other(
    shop: Shop, product: Product
) -> None:
    """architecture.md 6.9: no recharge can be made on the provider's."""
    shop.pay(10_000)
    (book,) = product.simulator.books()
    assert (book["sub_mchid"], book["mchid"]) == ("1900000109", "1900000001")
    for payee in (None, "1900000001"):
        product.do(
            "UPDATE merchant SET wechat_sub_mchid = :s WHERE id = :m",
            s=payee,
            m=shop.scan.merchant_id,
        )
        shop.scan = scan_code(product.deps, MAIN, "8K3FQ2")
        with pytest.raises(NotConfigured):
            shop.start(10_000)
    assert len(product.simulator.books()) == 1
    assert len(shop.recharges) == 1
