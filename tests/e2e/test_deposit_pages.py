"""Deposits on the owner's phone and at the provider's desk, in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import DESK, Screen
from tests.e2e.test_card_merchant import says, signed_in
from tests.e2e.test_store_pages import button, link
from tests.harness.console import Console
from tests.harness.holds import hold
from tests.harness.product import Product
from tests.integration.deposits.helping import Desk

MakeScreen = Callable[..., Screen]
SIZES = {**DESK, "390": (390, 844, 100), "200pc": (1280, 800, 200)}


def test_an_owner_looks_at_a_deposit_and_gives_a_part_back(
    product: Product, screen: MakeScreen
) -> None:
    product.do("UPDATE staff SET can_refund = true")
    owner = signed_in(product, screen, "owner")
    owner.open("/m/deposits")
    says(owner, "还没有押金")
    owner.look("m-deposits-none")
    desk = Desk(product, "nanchuang")
    held = desk.freeze("alipay", 88_000)
    desk.consume(held, 32_050, ends=False)
    desk.after(held, 5)
    hold(product, "sz0100holdsoon", "nanchuang", days=27)
    owner.open("/m/")
    says(owner, "冻结中 2 笔")
    owner.look("m-home-deposits")
    link(owner, "押金")
    owner.look("m-deposits")
    link(owner, "快到期")
    expect(owner.page.locator(".li")).to_have_count(1)
    owner.open(f"/m/deposits?q={held.out_freeze_no}")
    says(owner, "找到 1 笔")
    owner.look("m-deposits-found")
    owner.page.locator("a.li").tap()
    says(owner, "还冻结着")
    owner.look("m-deposit")
    link(owner, "退还顾客")
    owner.look("m-deposit-release", whole=False)
    owner.page.fill("#amount", "600")
    button(owner, "下一步")
    says(owner, "最多可退还 ¥559.50")
    owner.look("m-deposit-release-refused", whole=False)
    owner.page.fill("#amount", "５０")
    button(owner, "下一步")
    says(owner, "退给顾客")
    owner.look("m-deposit-sure", whole=False)
    button(owner, "确认退还 ¥50.00")
    says(owner, "钱已经退给顾客")
    owner.look("m-deposit-released")
    assert desk.now(held).room_fen == 88_000 - 32_050 - 5_000
    desk.agrees(held)
    link(owner, "退还顾客")
    button(owner, "下一步")
    button(owner, "确认退还 ¥509.50")
    says(owner, "再确认一次")
    owner.look("m-deposit-again", whole=False)
    owner.page.fill("#again", "509.5")
    button(owner, "确认退还 ¥509.50")
    says(owner, "已消费，余下退回")
    owner.look("m-deposit-ended")


def test_wechat_s_whole_deposit_has_nothing_to_type(product: Product, screen: MakeScreen) -> None:
    product.do("UPDATE staff SET can_refund = true")
    desk = Desk(product, "nanchuang")
    held = desk.freeze("wechat", 20_000)
    owner = signed_in(product, screen, "owner")
    owner.open(f"/m/deposits/{held.out_freeze_no}/release")
    assert owner.page.locator("#amount").count() == 0
    owner.look("m-deposit-release-whole", whole=False)
    button(owner, "下一步")
    button(owner, "确认退还 ¥200.00")
    says(owner, "前 16 秒不接受退还")
    desk.after(held, 20)
    owner.page.reload()
    says(owner, "钱已经退给顾客")


def test_the_desk_looks_at_deposits(product: Product, screen: MakeScreen) -> None:
    desk = Console(product)
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    window.open("/console/deposits")
    expect(window.page.locator("h1")).to_have_text("押金")
    window.look("console-deposits-none", SIZES, touch=False)
    shop = Desk(product, "nanchuang")
    held = shop.freeze("alipay", 88_000)
    order = shop.consume(held, 32_050, ends=False)
    shop.after(held, 5)
    shop.release(held, 1_000)
    hold(product, "sz0100holdsoon", "nanchuang", days=27)
    window.open("/console/deposits")
    window.look("console-deposits", SIZES, touch=False)
    window.open("/console/orders")
    window.page.fill("#q", order.out_trade_no)
    window.page.get_by_role("button", name="查", exact=True).click()
    expect(window.page.locator("h2", has_text="押金")).to_be_visible()
    window.look("console-orders-and-deposit", SIZES, touch=False)
    window.page.fill("#q", held.out_freeze_no)
    window.page.get_by_role("button", name="查", exact=True).click()
    expect(window.page.locator("h1")).to_have_text(held.out_freeze_no)
    window.look("console-deposit", SIZES, touch=False)
    window.page.locator("td a", has_text=order.out_trade_no).click()
    expect(window.page.locator("h1")).to_have_text(order.out_trade_no)
    window.look("console-order-of-deposit", SIZES, touch=False)
    window.open("/console/figures?span=day&by=way")
    expect(window.page.locator("td", has_text="押金消费")).to_be_visible()
    window.look("console-ways", SIZES, touch=False)
