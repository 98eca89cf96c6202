"""Paying on the pay page with a card's balance."""

from __future__ import annotations

from tests.harness.product import Product
from tests.integration.cards.spend.helping import (
    assert_cards_agree,
    give_card,
    order,
    parts,
    pay,
)


def test_an_order_is_paid_from_the_bonus_first_then_from_paid_money(product: Product) -> None:
    held = give_card(product.deps, 10_000, 500)
    row = order(product, pay(product.deps, held, 1234, remark="少糖"))
    assert parts(product, held) == (10_000 - 734, 0)
    assert (row.status, row.channel, row.amount_fen, row.remark) == (
        "paid",
        "balance",
        1234,
        "少糖",
    )
    attempt = product.one("SELECT * FROM pay_attempt WHERE order_id = :o", o=row.id)
    assert (attempt.status, attempt.due_at, attempt.app) == ("paid", None, "card")
    assert attempt.payee == held.scan.out_sub_mch_id
    spend = product.one("SELECT * FROM card_spend WHERE order_id = :o", o=row.id)
    assert (spend.paid_fen, spend.bonus_fen) == (734, 500)
    product.run_jobs()
    assert product.one("SELECT followed_up_at AS at FROM pay_order WHERE id = :o", o=row.id).at
    assert_cards_agree(product)
