"""A merchant's logo after the payment and on the member's card: there, bounded, nothing moves."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import expect

from services import logos
from tests.e2e.cards import CODE, HOME, SUB, open_card
from tests.e2e.conftest import SIZES, Screen
from tests.e2e.states import MakeScreen
from tests.harness.pictures import picture
from tests.harness.product import Product

# The boxes of the page's own words, and how far anything moved while it was being loaded.
PLACES: Final = (
    "() => [...document.querySelectorAll('h1,.big,.memcard,.memcard b,.det,.digits')]"
    ".map(e => { const r = e.getBoundingClientRect(); return [r.top, r.left, r.width, r.height] })"
)
SHIFT: Final = (
    "() => new Promise(done => { let sum = 0; new PerformanceObserver(list => {"
    " for (const e of list.getEntries()) sum += e.value }).observe({type: 'layout-shift',"
    " buffered: true}); setTimeout(() => done(sum), 200) })"
)


@pytest.fixture
def shop(product: Product) -> Product:
    open_card(product)
    logos.set_of_merchant(product.deps, 1, SUB, picture(400, 400, "JPEG", "navy"), actor="test")
    return product


def shown(one: Screen) -> dict[str, Any]:
    """The picture's own box, once it is there."""
    image = one.page.locator(".mk img")
    expect(image).to_have_count(1)
    image.evaluate("e => e.decode()")
    box = image.bounding_box()
    assert box is not None
    return dict(box)


def stays(one: Screen, path: str) -> None:
    """Every word is where it is without the picture; and nothing has shifted with it."""
    one.page.route("**/logo/**", lambda route: route.abort())
    one.pardoned.append("Failed to load resource")
    one.open(path)
    without = one.page.evaluate(PLACES)
    assert without
    one.page.unroute("**/logo/**")
    one.open(path)
    box = shown(one)
    assert (box["width"], box["height"]) == (36, 36)
    assert one.page.evaluate(PLACES) == without
    assert one.page.evaluate(SHIFT) == 0


def test_the_result_shows_the_logo_and_its_word_stays_where_it_is(
    shop: Product, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan(CODE)
    phone.tap("38")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=8000)
    stays(phone, phone.page.url)
    phone.look("result-logo")
    phone.open(phone.page.url + ("&" if "?" in phone.page.url else "?") + "lang=en")
    phone.look("result-logo-en")


def test_card_pages_show_the_logo_in_the_card(shop: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.open(HOME)
    stays(phone, HOME)
    phone.look("card-claim-logo")
    phone.page.get_by_role("button", name="领取会员卡").tap()
    expect(phone.page.locator("h1")).not_to_have_text("领取会员卡")
    stays(phone, HOME)
    phone.look("card-logo")
    phone.open(f"{HOME}/code")
    assert shown(phone)["width"] == 36
    phone.look("card-code-logo", SIZES)
