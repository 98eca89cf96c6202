"""The card on the pay page: short, lost, given back in part, and a store that takes none."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from services.cards.spend_problems import CardDisabledStore
from services.refunds.asking import Ask, ask_for
from tests.e2e.cards import ACTOR, CODE, HOME, CardShop, open_card, till
from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.harness.product import Product


@pytest.fixture
def shop(product: Product) -> CardShop:
    return open_card(product)


@pytest.fixture
def phone(shop: CardShop, screen: MakeScreen) -> Screen:
    """A member with ¥50.00, of which ¥10.00 are a bonus of an earlier recharge."""
    one = screen()
    one.open(HOME)
    one.page.get_by_role("button", name="领取会员卡").tap()
    expect(one.page.locator("h1")).to_have_text("验证手机号")
    shop.give(5_000)
    return one


def test_too_little_on_the_card_says_the_exact_gap(phone: Screen, product: Product) -> None:
    phone.scan(CODE)
    expect(phone.page.locator("#by-card")).to_be_checked()
    phone.tap("50.01")
    hint = phone.page.locator("#hint")
    expect(hint).to_have_text("会员卡余额还差 ¥0.01，请先充值或改用其他方式")
    phone.look("pay-short")
    phone.page.locator("#go").tap(force=True)
    assert product.sql("SELECT 1 FROM pay_order WHERE channel = 'balance'") == []
    phone.page.locator("#by-wallet").check()
    expect(hint).to_contain_text("请与店员核对金额")
    phone.page.locator("#by-card").check()
    phone.tap("<")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=6000)
    assert "¥0.00" in phone.words()


def test_the_pay_page_with_a_card_fits_a_small_phone(phone: Screen) -> None:
    phone.page.set_viewport_size({"width": 360, "height": 640})
    phone.scan(CODE)
    tall = phone.page.evaluate("document.documentElement.scrollHeight")
    bar = phone.page.locator(".sim").bounding_box()  # in simulation alone
    assert bar is not None
    assert tall - bar["height"] <= 640


def test_a_lost_answer_is_asked_for_and_never_called_a_failure(
    phone: Screen, product: Product, shop: CardShop
) -> None:
    phone.pardoned.append("ERR_")

    def lose(route: Route) -> None:
        route.fetch()  # it arrives, and is charged
        route.abort("connectionfailed")

    phone.scan(CODE)
    phone.tap("12.5")
    phone.page.route("**/pay?*", lose)
    phone.page.route("**/pay", lose)
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=8000)
    assert shop.card().paid_fen == 3_750
    assert product.one("SELECT count(*) AS n FROM pay_order WHERE channel = 'balance'").n == 1


def test_a_press_that_never_arrived_is_told_after_a_while(phone: Screen, shop: CardShop) -> None:
    phone.pardoned.append("ERR_")
    phone.scan(CODE)
    phone.tap("12.5")
    phone.page.route("**/pay?*", lambda route: route.abort("connectionfailed"))
    phone.page.route("**/pay", lambda route: route.abort("connectionfailed"))
    phone.press()
    said = phone.page.locator("h2.h")
    expect(said).to_have_text("正在确认付款结果", timeout=6000)
    url = phone.page.url
    phone.open(f"{url}{'&' if '?' in url else '?'}looked=12".replace("looked=1&", ""))
    expect(said).to_have_text("还没有收到这笔付款")
    assert "没有扣款" not in phone.words()
    phone.look("pay-unseen")
    phone.page.get_by_role("link", name="重新付款").tap()
    expect(phone.page.locator("#by-card")).to_be_checked()
    assert shop.card().paid_fen == 5_000


def test_a_partial_refund_goes_back_to_the_parts_and_shows_in_the_history(
    phone: Screen, product: Product, shop: CardShop
) -> None:
    phone.open(f"{HOME}/recharge?code={CODE}")
    phone.page.locator('[name=pay][value="10000"]').check()
    phone.page.locator("#agree").check()
    phone.page.locator("#go").tap()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    phone.scan(CODE)
    phone.tap("26.8")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=6000)
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (13_320, 0)
    order = product.one("SELECT * FROM pay_order WHERE channel = 'balance'")
    ask_for(
        product.deps,
        Ask(order.provider_id, order.out_trade_no, 2_000, "少一份小菜", ACTOR, ACTOR),
    )
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (15_000, 320)
    product.sweep()
    phone.page.reload()
    expect(phone.page.locator("h1")).to_have_text("已部分退款")
    assert "退款已退回会员卡" in phone.words()
    phone.look("pay-part-refunded")
    phone.open(f"{HOME}/history")
    rows = phone.page.locator(".li").all_inner_texts()
    said = [" ".join(row.split()) for row in rows]
    assert [row.split(" ")[0] for row in said] == [
        "退款退回", "南窗面馆消费", "充值赠送", "充值", "商家调整",
    ]  # fmt: skip
    for row, delta, balance in zip(
        said,
        ("+¥20.00", "−¥26.80", "+¥10.00", "+¥100.00", "+¥50.00"),
        ("¥153.20", "¥133.20", "¥160.00", "¥150.00", "¥50.00"),
        strict=True,
    ):
        assert delta in row
        assert f"余额 {balance}" in row
    phone.look("history-refunded")


def test_a_store_whose_switch_is_off_shows_no_card_and_refuses_its_codes(
    phone: Screen, product: Product, shop: CardShop
) -> None:
    phone.scan(CODE)
    shop.switch(is_on=False)
    phone.tap("5")
    phone.press()  # the page was open while the switch was turned
    expect(phone.page.locator("#hint")).to_contain_text("本门店未启用会员卡")
    phone.scan(CODE)
    assert phone.page.locator(".ways").count() == 0
    phone.look("pay-switched-off")
    phone.open(f"{HOME}?code={CODE}")
    assert "南窗面馆未启用会员卡" in phone.words()
    phone.look("card-store-off")
    phone.open(f"{HOME}/recharge?code={CODE}")
    assert "CARD_DISABLED_STORE" in phone.words()
    phone.open(f"{HOME}/code?code={CODE}")
    phone.look("code-store-off")
    with pytest.raises(CardDisabledStore):
        till(product, phone.page.locator("#digits").inner_text(), 500)
    shop.switch(is_on=True)
    till(product, phone.page.locator("#digits").inner_text(), 500)
    assert shop.card().paid_fen == 4_500
