"""From a scanned code to a hold, and from there to money, or back to the payer."""

from __future__ import annotations

from tests.harness.product import Product
from tests.integration.deposits.helping import WALLETS, Desk, phone, wait_for_password


@WALLETS
def test_a_deposit_is_held_and_is_no_money_of_the_merchant_yet(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    assert (held.status, held.freeze_fen, held.room_fen) == ("frozen", 10000, 10000)
    assert held.freeze_id
    assert held.frozen_at
    assert not product.sql("SELECT 1 FROM pay_order WHERE created_at >= :at", at=held.created_at)
    desk.agrees(held)


@WALLETS
def test_ten_are_frozen_one_is_consumed_nine_go_back(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet, 10)
    order = desk.consume(held, 1)
    desk.after(held, 5)
    order = desk.order(order.out_trade_no)
    assert (order.status, order.amount_fen, order.channel) == ("paid", 1, wallet)
    held = desk.now(held)
    assert (held.status, held.consumed_fen, held.released_fen) == ("closed", 1, 9)
    desk.agrees(held)
    product.run_jobs()
    assert desk.order(order.out_trade_no).followed_up_at is not None


@WALLETS
def test_the_whole_goes_back(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.advance(20)
    move = desk.release(held, 10000)
    assert move.status == "done"
    held = desk.now(held)
    assert (held.status, held.released_fen) == ("closed", 10000)
    desk.agrees(held)


@WALLETS
def test_the_payer_types_the_password(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = wait_for_password(desk, wallet)
    assert desk.after(held, 5).status == "waiting"
    phone(product, wallet, held)
    assert desk.after(held, 5).status == "frozen"
    desk.agrees(held)
