"""The pay page in every state, in a real browser.

`look` measures each page at 390 and 320 px and with doubled text: nothing outside the screen, room
for a finger, nothing for axe to complain about. The phone itself listens for the rest.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.links import NUMBER, one_off
from tests.e2e.states import GONE, OURS, MakePhone, MakeScreen, write
from tests.harness.product import Product

FORMS = {
    "pay-wechat": ("wechat", "8K3FQ2", ["青禾茶事 · 湖滨店", "付款金额", "单笔不超过 ¥5,000.00"]),
    "pay-alipay": ("alipay", "8K3FQ2", ["由支付宝付款"]),
    "pay-fixed-price": ("wechat", "6P0HJ8", ["燕麦拿铁", "¥28.00", "付款 ¥28.00"]),
    "pay-deposit": ("alipay", "6P0HK2", ["消费金额", "押金"]),
    "pay-undiscountable": ("alipay", "2W7ND6", ["消费总额", "其中不参与优惠"]),
    "pay-undiscountable-wechat": ("wechat", "2W7ND6", ["付款金额"]),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_pay_page(product: Product, screen: MakeScreen, name: str) -> None:
    wallet, code, said = FORMS[name]
    phone = screen(wallet)
    assert phone.scan(code) == 200
    for part in said:
        assert part in phone.words()
    phone.look(name)


def test_the_pay_page_in_use(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan()
    phone.tap("128.5")
    phone.look("pay-amount")
    phone.page.locator("#add").tap()
    expect(phone.page.locator("#remark")).to_be_focused()
    phone.page.fill("#remark", "少糖，不要珍珠，打包带走，谢谢")
    phone.look("pay-note")
    phone.page.press("#remark", "Enter")
    phone.tap("<<<<<")
    phone.tap("9999999")
    expect(phone.page.locator("#hint")).to_contain_text("超过单笔上限 ¥5,000.00")
    phone.look("pay-limit")


def test_english_by_the_wallets_own_word_and_by_the_switch(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    agent = phone().http.headers["User-Agent"]
    assert isinstance(agent, str)
    english = screen(agent.replace("Language/zh_CN", "Language/en"), locale="en-US")
    english.scan()
    assert english.page.locator("html").get_attribute("lang") == "en"
    assert "Pay to merchant" in english.words()
    english.look("pay-en")
    english.page.locator("a.lang").tap()
    expect(english.page.locator("html")).to_have_attribute("lang", "zh-CN")
    chinese = screen()
    chinese.scan()
    chinese.page.locator("a.lang").tap()
    expect(chinese.page.locator("label[for=amount]")).to_have_text("Amount (CNY)")
    chinese.tap("8")
    chinese.press()
    chinese.sheet("cancel")
    expect(chinese.page.locator("#hint")).to_contain_text("You were not charged")
    chinese.press()
    chinese.sheet("confirm")
    expect(chinese.page.locator("h1")).to_have_text("Payment received", timeout=5000)
    chinese.look("result-paid-en")


def test_a_fixed_price_is_paid_by_the_piece(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan("6P0HJ8")
    phone.page.locator("#plus").tap()
    phone.page.locator("#plus").tap()
    expect(phone.page.locator("#go")).to_have_text("付款 ¥84.00")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, quantity FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.quantity) == (8400, 3)


def test_a_deposit_is_paid_with_the_rest(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan("6P0HK2")
    phone.tap("12")
    phone.page.focus("#deposit")
    phone.tap("100")
    expect(phone.page.locator("#hint")).to_have_text("合计 ¥112.00，押金可退")
    phone.look("pay-deposit-typed")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, deposit_fen, remark FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.deposit_fen) == (11200, 10000)
    assert "押金" in row.remark


def test_an_undiscountable_part_is_told_to_alipay(product: Product, screen: MakeScreen) -> None:
    phone = screen("alipay")
    phone.scan("2W7ND6")
    phone.tap("10")
    phone.page.focus("#undiscountable")
    phone.tap("11")
    expect(phone.page.locator("#hint")).to_have_text("不参与优惠的金额不能超过总额")
    phone.tap("<")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, undiscountable_fen FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.undiscountable_fen) == (1000, 100)


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_one_off_link_is_paid_once(product: Product, screen: MakeScreen, wallet: str) -> None:
    link = one_off(product)
    phone = screen(wallet)
    assert phone.open(link) == 200
    expect(phone.page.locator("#go")).to_have_text("付款 ¥57.00")
    expect(phone.page.locator("#rest")).to_contain_text("还剩 4 分")
    assert NUMBER in phone.words()
    phone.look(f"one-off-{wallet}")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    phone.open(link)  # already paid: the same link now shows that
    expect(phone.page.locator("h1")).to_have_text("付款成功")
    assert product.one(f"SELECT count(*) AS n FROM pay_order WHERE {OURS}").n == 1


def test_an_expired_one_off_order_shows_that_it_ended(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    link = one_off(product)
    buyer = phone()
    buyer.press(buyer.form(path=link))
    write(product, GONE.format("close_reason = 'expired'"))
    product.simulator.reset()  # and the wallet has forgotten it too
    one = screen()
    one.open(link)
    expect(one.page.locator("h1")).to_have_text("这笔订单已过期，没有扣款")
    one.look("one-off-expired")
    one.page.locator("#done").tap()  # nothing to pay again here, and still a way out
    expect(one.page.locator("[data-sim-closed]")).to_be_visible()
