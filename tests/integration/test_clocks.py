"""Clocks that jump and zones that change (failures 26): the day stays China's, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from config.clock import OffsetClock
from services import totals
from services.bills.days import ends
from services.totals import Takings
from services.totals_check import differences
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.bills.helping import Days, paid
from tests.integration.looking import attempts, orders
from tests.integration.refunds.helping import refund, refunds, room, the_order

MakePhone = Callable[..., Phone]
SetZone = Callable[[str], None]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
ZONES = ["UTC", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe"]


@pytest.fixture
def zone(product: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetZone]:
    """Change the zone of this process and of every new connection to the database."""

    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        monkeypatch.setenv("PGTZ", name)
        time.tzset()
        product.deps.db.engine.dispose()
        assert product.one("SHOW timezone")[0] == name

    yield change
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", ZONES)
def test_the_day_is_china_s_in_whatever_zone_the_machine_is(
    product: Product, simulator: Simulator, phone: MakePhone, zone: SetZone, name: str
) -> None:
    """Paid at 23:59:50 and 00:00:20 in China, the first given back after midnight."""
    days = Days.begin(product, simulator)
    today, tomorrow = days.on, days.on + timedelta(days=1)
    shop = product.one("SELECT provider_id, merchant_id FROM pay_code WHERE code = '8K3FQ2'")

    def takings() -> dict[date, Takings]:
        return product.deps.transact(
            lambda s: totals.per_day(s, shop.provider_id, shop.merchant_id, None, [today, tomorrow])
        )

    before = takings().get(today, Takings())  # the demo's own
    zone(name)
    days.go_to(ends(today) - timedelta(seconds=10))
    early = {wallet: paid(days, phone, wallet, "100", "lin") for wallet in ("wechat", "alipay")}
    days.go_to(ends(today) + timedelta(seconds=20))
    late = {wallet: paid(days, phone, wallet, "30", "zhou") for wallet in ("wechat", "alipay")}
    for order in early.values():
        refund(product, order, 2500)
    simulator.advance(15)
    product.sweep()
    assert {r.status for r in refunds(product)} == {"success"}
    for on, made in ((today, early), (tomorrow, late)):
        for order in made.values():
            assert order.out_trade_no[len("sz0100qhcs") :].startswith(f"{on:%y%m%d}")
    order, found = early["wechat"], takings()
    assert found[today].paid_fen - before.paid_fen == 20000
    assert found[today].refund_fen == before.refund_fen
    assert (found[tomorrow].paid_fen, found[tomorrow].refund_fen) == (6000, 5000)
    assert product.deps.transact(differences) == []
    page = product.merchant_page(f"/m/orders/{order.out_trade_no}")
    assert f"{today:%Y-%m-%d} 23:59:5" in page
    days.morning_after(tomorrow)
    for wallet in early:
        days.bill(wallet, today)
        for on in (today, tomorrow):
            assert days.match(wallet, on).is_clean, days.told()


@pytest.mark.parametrize("name", ZONES)
def test_a_changed_zone_in_the_middle_of_a_payment_changes_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, zone: SetZone, name: str
) -> None:
    buyer = phone()
    made = buyer.start(amount="100")
    zone(name)
    buyer.confirm(made)
    (order,) = orders(product)
    product.wait_paid(order.out_trade_no)
    zone("Asia/Shanghai")
    (order,) = orders(product)
    assert order.paid_at - order.created_at < timedelta(seconds=30)
    refund(product, order, 10000)
    simulator.advance(15)
    product.sweep()
    assert the_order(product, order).refunded_fen == 10000


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put the product's own clock off by so many seconds; the wallets' stays right."""
    right = OffsetClock.__call__

    def off(seconds: float) -> None:
        monkeypatch.setattr(
            OffsetClock, "__call__", lambda self: right(self) + timedelta(seconds=seconds)
        )

    return off


@WALLETS
@pytest.mark.parametrize("seconds", [600, -600])
def test_a_clock_that_jumps_while_a_payer_types_loses_and_doubles_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, jump: Callable[[float], None],
    wallet: str, seconds: float,
) -> None:  # fmt: skip
    """WeChat refuses what we ask and we refuse what it says, and neither is taken for a no."""
    buyer = phone(wallet)
    made = buyer.start(amount="100")
    jump(seconds)
    buyer.confirm(made)
    product.sweep(3)
    assert attempts(product)[0][1] != "closed"
    assert orders(product)[0].status in ("paying", "paid")
    jump(0)
    for _ in range(14):
        simulator.advance(60)
        product.sweep()
    (order,) = orders(product)
    assert (order.status, order.is_frozen) == ("paid", False)
    assert attempts(product) == [(order.out_trade_no, "paid")]
    assert len(simulator.books()) == 1
    assert product.deps.transact(differences) == []


@WALLETS
@pytest.mark.parametrize("seconds", [600, -600])
def test_what_was_begun_with_a_wrong_clock_ends_with_both_books_alike(
    product: Product, simulator: Simulator, phone: MakePhone, jump: Callable[[float], None],
    wallet: str, seconds: float,
) -> None:  # fmt: skip
    """WeChat refuses what is signed ten minutes off: a definite no, and the next try is free."""
    order = _paid_order(product, phone(wallet))
    jump(seconds)
    refund(product, order, 2500)
    buyer = phone(wallet, "zhou")
    answer = buyer.press(buyer.form(), "50")
    assert answer.status_code == 200 or "没有扣款" in answer.json()["error"]["hint"]
    product.sweep(2)
    jump(0)
    for _ in range(14):
        simulator.advance(60)
        product.sweep()
    refused = wallet == "wechat"
    assert [r.status for r in refunds(product)] == ["failed" if refused else "success"]
    assert room(product, order) == ((0, 0) if refused else (2500, 2500))
    refund(product, order, 7500)
    simulator.advance(15)
    product.sweep()
    assert the_order(product, order).refunded_fen == (7500 if refused else 10000)
    phone(wallet, "chen").pay(amount="50")
    product.wait_paid(orders(product)[-1].out_trade_no)
    assert sorted(row.amount_fen for row in orders(product) if row.status == "paid") == [
        5000,
        10000,
    ]


def _paid_order(product: Product, buyer: Phone) -> Any:
    buyer.pay(amount="100")
    (order,) = orders(product)
    product.wait_paid(order.out_trade_no)
    return orders(product)[0]
