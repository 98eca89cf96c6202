"""`/m/notices` on a phone: chosen by a clerk, and what did not arrive, before the owner."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.notices.helping import (
    follow,
    give_phone,
    money,
    person,
    store,
    told,
    turn_on,
)
from tests.integration.people.desk import peopled

MakeScreen = Callable[..., Screen]


@pytest.fixture
def shop(product: Product) -> Product:
    """Two of the store can not be reached by WeChat; one of them by a short message."""
    peopled(product)
    turn_on(product)
    follow(product, "zhou", "chen", "p21")
    store(product, "receive_notify_after_duty")
    give_phone(product, "顾星遥", "+8613800001234")
    for who in ("chen", "p21"):
        person(product, who, "unfollow")
    money(product)
    told(product)
    return product


def test_the_page_of_notices(shop: Product, screen: MakeScreen) -> None:
    owner = screen(person="p20")
    owner.open(f"/m/notices?p={MAIN}")
    expect(owner.page.locator("main")).to_contain_text("已改发短信")
    owner.page.get_by_label("每一笔都通知我").check()
    owner.page.get_by_label("从", exact=True).fill("22:00")
    owner.page.get_by_label("到", exact=True).fill("07:30")
    owner.page.get_by_label("大额提醒（元）").fill("500")
    owner.look("notices")
    owner.page.get_by_role("button", name="保存").tap()
    expect(owner.page.locator("[role=status]")).to_contain_text("已保存")
    expect(owner.page.get_by_label("大额提醒（元）")).to_have_value("500")
    row = shop.one("SELECT all_payments, large_fen FROM notice_choice")
    assert (row.all_payments, row.large_fen) == (True, 50_000)
