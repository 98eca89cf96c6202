"""Ads in a real browser: the payer's result is never late or moved, and the form in the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Screen
from tests.e2e.states import MakePhone, MakeScreen, make_order
from tests.harness.console import Console
from tests.harness.pictures import picture
from tests.harness.product import Product
from tests.integration.console.ads_desk import AdsDesk

SHIFTS = """() => { window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(
e => { window.moved += e.value })).observe({type: 'layout-shift', buffered: true}) }"""
PLACES = """() => [...document.querySelectorAll('h1,.big,.det,.ad,.foot')].map(e => {
const r = e.getBoundingClientRect(); return [Math.round(r.top), Math.round(r.height)] })"""
DRAWN = "() => { const i = document.querySelector('.ad img'); return i.complete && i.naturalWidth }"
SIZES = {"1280": (1280, 800, 100), "760": (760, 900, 100), "390": (390, 844, 100),
         "200pc": (1280, 800, 200)}  # fmt: skip


def desk_screen(product: Product, screen: MakeScreen, desk: Console, **options: Any) -> Screen:
    one = screen("desktop", viewport={"width": 1280, "height": 800}, has_touch=False, **options)
    value = desk.http.cookies["yima_console"]
    one.context.add_cookies([{"name": "yima_console", "value": value, "url": product.url}])
    return one


def test_a_slow_or_missing_picture_neither_delays_nor_moves_the_result(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    desk = Console(product)
    AdsDesk(desk).make("第二杯半价")
    result = make_order(phone, "wechat", True, product)
    for ending in ("late", "never"):
        one = screen()
        one.pardoned += ["404"]
        held = _hold_pictures(one.page)
        one.page.add_init_script(f"({SHIFTS})()")
        one.page.goto(product.url + result, wait_until="commit")
        expect(one.page.locator("h1")).to_have_text("付款成功", timeout=2000)
        expect(one.page.locator(".ad span")).to_have_text("广告")
        one.page.locator(".ad").scroll_into_view_if_needed()
        _wait(one.page, held)
        before = one.page.evaluate(PLACES)
        one.page.wait_for_timeout(400)
        assert not one.page.evaluate(DRAWN)
        if ending == "late":
            held[0].continue_()
            one.page.wait_for_function(DRAWN)
        else:
            held[0].fulfill(status=404, body="")
            one.page.wait_for_timeout(200)
        assert one.page.evaluate(PLACES) == before
        assert one.page.evaluate("window.moved") == 0
        size = len(one.page.content().encode())
        assert size < 30 * 1024, f"{size} bytes"
        if ending == "late":
            one.look("result-ad")


def _hold_pictures(page: Page) -> list[Route]:
    """Requests for pictures go into the list and wait there."""
    held: list[Route] = []

    def hold(asked: Route) -> None:
        held.append(asked)

    page.route("**/after/*/i/*", hold)
    return held


def _wait(page: Page, held: list[Route]) -> None:
    for _ in range(50):
        if held:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the picture was not asked for")


def test_an_ad_is_made_seen_and_saved_in_the_console(
    product: Product, screen: MakeScreen, tmp_path: Path
) -> None:
    AdsDesk(Console(product, "demo-operator")).make("周末双人套餐", colour="peru")
    one = desk_screen(product, screen, Console(product))
    page = one.page
    assert one.open("/console/ads") == 200
    one.look("console-ads", SIZES, touch=False)
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(100 * 1024 * 1024)  # sparse: takes no room
    page.locator("#picture").set_input_files(large)
    expect(page.locator("#picture-msg")).to_have_text("图片有 100.0 MB，最多 2 MB")
    page.locator("#picture").set_input_files(
        {"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    expect(page.locator("#picture-msg")).to_contain_text("这不是 JPG")
    page.locator("#picture").set_input_files(
        {"name": "第二杯半价.png", "mimeType": "image/png", "buffer": picture(1400, 600)}
    )
    expect(page.locator("#picture-msg")).to_be_hidden()
    inside = page.frame_locator(".in-wechat iframe").locator(".ad img")
    assert (inside.get_attribute("src") or "").startswith("data:image/png")
    page.get_by_text("支付宝", exact=True).click()
    expect(page.locator(".in-alipay")).to_be_visible()
    expect(page.frame_locator(".in-alipay iframe").locator("body")).to_have_attribute(
        "data-client", "alipay"
    )
    page.get_by_label("名称").fill("第二杯半价")
    page.get_by_label("点击后打开").fill("http://ad.example.com/tea")
    page.get_by_role("button", name="保存并上线").click()
    expect(page.locator("#link-msg")).to_contain_text("请用 https 链接，否则微信会拦截。")
    expect(page.get_by_label("名称")).to_have_value("第二杯半价")
    expect(page.locator(".job").first).to_contain_text("已选的图片还在，不用再选")
    one.look("console-ads-again", SIZES, touch=False)
    page.get_by_label("点击后打开").fill("https://ad.example.com/tea")
    page.get_by_role("button", name="保存并上线").click()
    expect(page.locator("h1")).to_have_text("第二杯半价")
    expect(page.locator(".hd .chip")).to_have_text("投放中")
    page.goto(product.url + "/console/ads?state=waiting")
    page.get_by_role("link", name="周末双人套餐").click()
    one.look("console-ad", SIZES, touch=False)
    page.get_by_role("button", name="通过并上线").click()
    expect(page.locator(".hd .chip")).to_have_text("投放中")
    page.goto(product.url + "/console/ads/complete-page")
    one.look("console-complete-page", SIZES, touch=False)
