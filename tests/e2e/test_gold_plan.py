"""The Gold Plan in a browser: the phone that leaves our page, WeChat's frame, the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.e2e.conftest import AXE, SHOTS, SIZES, Screen
from tests.harness.console import Console
from tests.harness.phone import words
from tests.harness.product import Product
from tests.harness.receiver import Receiver, receiver
from tests.integration.callbacks.helping import key_of, opened, post, tell, understood
from tests.integration.gold_plan.test_switches import TEA, tea, throw

MakeScreen = Callable[..., Screen]
DESKS = {"1280": (1280, 800, 100), "760": (760, 900, 100), **SIZES}
OURS = "intent_key NOT LIKE 'demo:%'"
FITS = """() => { const r = document.querySelector('.rc').getBoundingClientRect();
return [document.documentElement.scrollWidth - innerWidth, Math.ceil(r.bottom) - innerHeight] }"""
BLOCKS = {  # each as long as it may be
    "pickup_on": "1", "pickup": "取餐码", "parking_on": "1", "minutes": "120",
    "parking": "凭小票到服务台免费停车两小时整", "card_on": "1", "card": "开卡充 100 送 10 元整",
    "notice_on": "1", "title": "周三会员日，第二杯半价活动",
    "text": "桂花乌龙第二杯半价，堂食外带都可以，" * 2 + "每人限两杯，售完为止。",
    "url": "https://example.com/wednesday",
}  # fmt: skip


def desk_in(screen: MakeScreen, desk: Console) -> Screen:
    """The desk's session in a browser."""
    made = screen("desktop", viewport={"width": 1280, "height": 800})
    cookies: Any = [
        {"name": one.name, "value": one.value, "url": desk.product.url} for one in desk.http.cookies
    ]
    made.context.add_cookies(cookies)
    return made


def look(made: Screen, name: str, sizes: Iterable[str] = DESKS) -> None:
    """As `Screen.look`; tables and the list of places scroll inside their own boxes here."""
    page, found = made.page, list[str]()
    page.wait_for_load_state()
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE_SCRIPT} }} }}")
    for size in sizes:
        width, height, percent = DESKS[size]
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("p => {document.documentElement.style.fontSize = p}", f"{percent}%")
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        found += [f"{name} {size}: {wide} px too wide"] if wide > 0 else []
        found += [f"{name} {size}: axe {what}" for what in page.evaluate(AXE)]
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(SHOTS) / f"{name}-{size}.png", full_page=True)
    page.evaluate("() => {document.documentElement.style.fontSize = ''}")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert not found, "\n".join(found)


@pytest.fixture
def there() -> Iterator[Receiver]:
    """The provider's own system."""
    with receiver() as made:
        yield made


def test_the_paying_page_is_closed_and_the_receipt_shows_in_wechats_frame(
    product: Product, screen: MakeScreen, there: Receiver
) -> None:
    desk = Console(product)
    own = tea(product).out_sub_mch_id
    tell(product, there)
    assert throw(desk, "receipt", "open").status_code == 303
    assert throw(desk, "plan", "open").status_code == 303
    assert desk.post(f"/gold-plan/m/{own}/receipt", BLOCKS).status_code == 303
    product.simulator.fault("wechat.notify", "delay", ms=1500)  # the page is faster than the news

    phone = screen("wechat")
    phone.scan()
    phone.tap("38.5")
    phone.press()
    phone.sheet()
    page = phone.page
    page.wait_for_url("**/sim/official-page/**")
    assert not [one for one in page.frames if "/q/" in one.url], "the paying page is gone"
    expect(page.locator("body")).to_have_attribute("data-outcome", "custom")
    assert int(page.locator("body").get_attribute("data-after") or 9999) < 3000
    assert 600 <= int(page.locator("body").get_attribute("data-height") or 0) <= 960
    receipt = page.frame_locator("[data-receipt]")
    order = product.one(f"SELECT * FROM pay_order WHERE {OURS}")
    expect(receipt.locator(".pk")).to_contain_text(order.out_trade_no[-4:].upper())
    expect(receipt.locator(".rc")).to_contain_text("¥38.50")
    frame = next(one for one in page.frames if "/receipt" in one.url)
    for width in (390, 320, 414):
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate(
            "() => { const f = document.querySelector('iframe');"
            " f.style.height = document.body.dataset.height * f.clientWidth / 640 + 'px' }"
        )
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"receipt-{width}.png", full_page=True)
        assert max(frame.evaluate(FITS)) <= 0, (width, frame.evaluate(FITS))
    page.set_viewport_size({"width": 390, "height": 844})
    receipt.get_by_text("查看订单").tap()
    expect(page.locator("[data-ask]")).to_contain_text("青禾茶事")
    page.locator("[data-yes]").tap()
    expect(page.locator("h1")).to_have_text("付款成功")
    product.wait_paid(order.out_trade_no)
    # nothing of ours ran on: order, follow-up and receipt are complete
    ThreadPoolExecutor().submit(product.run_jobs).result()
    done = product.one(f"SELECT * FROM pay_order WHERE {OURS}")
    assert (done.status, done.amount_fen, done.followed_up_at is not None) == ("paid", 3850, True)
    seen = product.one("SELECT viewed_paid_at FROM gold_plan WHERE viewed_at IS NOT NULL")
    assert seen.viewed_paid_at == done.paid_at
    ThreadPoolExecutor().submit(post, opened(product)).result()
    told = understood(there.heard[0], key_of(product))
    assert told["order_content"]["out_trade_no"] == order.out_trade_no

    product.simulator.switch("wechat.goldplan_link", f"{product.url}/healthz")
    trade = product.simulator.trade(order.out_trade_no)
    assert trade is not None
    phone.open(f"{product.simulator.url}/sim/official-page/{trade['out_trade_no']}")
    expect(page.locator("[data-timeout]")).to_be_visible()
    assert page.locator("body").get_attribute("data-outcome") == "timeout"


def test_the_desk_of_the_gold_plan(product: Product, screen: MakeScreen) -> None:
    desk = Console(product)
    own = tea(product).out_sub_mch_id
    assert throw(desk, "receipt", "open").status_code == 303
    made = desk_in(screen, desk)
    made.open("/console/gold-plan")
    page = made.page
    switch = page.get_by_role("switch", name="青禾茶事 点金计划")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.locator(".gold")).to_contain_text("小票不会显示")
    page.evaluate("() => { window.stays = true }")
    expect(page.locator(".hd")).to_contain_text("还没有商户开通")
    expect(page.locator(".pg")).to_contain_text("已开通 0 / ")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.locator(".hd")).to_contain_text("已开通 1 家")
    expect(page.locator(".pg")).to_contain_text("已开通 1 / ")
    assert page.evaluate("() => window.stays"), "the page was not loaded anew"
    expect(page.locator(".gold")).not_to_contain_text("小票不会显示")
    product.simulator.switch("wechat.goldplan_provider", "punished")
    page.get_by_role("switch", name="南窗面馆 点金计划").click()
    expect(page.locator(".gold")).to_contain_text("GP_PROVIDER_PUNISHED")
    product.simulator.switch("wechat.goldplan_provider", "open")
    look(made, "gold-plan", ("1280", "760", "390", "200pc"))
    made.open(f"/console/gold-plan/m/{own}")
    look(made, "gold-merchant", ("1280", "390", "200pc"))
    made.open("/console/gold-plan/bulk?do=tags")
    look(made, "gold-bulk", ("1280", "390"))
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("main")).to_contain_text("GP_FILTER_COUNT")
    page.get_by_label("餐饮").check()
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("main")).to_contain_text("家商户")
    made.open("/console/gold-plan/rebate")
    look(made, "gold-rebate", ("1280", "390"))
    assert TEA in words(desk.get("/gold-plan").text)
