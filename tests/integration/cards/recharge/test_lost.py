"""Recharges that a restored backup does not hold: the wallet's word brings them to their card."""

from __future__ import annotations

from typing import Any

from services.adoption import adopt
from tests.harness.product import Product
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop, settled
from tests.integration.looking import cases, orders
from tests.integration.losing import as_owner, lose_order


def lose(product: Product, shop: Shop, *more: str) -> Any:
    """The recharge and its movement as if made after the backup; the order's row as it was."""
    order = orders(product)[-1]
    as_owner(
        product,
        "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_keep",
        "DELETE FROM ledger_tail",
        "DELETE FROM ledger_entry",
        "ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_keep",
        "DELETE FROM recharge",
        "UPDATE member_card SET paid_fen = 0, bonus_fen = 0, held_fen = 0",
        "UPDATE card_room SET balance_fen = 0, held_fen = 0",
        *more,
    )
    lose_order(product, order.out_trade_no)
    return order


def take(product: Product, order: Any) -> None:
    assert adopt(product.deps, order.provider_id, "wechat", order.out_trade_no, None, "test:resync")


def test_a_lost_recharge_comes_back_to_its_payer_s_card_with_its_bonus(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    shop.pay(10_000)
    settled(shop, "credited")
    was = lose(product, shop)
    assert shop.money == (0, 0, 0)
    take(product, was)
    take(product, was)
    assert shop.money == (10_000, 1_000, 0)
    assert shop.room == (11_000, 0)
    (now,) = orders(product)
    assert (now.purpose, now.status, now.amount_fen) == ("recharge", "paid", 10_000)
    assert len(shop.movements()) == 1
    assert cases(product) == []


def test_a_lost_recharge_that_fits_no_more_goes_back(product: Product, phone: MakePhone) -> None:
    shop = open_shop(product, phone)
    shop.pay(10_000)
    settled(shop, "credited")
    was = lose(product, shop, "UPDATE member_card SET cap_fen = 10999")
    take(product, was)
    assert shop.money == (0, 0, 0)
    assert shop.recharges == [("no_room", 10_000, 1_000)]
    product.sweep()
    product.simulator.advance(15)
    product.sweep()
    assert orders(product)[0].refunded_fen == 10_000


def test_a_lost_recharge_whose_card_is_lost_too_is_told_to_a_person(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    shop.pay(10_000)
    settled(shop, "credited")
    was = lose(product, shop, "UPDATE member SET person_id = NULL")
    take(product, was)
    (now,) = orders(product)
    assert (now.purpose, now.status) == ("sale", "paid")
    assert cases(product) == ["unknown_trade"]


def test_a_payment_lost_by_a_backup_that_has_its_order_is_credited(
    product: Product, phone: MakePhone
) -> None:
    """The backup was made between the key and the password: its room is still reserved."""
    shop = open_shop(product, phone)
    made = shop.start(10_000)
    product.simulator.fault("wechat.notify", "drop", times=9)
    shop.confirm(made)
    product.simulator.advance(2)
    product.sweep()
    assert shop.recharges == [("credited", 10_000, 1_000)]
    assert shop.money == (10_000, 1_000, 0)
