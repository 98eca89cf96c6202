"""From a scanned code to a hold, and from there to money, or back to the payer."""

from __future__ import annotations

from services import order_story as story
from services.order_desk import telling
from tests.harness.product import Product
from tests.integration.bills.helping import Days
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


@WALLETS
def test_the_order_of_a_deposit_tells_where_its_money_was(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    number = desk.consume(held, 2500).out_trade_no
    desk.after(held, 5)
    told = "\n".join(story.tell(product.deps, number))
    assert f"out of the deposit {held.out_freeze_no}" in told
    lines = product.deps.transact(
        lambda s: telling.tell(s, desk.shop.provider_id, desk.order(number).id)
    )
    first = lines[0]
    assert (first.who, first.number) == ("商户", held.out_freeze_no)
    assert first.what.startswith("从冻结的押金里消费")


@WALLETS
def test_the_day_s_bill_has_what_was_consumed_and_never_the_hold(
    product: Product, wallet: str
) -> None:
    """A hold is no money of the merchant's: only a consumption is in bills, takings and lists."""
    days, desk = Days.begin(product, product.simulator), Desk(product)
    before = product.one("SELECT COALESCE(sum(amount_fen), 0) AS fen FROM pay_order"
                         " WHERE status = 'paid'").fen  # fmt: skip
    held = desk.freeze(wallet, 9000)
    desk.freeze(wallet, 7000)
    desk.consume(held, 2500)
    desk.after(held, 5)
    after = product.one("SELECT sum(amount_fen) AS fen FROM pay_order WHERE status = 'paid'").fen
    assert after - before == 2500
    days.morning_after()
    report = days.match(wallet)
    assert report.is_clean, report
    assert report.trades == 1
