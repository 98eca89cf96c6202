"""The desk's pages of merchants in a browser: every width, twice the text, with errors in place."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.console.test_merchant_accounts import consent, link_of

MakeScreen = Callable[..., Screen]
DESK = {"1280": (1280, 800, 100), "760": (760, 800, 100), "390": (390, 844, 100),
        "200pc": (1280, 800, 200)}  # fmt: skip
FEW = {"390": (390, 844, 100), "200pc": (1280, 800, 200)}
QINGHE, CHENGUANG = "sub01QINGHE8H2K4M6P9", "sub04WEIXINONLY7G8H2"


def test_the_pages_of_merchants_fit_and_an_operator_finds_his_way(
    product: Product, screen: MakeScreen
) -> None:
    desk = Console(product)
    consent(link_of(desk, f"/merchants/{CHENGUANG}/alipay"), "2088000000000133")
    consent(link_of(desk, f"/merchants/{CHENGUANG}/alipay?again=1"), "2088000000000141")
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    window.open("/console/merchants")
    expect(window.page.locator("h1")).to_have_text("商户")
    window.look("console-merchants", DESK, touch=False)
    window.page.get_by_role("searchbox").fill("1900000117")
    window.page.get_by_role("searchbox").press("Enter")
    expect(window.page.locator("tbody tr")).to_have_count(1)
    window.open("/console/merchants/new")
    window.page.get_by_label("商户全称").fill("半日花铺")
    window.page.get_by_label("微信子商户号").fill("1900000109")
    window.page.get_by_role("button", name="核对并保存").click()
    expect(window.page.locator("[role=alert]")).to_contain_text("子商户已存在：青禾茶事")
    expect(window.page.get_by_label("商户全称")).to_have_value("半日花铺")
    window.look("console-merchant-exists", FEW, touch=False)
    window.page.get_by_label("微信子商户号").fill("1900000141")
    window.page.get_by_role("button", name="核对并保存").click()
    expect(window.page.locator("#key")).to_have_text(re.compile("^[0-9a-f]{32}$"))
    window.look("console-merchant-key", FEW, touch=False)
    window.page.get_by_role("button", name="完成").click()
    expect(window.page.locator("#key")).to_be_visible()  # not before somebody says it is kept
    window.page.get_by_label("我已把认证密钥保存到安全的地方").check()
    window.page.get_by_role("button", name="完成").click()
    expect(window.page.locator("h1")).to_have_text("半日花铺")
    for path in ("", "/edit", "/wechat?number=1900000133", "/alipay?again=1", "/stores",
                 "/stores/qinghe-dongpo", "/stores/qinghe-dongpo/koubei", "/permissions", "/keys",
                 "/keys?prefix=77001234",
                 "/people"):  # fmt: skip
        assert window.open(f"/console/merchants/{QINGHE}{path}") == 200
        name = path.strip("/").split("?")[0].replace("/", "-") or "first"
        window.look(f"console-merchant-{name}", FEW, touch=False)
    window.open(f"/console/merchants/{CHENGUANG}/alipay")
    expect(window.page.locator("[role=alert]")).to_contain_text("2088000000000141")
    window.look("console-merchant-other-entity", DESK, touch=False)
    for path in ("/merchants/file", "/sub-providers"):
        window.open(f"/console{path}")
        window.look(f"console-{path.strip('/').replace('/', '-')}", FEW, touch=False)
