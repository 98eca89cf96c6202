"""The console's figures in a browser: what each screen looks like, with and without script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from models.event import CaseKind
from services.cases import open_case
from services.totals import china_day
from tests.e2e.conftest import Screen
from tests.harness.console import Console
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.console.helping_figures import fen
from tests.integration.totals.helping import make, pay, shops
from web.assets import vendor_url

MakeScreen = Callable[..., Screen]
DESK = {"1280": (1280, 800, 100), "760": (760, 800, 100), "390": (390, 844, 100),
        "200pc": (1280, 800, 200)}  # fmt: skip
pytestmark = pytest.mark.books_differ  # the wallets' words are said by the test itself


def at_desk(product: Product, screen: MakeScreen, **options: object) -> Screen:
    """Signed in as an operator, in a browser on a desk."""
    desk = Console(product, "demo-operator")
    window = screen("desktop", viewport={"width": 1280, "height": 800}, **options)
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    return window


def test_every_screen_of_figures_fits_and_says_the_same_with_and_without_script(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    deps, place = product.deps, shops(product.deps)[0]
    for back in range(6):
        at = deps.now() - timedelta(days=back)
        for n, wallet in enumerate(("wechat", "alipay", "wechat")):
            pay(deps, make(deps, place, at, 180_000 + 9_000 * back + 7_000 * n, wallet), at)
    deps.transact(
        lambda s: open_case(
            s, provider_id=1, kind=CaseKind.REFUND_NOTICE, out_trade_no="YM26112014220700193",
            order_id=None, at=deps.now(), facts={"amount_fen": 5200},
        )
    )  # fmt: skip
    window = at_desk(product, screen)
    assert window.open("/console/") == 200
    expect(window.page.locator("h1")).to_have_text("概览")
    assert window.page.locator("svg.chart rect").count() > 10
    window.look("console-overview", DESK, touch=False)
    assert window.open("/console/figures") == 200
    if vendor_url("uPlot.iife.min.js"):
        expect(window.page.locator(".plot canvas")).to_have_count(1)
        expect(window.page.locator("svg.chart")).to_have_count(0)
    window.look("console-figures", DESK, touch=False)
    today = china_day(deps.now()).isoformat()
    taken = window.page.locator("tr", has_text=today).locator("td").nth(2).inner_text()
    assert fen(taken) >= 3 * 180_000
    window.page.get_by_role("link", name=today).click()
    expect(window.page.locator("tfoot td").nth(1)).to_have_text(taken)
    for path, name in (
        ("/console/recon?all=1", "console-recon"),
        (
            f"/console/recon/case/{product.one('SELECT id FROM money_case').id}",
            "console-recon-item",
        ),
        ("/console/orders?q=1234567890", "console-orders"),
    ):
        assert window.open(path) == 200
        window.look(name, DESK, touch=False)
    number = product.one(
        "SELECT max(out_trade_no) AS n FROM pay_order WHERE id = (SELECT max(id) FROM pay_order)"
    )
    assert window.open(f"/console/orders/{number.n}") == 200
    window.look("console-order", DESK, touch=False)
    plain = at_desk(product, screen, java_script_enabled=False)
    assert plain.open("/console/figures") == 200
    expect(plain.page.locator("svg.chart")).to_have_count(1)
    assert taken in plain.page.content().replace("<i>", "").replace("</i>", "")
