"""The card's pages at the edges: caps, phones, the bar code, other apps, no card at all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from models.card import RechargeMode
from services.cards import programs
from tests.e2e.cards import ACTOR, CODE, HOME, SUB, CardShop, open_card, till
from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.harness.phone import MAIN
from tests.harness.product import Product

ROOM = 11_360  # below the cap of ¥1,000.00 with ¥886.40 on the card


def member(product: Product, screen: MakeScreen, mode: RechargeMode, fen: int) -> Screen:
    """A phone whose person holds the only card, with so much on it."""
    shop = open_card(product, mode)
    phone = screen()
    phone.open(HOME)
    phone.page.get_by_role("button", name="领取会员卡").tap()
    expect(phone.page.locator("h1")).to_have_text("验证手机号")
    if fen:
        shop.give(fen)
    return phone


def shop_of(product: Product) -> CardShop:
    row = product.one("SELECT provider_id, id FROM merchant WHERE out_sub_mch_id = :s", s=SUB)
    return CardShop(product, row.provider_id, row.id)


def pay_sum(phone: Screen, yuan: str) -> None:
    phone.page.locator("#own").check()
    phone.page.locator("#other").fill(yuan)
    if phone.page.locator("#agree").count():
        phone.page.locator("#agree").check()


def test_a_sum_up_to_the_cap_is_taken_and_one_fen_more_is_not(
    product: Product, screen: MakeScreen
) -> None:
    phone = member(product, screen, RechargeMode.ANY, 88_640)
    phone.open(f"{HOME}/recharge")
    assert "最多还能充 ¥113.60" in phone.words()
    phone.look("recharge-any")
    phone.page.locator('[name=pay][value="20000"]').check()
    said = phone.page.locator("#cap")
    expect(said).to_contain_text("选 ¥200.00 会超过余额上限")
    expect(said).to_contain_text("上限由平台设定，不能调整")
    expect(said).to_contain_text("CARD_BALANCE_CAP")
    phone.look("recharge-over")
    pay_sum(phone, "113.61")
    expect(said).to_be_visible()
    expect(phone.page.locator("#go")).to_have_attribute("aria-disabled", "true")
    before = product.sql("SELECT count(*) AS n FROM pay_order")
    refused = phone.page.evaluate(
        """async () => { const r = await fetch(location.pathname, {method: 'POST',
        headers: {Accept: 'application/json'}, body: new FormData(document.getElementById('pay'))});
        return [r.status, await r.json()] }"""
    )
    assert (refused[0], refused[1]["error"]["code"]) == (409, "CARD_BALANCE_CAP")
    assert "¥113.60" in refused[1]["error"]["hint"]
    assert product.sql("SELECT count(*) AS n FROM pay_order") == before
    pay_sum(phone, "113.60")
    expect(said).to_be_hidden()
    phone.look("recharge-equal")
    phone.page.locator("#go").tap()
    phone.sheet("cancel")
    expect(phone.page.locator("#what")).to_contain_text("没有扣款")
    phone.open(f"{HOME}/recharge")  # the room that this very recharge holds is no obstacle to it
    assert "最多还能充 ¥113.60" in phone.words()
    pay_sum(phone, "113.60")
    phone.page.locator("#go").tap()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    card = shop_of(product).card()
    assert (card.paid_fen, card.cap_fen, card.held_fen) == (100_000, 100_000, 0)
    phone.open(f"{HOME}/recharge")
    phone.look("recharge-full")


def test_a_phone_confirmed_raises_the_cap(product: Product, screen: MakeScreen) -> None:
    phone = member(product, screen, RechargeMode.FIXED, 0)
    phone.page.fill("#phone", "13812")
    phone.page.locator("[name=agree]").first.check()
    phone.page.get_by_role("button", name="获取验证码").tap()
    expect(phone.page.locator("#err")).to_contain_text("手机号格式不对")
    phone.look("phone-wrong")
    phone.page.fill("#phone", "138 1234 5678")
    phone.page.locator("[name=agree]").first.check()
    phone.page.get_by_role("button", name="获取验证码").tap()
    expect(phone.page.locator("#sms")).to_be_visible()
    assert "138" not in phone.page.url
    phone.look("phone-code")
    sent = product.simulator.get("/sim/sms?phone=13812345678")[-1]["text"]
    right = re.findall(r"\d{6}", sent)[0]
    phone.page.fill("#sms", "000000" if right != "000000" else "111111")
    phone.page.get_by_role("button", name="确认").tap()
    expect(phone.page.locator("#err")).to_contain_text("还可以试 4 次")
    phone.page.fill("#sms", right)
    phone.page.get_by_role("button", name="确认").tap()
    expect(phone.page.locator("h1")).to_have_text("会员卡")
    card = shop_of(product).card()
    assert (card.cap_fen, card.registered_at is not None) == (500_000, True)
    phone.look("card-registered")


def test_the_bar_code_is_charged_at_a_till_and_the_phone_shows_it(
    product: Product, screen: MakeScreen
) -> None:
    phone = member(product, screen, RechargeMode.FIXED, 5_000)
    phone.open(HOME)
    phone.page.get_by_role("link", name="付款码").tap()
    first = phone.page.locator("#digits").inner_text()
    assert re.fullmatch(r"99\d\d( \d{4}){3} \d\d", first)
    expect(phone.page.locator("#count")).to_contain_text("秒内有效")
    phone.look("code")
    product.do("UPDATE card_code SET expires_at = expires_at - interval '2 minutes'")
    expect(phone.page.locator("#digits")).not_to_have_text(first, timeout=8000)  # renews itself
    till(product, phone.page.locator("#digits").inner_text(), 1_250)
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=8000)
    assert "¥12.50" in phone.words()
    assert "卡内余额" in phone.words()
    assert shop_of(product).card().paid_fen == 3_750


def test_cards_are_not_for_other_apps(product: Product, screen: MakeScreen) -> None:
    open_card(product)
    alipay = screen("alipay")
    alipay.open(HOME)
    assert "会员卡只能在微信里使用" in alipay.words()
    assert "照常用支付宝付款" in alipay.words()
    alipay.look("elsewhere-alipay")
    alipay.scan(CODE)
    assert alipay.page.locator(".ways").count() == 0
    desk = screen("desktop")
    desk.open(HOME)
    assert "请用微信扫下面的码打开" in desk.words()


def test_every_state_of_the_program_has_its_words(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.open(HOME)
    assert "商家暂未开放会员卡" in phone.words()
    phone.look("not-offered")
    shop = open_card(product)
    programs.suspend(*shop.place, actor=ACTOR)
    phone.open(HOME)
    assert "商家暂停办理会员卡" in phone.words()
    phone.look("suspended-claim")
    programs.resume(*shop.place, actor=ACTOR)
    phone.open(HOME)
    phone.page.get_by_role("button", name="领取会员卡").tap()
    expect(phone.page.locator("h1")).to_have_text("验证手机号")
    shop.give(5_000)
    programs.suspend(*shop.place, actor=ACTOR)
    phone.open(HOME)
    assert "商家暂停了充值" in phone.words()
    phone.look("suspended")
    phone.page.get_by_role("link", name="充值").tap()
    assert "CARD_SUSPENDED" in phone.words()
    phone.look("suspended-recharge")
    phone.scan(CODE)
    expect(phone.page.locator("#by-card")).to_be_checked()  # spending goes on
    assert phone.page.get_by_role("link", name="充值").count() == 0
    programs.resume(*shop.place, actor=ACTOR)
    programs.change(*shop.place, {"has_online_recharge": False}, actor=ACTOR)
    phone.open(f"{HOME}/recharge")
    assert "商家关闭了线上充值" in phone.words()
    phone.look("online-off")
    assert phone.open(f"{HOME}/recharge?code={CODE}") == 200
    shop.give(-5_000, "taken")
    programs.delete(*shop.place, actor=ACTOR)
    phone.open(HOME)
    assert "商家已停用会员卡" in phone.words()


def test_the_pages_in_english(product: Product, screen: MakeScreen) -> None:
    phone = member(product, screen, RechargeMode.ANY, 88_640)
    for name, path in (("card", ""), ("recharge", "/recharge"), ("terms", "/terms")):
        phone.open(f"{HOME}{path}?lang=en")
        phone.look(f"en-{name}")
    assert "Issuer" in phone.words()
    phone.open(f"{HOME}/history?lang=en")
    assert "Adjusted by the shop" in phone.words()


@pytest.mark.parametrize("path", ["/history", "/code", "/code/state"])
def test_who_has_no_card_is_told(product: Product, screen: MakeScreen, path: str) -> None:
    open_card(product)
    phone = screen()
    assert phone.open(HOME + path) == 404
    assert "CARD_NONE" in phone.words()
    assert phone.open(f"/card/{MAIN}/nobody{path}") == 404


def test_with_the_merchant_switched_off_the_card_stays_open_for_its_holder(
    product: Product, screen: MakeScreen
) -> None:
    phone = member(product, screen, RechargeMode.FIXED, 5_000)
    product.do("UPDATE merchant SET is_active = false WHERE out_sub_mch_id = :s", s=SUB)
    assert phone.open(HOME) == 200
    assert "商家暂停了充值" in phone.words()
    assert "余额照常付款" in phone.words()
    phone.open(f"{HOME}/recharge")
    assert "CARD_SUSPENDED" in phone.words()
    phone.open(f"{HOME}/payout")
    assert "¥50.00" in phone.words()
    phone.open(f"{HOME}/code")
    till(product, phone.page.locator("#digits").inner_text(), 1_000)
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=8000)
