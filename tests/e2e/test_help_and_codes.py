"""The help on a phone, and the desk's pay codes: found, ordered, downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.e2e.conftest import AXE, DESK, SHOTS, SIZES, Screen
from tests.harness.console import Console
from tests.harness.phone import MAIN
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
DESKS = {**DESK, "760": (760, 900, 100), **SIZES}


def desk_in(screen: MakeScreen, desk: Console) -> Screen:
    """The desk's session in a browser."""
    made = screen("desktop", viewport={"width": 1280, "height": 800})
    cookies: Any = [
        {"name": one.name, "value": one.value, "url": desk.product.url} for one in desk.http.cookies
    ]
    made.context.add_cookies(cookies)
    return made


def look(made: Screen, name: str) -> None:
    """As `Screen.look`; tables scroll inside their own boxes here."""
    page, found = made.page, list[str]()
    page.wait_for_load_state()
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE_SCRIPT} }} }}")
    for size, (width, height, percent) in DESKS.items():
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


def test_help_is_found_from_an_error_and_codes_are_told_and_printed(
    product: Product, screen: MakeScreen
) -> None:
    payer = screen()
    payer.scan("NOSUCH")
    payer.page.get_by_role("link", name="这条提示是什么意思").tap()
    expect(payer.page.locator("h1")).to_have_text("收款码：空码、绑定、换码")
    payer.look("help-page", SIZES, touch=False)  # links stand inside sentences
    payer.page.get_by_role("searchbox").fill("10005")
    payer.page.get_by_role("button", name="搜索").tap()
    expect(payer.page.locator("h1")).to_have_text("找到 1 条")
    payer.page.get_by_role("link", name="错误码 10005").tap()
    payer.page.get_by_role("link", name="English").tap()
    expect(payer.page.locator("h1")).to_contain_text("error 10005")
    payer.open("/help")
    payer.look("help-index", SIZES | DESK)
    made = desk_in(screen, Console(product, "demo-operator"))
    page = made.page
    made.open("/console/codes")
    look(made, "codes-empty")
    page.get_by_label("粘贴链接，或扫码、输入编号").fill(f"{product.url}/q/{MAIN}/8K3FQ2")
    page.get_by_role("button", name="查", exact=True).click()
    expect(page.locator("section[aria-labelledby=found]")).to_contain_text("湖滨店")
    look(made, "codes-found")
    page.get_by_label("粘贴链接，或扫码、输入编号").fill("/q/sz02pQWE8MNBvCxz5k7T/XYZ")
    page.get_by_role("button", name="查", exact=True).click()
    look(made, "codes-foreign")
    page.get_by_label("包数").fill("1000")
    page.get_by_role("button", name="生成").click()
    expect(page.locator(".msg")).to_contain_text("BATCH_REFUSED")
    page.get_by_label("包数").fill("2")
    page.get_by_label("备注（选填）").fill("第一季")
    page.get_by_role("button", name="生成").click()
    expect(page.locator("h1")).to_have_text("空码第 1 批")
    look(made, "codes-batch")
    with page.expect_download(timeout=60_000) as waited:  # drawn as it is asked for
        page.get_by_role("link", name="PDF 打印").first.click(timeout=60_000)
    assert waited.value.suggested_filename == "codes-1-1.pdf"
    made.open("/console/codes")
    look(made, "codes-list")
    made.open("/console/start")
    look(made, "start")
