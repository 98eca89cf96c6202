"""Configuration and its health in a browser: fits, is read aloud, and leads to the remedy."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.console import Console
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakeScreen = Callable[..., Screen]
DESK = {"1280": (1280, 800, 100), "760": (760, 800, 100), "390": (390, 844, 100),
        "200pc": (1280, 800, 200)}  # fmt: skip


def test_a_wrong_key_is_seen_explained_and_put_right_on_the_screens(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    desk = Console(product)
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    page = window.page
    simulator.switch("wechat.apiv3_key", "changed")
    simulator.switch("wechat.oa_page_error", "10005")
    assert window.open("/console/health") == 200
    page.get_by_role("button", name="再查一次").click()
    window.look("console-health", DESK, touch=False)
    first = page.locator(".checks li").first
    expect(first).to_contain_text("APIv3 密钥")
    expect(first).to_contain_text("要处理")
    first.get_by_role("link", name="去处理").click()
    page.get_by_label("动态验证码").fill(desk.code())
    page.get_by_role("button", name="确认").click()
    page.get_by_label("APIv3 密钥", exact=True).fill("short")
    window.look("console-settings-wechat", DESK, touch=False)
    page.get_by_role("button", name="保存并测试").click()
    expect(page.locator("#apiv3_key-msg")).to_contain_text("现在是 5 个字符")
    fresh = simulator.get("/sim/credentials/next")["wechat"]["apiv3_key"]
    page.get_by_label("APIv3 密钥", exact=True).fill(f"\u200b {fresh}\n")
    page.get_by_role("button", name="保存并测试").click()
    expect(page.locator("h1")).to_have_text("已保存")
    expect(page.locator(".note.info")).to_contain_text("看不见的字符")
    window.look("console-settings-saved", DESK, touch=False)
    assert window.open("/console/settings") == 200
    window.look("console-settings", DESK, touch=False)
    assert window.open("/console/official") == 200
    window.look("console-official", DESK, touch=False)
    for path in ("settings/alipay", "settings/callback", "settings/basics", "settings/keypair",
                 "health/merchants/sub01QINGHE8H2K4M6P9"):  # fmt: skip
        assert window.open(f"/console/{path}") == 200
        window.look("console-" + path.replace("/", "-"), DESK, touch=False)
