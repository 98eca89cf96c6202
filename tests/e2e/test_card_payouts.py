"""Giving a member's money back, in a browser: the member's page, and the merchant's."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.cards import CODE, HOME, CardShop, open_card
from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.harness.product import Product

DAY = 86_400


@pytest.fixture
def shop(product: Product) -> CardShop:
    return open_card(product)


@pytest.fixture
def phone(shop: CardShop, screen: MakeScreen) -> Screen:
    """A member with ¥100.00 and a bonus of ¥10.00, recharged in the store."""
    one = screen()
    one.open(HOME)
    one.page.get_by_role("button", name="领取会员卡").tap()
    expect(one.page.locator("h1")).to_have_text("验证手机号")
    one.open(f"{HOME}/recharge?code={CODE}")
    one.page.locator('[name=pay][value="10000"]').check()
    one.page.locator("#agree").check()
    one.page.locator("#go").tap()
    one.sheet()
    expect(one.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    return one


def says(one: Screen, *texts: str) -> None:
    for text in texts:
        expect(one.page.locator("body")).to_contain_text(text)


def wallets_answer(product: Product, seconds: int = 15) -> None:
    product.sweep()
    product.simulator.advance(seconds)
    product.sweep()


def press(one: Screen, name: str) -> None:
    one.page.get_by_role("button", name=name).tap()


def test_within_the_cooling_days_it_goes_back_without_anybody_and_the_card_shows_nothing(
    product: Product, shop: CardShop, phone: Screen
) -> None:
    product.simulator.switch("wechat.refund_delay_s", "600")
    phone.open(HOME)
    phone.page.get_by_role("link", name="退余额").tap()
    expect(phone.page.locator("h1")).to_have_text("退余额")
    says(phone, "¥100.00", "收回赠送", "−¥10.00", "7 天内：不用理由", "未消费的充值余额")
    phone.look("payout-offer")
    press(phone, "申请退 ¥100.00")
    expect(phone.page.locator("h1")).to_have_text("确认退余额")
    assert product.sql("SELECT * FROM card_payout") == []
    phone.look("payout-sure")
    press(phone, "确认退 ¥100.00")
    says(phone, "退款已受理", "最迟", "退款中")
    assert "已退款" not in phone.words().replace("「已退款」", "")
    phone.look("payout-returning")
    phone.open(HOME)
    expect(phone.page.locator(".m.xl")).to_have_text("¥0.00")
    says(phone, "退款已受理，钱还在退回的路上")
    wallets_answer(product, 700)
    phone.open(f"{HOME}/payout")
    says(phone, "已退款", "已退回", "没有可退的余额")
    phone.look("payout-done")
    assert (shop.card().paid_fen, shop.card().bonus_fen, shop.card().status) == (0, 0, "active")


def test_what_was_spent_meanwhile_is_shown_once_more_and_a_request_can_be_withdrawn(
    product: Product, shop: CardShop, phone: Screen
) -> None:
    product.simulator.advance(8 * DAY)
    phone.open(f"{HOME}/payout?by=cooling")
    says(phone, "由商家审核")
    phone.page.fill("#reason", "要搬走了")
    press(phone, "申请退 ¥100.00")
    shop.give(-2_000, "spent")
    press(phone, "确认退 ¥100.00")
    says(phone, "余额刚有变动", "要搬走了")
    phone.look("payout-changed")
    press(phone, "确认退 ¥80.00")
    says(phone, "等商家审核", "最迟")
    phone.look("payout-asked")
    form = phone.page.evaluate(
        "() => Object.fromEntries(new FormData(document.querySelector('form')))"
    )
    url = f"{product.url}{HOME}/payout/cancel"
    agent = {"User-Agent": phone.page.evaluate("navigator.userAgent")}
    for bad, status in (({"token": "x"}, 400), ({"payout": "999999"}, 404)):
        answer = phone.context.request.post(url, form={**form, **bad}, headers=agent)
        assert answer.status == status
    press(phone, "撤回申请")
    says(phone, "已撤回", "余额没有变")
    assert shop.card().paid_fen == 8_000
    phone.look("payout-cancelled")
    phone.open(f"{HOME}/payout?lang=en")
    phone.look("payout-en")
