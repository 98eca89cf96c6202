"""What a merchant, an operator and a tester see: orders, the front door, the simulator's phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESK, SIZES, Screen
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.refunds.helping import pay, refund

MakeScreen = Callable[..., Screen]
MakePhone = Callable[..., Phone]
OWNER = "SELECT public_id FROM staff WHERE name LIKE '青禾茶事%' ORDER BY id LIMIT 1"
OURS = "intent_key NOT LIKE 'demo:%'"
BOTH = SIZES | DESK


def sign_in(product: Product, screen: MakeScreen, **options: object) -> Screen:
    owner = screen("desktop", **options)
    owner.open(f"/m/demo-login/{product.one(OWNER).public_id}")
    return owner


def test_the_merchants_list(product: Product, screen: MakeScreen) -> None:
    owner = sign_in(product, screen)
    expect(owner.page.locator("h1")).to_have_text("订单")
    owner.look("merchant-list", BOTH)
    owner.page.get_by_role("link", name="东坡路店", exact=True).tap()
    expect(owner.page.locator("a[aria-current=true]")).to_have_text("东坡路店")
    for place in owner.page.locator("a.li .t").all_inner_texts():
        assert "东坡路店" in place
    first = owner.page.locator("a.li").first.get_attribute("href")
    owner.page.get_by_role("link", name="加载更早的订单").tap()
    expect(owner.page.locator(f'a.li[href="{first}"]')).to_have_count(0)
    expect(owner.page.locator("a[aria-current=true]")).to_have_text("东坡路店")


def test_the_merchant_finds_an_order_by_its_number_and_a_day(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    phone().pay(amount="38.50")
    order = product.one(f"SELECT out_trade_no AS n FROM pay_order WHERE {OURS}")
    product.wait_paid(order.n)
    paid = product.one(f"SELECT transaction_id AS n FROM pay_order WHERE {OURS}")
    owner = sign_in(product, screen)
    for number in (order.n, paid.n, order.n[-6:]):
        owner.page.get_by_role("searchbox").fill(number)
        owner.page.get_by_role("button", name="查找").tap()
        expect(owner.page.locator("[role=status]")).to_contain_text("找到 1 笔")
        expect(owner.page.locator("a.li")).to_contain_text("38.50")
    owner.look("merchant-found", BOTH)
    owner.page.get_by_role("searchbox").fill("4200002614202611217098")
    owner.page.get_by_role("searchbox").press("Enter")
    expect(owner.page.locator("main")).to_contain_text("没有找到这个单号")
    owner.look("merchant-not-found", BOTH)
    owner.page.locator(".empty a").tap()
    owner.page.get_by_role("link", name="有退款").tap()
    expect(owner.page.locator("main")).to_contain_text("没有退款的订单")
    owner.look("merchant-narrowed", SIZES)
    owner.page.get_by_role("link", name="有退款").tap()
    owner.page.locator("summary").tap()
    day = (product.deps.now() - timedelta(days=3)).date()
    owner.page.locator("#day").fill(day.isoformat())
    owner.page.get_by_role("button", name="看这天").tap()
    expect(owner.page.locator("h2").first).to_contain_text(f"{day.month} 月 {day.day} 日")
    owner.look("merchant-day", BOTH)


CHANGES = {
    "paid": ("", ""),
    "part-refunded": ("refunded_fen = 2000", "部分退款"),
    "late": ("is_late = true", "过期后付成"),
    "frozen": ("is_frozen = true", "已冻结"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_merchants_order(
    product: Product, screen: MakeScreen, phone: MakePhone, name: str
) -> None:
    change, said = CHANGES[name]
    phone().pay(amount="38.50", remark="少糖")
    number = product.one(f"SELECT out_trade_no FROM pay_order WHERE {OURS}").out_trade_no
    product.wait_paid(number)
    if change:
        product.do(f"UPDATE pay_order SET {change} WHERE {OURS}")
    owner = sign_in(product, screen)
    owner.page.locator("a.li", has_text=number[-4:]).tap()
    expect(owner.page.locator("h1")).to_have_text("订单详情")
    expect(owner.page.locator("main")).to_contain_text(said)
    expect(owner.page.locator(".hero")).to_contain_text(
        "¥18.50" if name == "part-refunded" else "¥38.50"
    )
    owner.look(f"merchant-order-{name}", BOTH if name == "paid" else None)


def test_a_refund_under_way_is_accepted_and_not_yet_refunded(
    product: Product, simulator: Simulator, screen: MakeScreen, phone: MakePhone
) -> None:
    order = pay(product, phone, "alipay", amount="92.00")
    refund(product, order, 2000)
    simulator.switch("alipay.refund_outcome", "later")
    simulator.fault("alipay.refund_notify", "drop", times=100)
    refund(product, order, 1500)
    owner = sign_in(product, screen)
    owner.page.locator("a.li", has_text=order.out_trade_no[-4:]).tap()
    expect(owner.page.locator(".hero")).to_contain_text("¥72.00")
    expect(owner.page.locator(".refunds li").nth(0)).to_contain_text("已退款")
    expect(owner.page.locator(".refunds li").nth(1)).to_contain_text("退款已受理")
    owner.look("merchant-order-refunds", BOTH)
    payer = screen("alipay")
    assert payer.open(f"/q/{MAIN}/o/{order.public_id}") == 200
    assert "退款已受理" in payer.words()
    payer.look("result-refund-under-way")
    simulator.advance(15)
    product.sweep()


def test_a_merchant_without_orders_and_a_stranger(product: Product, screen: MakeScreen) -> None:
    other = "(SELECT id FROM merchant WHERE name = '山雀咖啡')"
    product.do(f"UPDATE pay_order SET merchant_id = {other}")
    owner = sign_in(product, screen)
    expect(owner.page.locator("main")).to_contain_text("还没有订单")
    owner.look("merchant-empty")
    stranger = screen("desktop")
    assert stranger.open("/m/orders") == 401
    assert "还没有登录" in stranger.words()
    stranger.look("merchant-stranger")
    assert owner.open("/m/orders/sz9999nothing") == 404
    assert "没有找到这个页面" in owner.words()


def test_the_front_door(product: Product, screen: MakeScreen) -> None:
    desk = screen("desktop", viewport={"width": 1280, "height": 800})
    assert desk.open("/") == 200
    desk.look("home", BOTH, touch=False)
    card = desk.page.locator("li", has_text="青禾茶事 · 湖滨店").filter(has_text="12 号桌")
    card.get_by_role("link", name="用模拟手机扫").tap()
    glass = desk.page.frame_locator("[data-frame]")
    expect(glass.locator("h1")).to_have_text("青禾茶事 · 湖滨店")


def test_the_simulators_phone(product: Product, simulator: Simulator, screen: MakeScreen) -> None:
    desk = screen("desktop", viewport={"width": 1280, "height": 800})
    desk.open(f"{simulator.url}/sim/phone")
    expect(desk.page.get_by_role("radio")).not_to_have_count(0)
    sizes = {"1280": DESK["1280"], "390": SIZES["390"], "320": SIZES["320"]}
    desk.look("sim-phone-idle", sizes, touch=False, whole=False)
    # on a desk everything that a newcomer needs is in sight, and the page itself does not scroll
    for part in ("[data-w=wechat]", "[data-fault]", "[data-person]"):
        expect(desk.page.locator(part).first).to_be_in_viewport()
    assert desk.page.evaluate("document.documentElement.scrollHeight") == 800
    desk.open(f"{simulator.url}/sim/phone?code={product.url}/q/{MAIN}/8K3FQ2&wallet=wechat")
    glass = desk.page.frame_locator("[data-frame]")
    for key in "1284.5":
        glass.locator(f'[data-k="{key}"]').tap()
    desk.look("sim-phone-pay", sizes, touch=False, whole=False)
    glass.locator("#go").tap()
    expect(desk.page.locator("[data-sim=confirm]")).to_be_visible()
    desk.look("sim-phone-sheet", sizes, touch=False, whole=False)
    desk.sheet()
    expect(glass.locator("h1")).to_have_text("付款成功", timeout=5000)
    desk.look("sim-phone-paid", {"1280": DESK["1280"]}, touch=False, whole=False)


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_the_sheet_over_a_page_of_its_own(
    product: Product, screen: MakeScreen, wallet: str
) -> None:
    phone = screen(wallet)
    phone.scan()
    phone.tap("38.5")
    phone.press()
    expect(phone.page.locator("[data-sim=confirm]")).to_be_visible()
    phone.look(f"sheet-{wallet}", touch=False)
    phone.sheet("cancel")
