"""Hands and networks: double taps, refresh, no script, no network, in a real browser.

`look` measures each page at 390 and 320 px and with doubled text: nothing outside the screen, room
for a finger, nothing for axe to complain about. The phone itself listens for the rest.
"""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from services import intents
from tests.e2e.states import OURS, MakeScreen
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.harness.simulator import Simulator


def test_without_script_the_form_posts_and_the_result_follows(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen("wechat", java_script_enabled=False)
    phone.scan()
    expect(phone.page.locator(".kp [data-k]").first).to_be_hidden()
    phone.page.fill("#amount", "12.50")
    phone.page.fill("#remark", "靠窗")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("正在确认付款结果")
    row = product.one(f"SELECT amount_fen, remark FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.remark) == (1250, "靠窗")
    phone.scan()
    phone.page.fill("#amount", "１２")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("金额填写有误")
    phone.page.get_by_role("link", name="重试").tap()
    expect(phone.page.locator("#amount")).to_have_value("12.50")


def test_offline_nothing_is_sent_and_the_amount_stays(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("7.7")
    phone.context.set_offline(True)
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("网络不通，未发起付款")
    expect(phone.page.locator("#amount")).to_have_value("7.7")
    assert simulator.books() == []
    phone.context.set_offline(False)
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_a_double_tap_is_one_order(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("9")
    phone.page.evaluate("for (let i = 0; i < 4; i++) document.getElementById('go').click()")
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert len(simulator.books()) == 1
    assert product.one(f"SELECT count(*) AS n FROM pay_order WHERE {OURS}").n == 1


def test_refresh_back_and_the_page_cache_keep_one_order(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("45.6")
    phone.press()
    phone.sheet("cancel")
    phone.page.reload()
    expect(phone.page.locator("#amount")).to_have_value("45.60")
    phone.open("/healthz")
    phone.page.go_back()
    expect(phone.page.locator("#amount")).to_have_value("45.60")
    # frozen while it was busy, thawed out of the page cache
    phone.press()
    expect(phone.page.locator("[data-sim-sheet]")).to_be_visible()
    phone.page.evaluate(
        "document.querySelector('[data-sim-sheet]').remove();"
        "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    )
    expect(phone.page.locator("#go")).to_have_attribute("aria-disabled", "false")
    expect(phone.page.locator("#go")).to_have_text("付款")
    phone.page.reload()
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert len(simulator.books()) == 1
    phone.page.go_back()  # the form gave its place to the result: there is nothing to pay twice
    assert "/pay" not in phone.page.url


def test_scanned_again_after_the_page_was_killed(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    """The wallet took the money and killed the page; the payer scans again to be sure."""
    phone = screen()
    phone.scan()
    phone.tap("20")
    with phone.page.expect_response(lambda answer: answer.url.endswith("/pay")) as sent:
        phone.press()
    bridge = sent.value.json()["bridge"]
    expect(phone.page.locator("[data-sim-sheet]")).to_be_visible()
    phone.page.close()
    status, said = simulator.wallet(
        "wechat", bridge, "confirm", person="lin", page_url=f"{product.url}/q/{MAIN}/8K3FQ2"
    )
    assert status == 200, said
    product.wait_paid(simulator.books()[0]["out_trade_no"])
    phone.page = phone.context.new_page()
    phone.listen(phone.page)
    phone.scan()
    expect(phone.page.locator("h1")).to_have_text("付款成功")
    assert "20.00" in phone.words()


def test_a_wallet_that_refuses_the_order_is_quoted(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("3")
    simulator.fault("wechat.jsapi", "error", code="ACCOUNT_ERROR")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("没有接受这笔付款：")
    expect(phone.page.locator("#hint")).to_contain_text("没有扣款")
    phone.look("pay-refused")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_a_page_left_open_too_long_asks_to_scan_again(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan()
    person = product.one("SELECT id, provider_id FROM person ORDER BY id DESC LIMIT 1")
    code = product.one("SELECT id FROM pay_code WHERE code = '8K3FQ2'")
    intent = intents.Intent(person.provider_id, code.id, person.id, 0)
    old = intents.sign(product.deps.ring, intent, product.deps.now() - timedelta(hours=1))
    phone.page.evaluate("t => {document.getElementsByName('intent')[0].value = t}", old)
    phone.tap("3")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("这个付款页打开太久，已失效")
    phone.page.evaluate("document.getElementsByName('intent')[0].value = 'forged'")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("付款人与打开页面的人不一致")
