"""A member's road in a real browser: claim, recharge, pay, and see it in the history."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.cards import CODE, HOME, open_card
from tests.e2e.states import MakeScreen
from tests.harness.product import Product


def test_claim_recharge_with_bonus_and_pay_from_the_card(
    product: Product, screen: MakeScreen
) -> None:
    shop = open_card(product)
    phone = screen()
    phone.scan(CODE)
    phone.look("card-pay-none")
    phone.page.get_by_role("link", name="领取").tap()
    expect(phone.page.locator("h1")).to_have_text("领取会员卡")
    phone.look("card-claim")
    phone.page.get_by_role("button", name="领取会员卡").tap()
    expect(phone.page.locator("h1")).to_have_text("验证手机号")
    phone.look("card-phone")
    phone.page.get_by_role("link", name="以后再说").tap()
    expect(phone.page.locator("h1")).to_have_text("会员卡")
    phone.look("card-empty")
    phone.page.get_by_role("link", name="充值").tap()
    expect(phone.page.locator("h1")).to_have_text("会员卡充值")
    phone.look("card-recharge")
    phone.page.locator('[name=pay][value="10000"]').check()
    phone.page.locator("#go").tap()
    expect(phone.page.locator("#what")).to_have_text("请先勾选同意章程")
    phone.look("card-recharge-agree")
    phone.page.locator("#agree").check()
    phone.page.locator("#go").tap()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    assert "¥110.00" in phone.words()
    phone.look("card-recharged")
    phone.page.get_by_role("link", name="查看会员卡").tap()
    expect(phone.page.locator(".m.xl")).to_have_text("¥110.00")
    phone.look("card-home")
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (10_000, 1_000)
    phone.scan(CODE)
    phone.tap("26.8")
    phone.look("card-pay")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=6000)
    assert "¥83.20" in phone.words()
    phone.look("card-paid")
    phone.open(f"{HOME}/history")
    phone.look("card-history")
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (8_320, 0)
