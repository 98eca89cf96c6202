"""A newcomer's road in a real browser: open the code, type, pay, and see what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakeScreen = Callable[..., Screen]
OWNER = "SELECT public_id FROM staff WHERE name LIKE :n ORDER BY id LIMIT 1"


def orders_now(product: Product) -> list[str]:
    """States and amounts of the orders that this test made, oldest first."""
    rows = product.sql(
        "SELECT status, amount_fen FROM pay_order WHERE intent_key NOT LIKE 'demo:%' ORDER BY id"
    )
    return [f"{row.status} {row.amount_fen}" for row in rows]


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_scan_type_pay_confirm_and_it_is_paid(
    product: Product, simulator: Simulator, screen: MakeScreen, wallet: str
) -> None:
    phone = screen(wallet)
    assert phone.scan() == 200
    expect(phone.page.locator("h1")).to_have_text("青禾茶事 · 湖滨店")
    assert phone.page.locator("body").get_attribute("data-client") == wallet
    phone.tap("38.5")
    expect(phone.page.locator("#amount")).to_have_value("38.5")
    phone.press()
    sheet = phone.page.locator(f"[data-sim-sheet={wallet}]")
    expect(sheet.locator("[data-sim-amount]")).to_have_attribute("data-sim-amount", "3850")
    phone.sheet("confirm")
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    shown = phone.words()
    assert "¥38.50" in shown
    assert "青禾茶事 · 湖滨店" in shown
    trade = simulator.books()[0]
    assert trade["out_trade_no"] in shown
    assert orders_now(product) == ["paid 3850"]
    phone.page.locator("#done").tap()
    expect(phone.page.locator("[data-sim-closed]")).to_be_visible()


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_cancelled_keeps_the_amount_and_says_that_nothing_was_charged(
    product: Product, simulator: Simulator, screen: MakeScreen, wallet: str
) -> None:
    phone = screen(wallet)
    phone.scan()
    phone.tap("12.34")
    phone.press()
    phone.sheet("cancel")
    expect(phone.page.locator("#hint")).to_contain_text("没有扣款")
    expect(phone.page.locator("#amount")).to_have_value("12.34")
    expect(phone.page.locator("#go")).to_be_focused()
    phone.press()
    phone.sheet("confirm")
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert orders_now(product) == ["paid 1234"]
    assert len(simulator.books()) == 1


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_failed_in_the_wallet_says_so_and_the_server_decides(
    product: Product, screen: MakeScreen, wallet: str
) -> None:
    phone = screen(wallet)
    phone.scan()
    phone.tap("5")
    phone.press()
    phone.sheet("fail")
    said = phone.page.locator("#hint")
    expect(said).to_contain_text({"wechat": "微信支付提示：", "alipay": "支付宝提示："}[wallet])
    expect(said).to_contain_text("以结果页为准")
    expect(phone.page.locator("#amount")).to_have_value("5")
    phone.page.locator("#more").tap()
    expect(phone.page.locator("h1")).to_have_text("正在确认付款结果")
    assert orders_now(product) == ["paying 500"]


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_the_whole_road_on_the_simulators_phone(
    product: Product, simulator: Simulator, screen: MakeScreen, wallet: str
) -> None:
    desk = screen("desktop", viewport={"width": 1280, "height": 800})
    desk.open(f"{simulator.url}/sim/phone")
    page, glass = desk.page, desk.page.frame_locator("[data-frame]")
    page.locator(f"[data-w={wallet}]").tap()
    page.get_by_role("radio", name=re.compile("青禾茶事 · 湖滨店 · 12 号桌")).check()
    expect(glass.locator("h1")).to_have_text("青禾茶事 · 湖滨店")
    for key in "26.8":
        glass.locator(f'[data-k="{key}"]').tap()
    glass.locator("#go").tap()
    expect(page.locator("[data-sim-amount]")).to_have_attribute("data-sim-amount", "2680")
    desk.sheet("confirm")
    expect(glass.locator("h1")).to_have_text("付款成功", timeout=5000)
    number = simulator.books()[0]["out_trade_no"]
    page.locator("[data-merchant]").tap()
    row = glass.locator("a.li", has_text=number[-4:])
    expect(row).to_contain_text("¥26.80")
    row.tap()
    expect(glass.locator("body")).to_contain_text(number)
    expect(glass.locator("body")).to_contain_text("钱包确认收款")
    assert orders_now(product) == ["paid 2680"]


def test_the_phone_shows_cancel_and_fail_in_its_frame(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    desk = screen("desktop", viewport={"width": 1280, "height": 800})
    link = f"{product.url}/q/{MAIN}/8K3FQ2"
    desk.open(f"{simulator.url}/sim/phone?code={link}&wallet=alipay")
    glass = desk.page.frame_locator("[data-frame]")
    glass.locator('[data-k="9"]').tap()
    glass.locator("#go").tap()
    desk.sheet("cancel")
    expect(glass.locator("#hint")).to_contain_text("没有扣款")
    expect(glass.locator("#amount")).to_have_value("9")
    glass.locator("#go").tap()
    desk.sheet("fail")
    expect(glass.locator("#hint")).to_contain_text("支付宝提示：")


def test_the_merchant_sees_the_money_in_list_and_detail(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen("alipay")
    phone.scan()
    phone.tap("1284.5")
    phone.page.locator("#add").tap()
    phone.page.fill("#remark", "少糖，谢谢")
    phone.page.press("#remark", "Enter")
    phone.press()
    phone.sheet("confirm")
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    number = simulator.books()[0]["out_trade_no"]
    owner = screen("desktop")
    public_id = product.one(OWNER, n="青禾茶事%").public_id
    owner.open(f"/m/demo-login/{public_id}")
    row = owner.page.locator("a.li", has_text=number[-4:])
    expect(row).to_contain_text("¥1,284.50")
    expect(row).to_contain_text("湖滨店 · 12 号桌")
    row.tap()
    shown = owner.words()
    for part in ("¥1,284.50", "支付宝", number, "少糖，谢谢", "钱包确认收款"):
        assert part in shown
    owner.page.get_by_role("link", name="返回").tap()
    expect(owner.page.locator("h1")).to_have_text("订单")
