"""The money pages in a WeChat of 390 x 844, at 320 px and with text of twice the size."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.refunds.helping import pay, refund, refunds

# How far anything on the page has moved since it was first painted.
SHIFTED = """() => new Promise(done => { let sum = 0;
new PerformanceObserver(l => l.getEntries().forEach(e => { sum += e.value; }))
.observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 300); })"""
OWN = "sub01QINGHE8H2K4M6P9"


def owner(product: Product, screen: MakeScreen) -> Screen:
    row = product.one(
        "SELECT s.id, s.public_id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m AND s.role = 'owner'"
        " ORDER BY s.id LIMIT 1",
        m=OWN,
    )
    product.do("UPDATE staff SET can_refund = true, name = '林小满' WHERE id = :i", i=row.id)
    one = screen()
    one.open(f"/m/demo-login/{row.public_id}")
    return one


@pytest.fixture
def sold(product: Product, simulator: Simulator) -> list[Any]:
    """A busy noon: both wallets, two stores, something given back."""

    def phone(wallet: str, person: str) -> Phone:
        return Phone(product.url, simulator, wallet, person)

    made = [
        pay(product, phone, wallet, amount, person)
        for wallet, amount, person in (
            ("wechat", "1284.50", "lin"),
            ("alipay", "621", "zhou"),
            ("wechat", "112", "chen"),
        )
    ]
    refund(product, made[2], 2_000)
    simulator.advance(65)
    product.sweep()
    return made


def test_home_says_how_much_and_leads_on(
    product: Product, screen: MakeScreen, sold: list[Any]
) -> None:
    one = owner(product, screen)
    one.open("/m/")
    body = one.page.locator("body")
    expect(body).to_contain_text("今日收款 · 截至")
    expect(body).to_contain_text("这笔到账了吗")
    expect(one.page.locator(".tabs a[aria-current=page]")).to_have_text("首页")
    assert one.page.evaluate(SHIFTED) == 0
    one.look("m-home")
    one.page.fill("#q", "621.00")
    one.page.get_by_role("button", name="查", exact=True).tap()
    expect(body).to_contain_text("找到 1 笔")
    expect(body).to_contain_text("已支付")
    one.look("m-found")
    one.page.locator(".tabs").get_by_text("订单").tap()
    expect(one.page.locator("h1")).to_have_text("订单")
    one.look("m-orders")


def test_home_before_anything_was_sold(product: Product, screen: MakeScreen) -> None:
    row = product.one("SELECT public_id FROM staff WHERE name LIKE '晨光%'")
    in_china = product.deps.now() + timedelta(hours=8)
    midnight = in_china.replace(hour=0, minute=0, second=0) + timedelta(days=1, minutes=5)
    product.simulator.advance((midnight - in_china).total_seconds())  # the demo sells by day
    one = screen()
    one.open(f"/m/demo-login/{row.public_id}")
    one.open("/m/")
    expect(one.page.locator("body")).to_contain_text("¥0.00")
    one.look("m-home-empty")


def test_a_refund_takes_three_taps(
    product: Product, screen: MakeScreen, sold: list[Any], simulator: Simulator
) -> None:
    one = owner(product, screen)
    one.open(f"/m/orders/{sold[1].out_trade_no}")
    one.look("m-order-detail")
    one.page.get_by_role("link", name="退款", exact=True).tap()
    expect(one.page.get_by_role("dialog")).to_contain_text("退款金额，最多 ¥621.00")
    one.look("m-refund", whole=False)
    one.page.fill("#amount", "700")
    one.page.get_by_role("button", name="下一步").tap()
    expect(one.page.get_by_role("alert")).to_contain_text("最多可退 ¥621.00")
    one.look("m-refund-too-much", whole=False)
    one.page.fill("#amount", "36")
    one.page.get_by_role("button", name="下一步").tap()
    expect(one.page.get_by_role("dialog")).to_contain_text("退款不能撤回")
    one.look("m-refund-sure", whole=False)
    one.page.get_by_role("button", name="确认退款 ¥36.00").tap()
    expect(one.page.get_by_role("status")).to_contain_text("¥36.00")
    one.look("m-refund-done")
    assert [r.amount_fen for r in refunds(product)] == [2_000, 3_600]
    simulator.advance(15)
    product.sweep()


def test_a_large_refund_is_typed_twice(
    product: Product, screen: MakeScreen, sold: list[Any], simulator: Simulator
) -> None:
    one = owner(product, screen)
    one.open(f"/m/orders/{sold[0].out_trade_no}/refund")
    one.page.get_by_role("button", name="下一步").tap()
    one.page.get_by_role("button", name=re.compile("^确认退款")).tap()
    expect(one.page.get_by_role("dialog")).to_contain_text("再输一次退款金额")
    one.look("m-refund-twice", whole=False)
    assert len(refunds(product)) == 1
    one.page.fill("#again", "1284.50")
    one.page.get_by_role("button", name=re.compile("^确认退款")).tap()
    expect(one.page.get_by_role("status")).to_contain_text("退款已受理")
    one.look("m-refund-accepted")
    simulator.advance(65)
    product.sweep()


def test_statistics_in_every_way(product: Product, screen: MakeScreen, sold: list[Any]) -> None:
    one = owner(product, screen)
    one.open("/m/")
    one.page.get_by_role("link", name="日报").tap()
    expect(one.page.locator("h1")).to_have_text("统计")
    one.look("m-statistics")
    for span, by in (("month", "day"), ("week", "store"), ("week", "staff"), ("week", "code")):
        one.open(f"/m/statistics?span={span}&by={by}")
        one.look(f"m-statistics-{by}")
    one.open("/m/statistics?day=2020-02-02")
    expect(one.page.locator("body")).to_contain_text("没有收款")
    one.look("m-statistics-empty")
