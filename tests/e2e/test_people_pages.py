"""A manager is activated on his phone, takes the shift, hands it over; the owner changes people."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.people.desk import peopled, staff
from tests.integration.people.test_shifts import make_slips

MakeScreen = Callable[..., Screen]


@pytest.fixture
def shop(product: Product) -> Product:
    return peopled(product)


def test_a_manager_is_added_activated_and_hands_over_his_shift(
    shop: Product, screen: MakeScreen
) -> None:
    owner = screen(person="p20")
    owner.open(f"/m/staff?p={MAIN}")
    owner.look("staff")
    owner.page.get_by_role("link", name="新增店员").first.tap()
    owner.page.get_by_label("姓名").fill("苏晚晴")
    owner.page.get_by_label("店长").check()
    owner.look("staff-new")
    owner.page.get_by_role("button", name="添加并生成激活码").tap()
    expect(owner.page.locator(".act-code")).to_be_visible()
    owner.look("staff-code")
    digits = "".join(owner.page.locator(".act-code span").all_inner_texts())

    manager = screen(person="p05")
    manager.open(f"/m/?p={MAIN}")
    manager.look("choose-none")
    manager.page.get_by_role("link", name="激活身份").tap()
    manager.page.get_by_label("六位激活码").fill("12")
    manager.look("activate-digits")
    manager.page.get_by_label("六位激活码").fill(digits)
    manager.page.get_by_role("button", name="下一步").tap()
    expect(manager.page.locator("main")).to_contain_text("确认激活？")
    manager.look("activate-sure")
    manager.page.get_by_role("button", name="确认激活").tap()
    expect(manager.page.locator(".acting")).to_contain_text("店长 · 苏晚晴")
    manager.open("/m/me")
    manager.look("me")
    manager.open("/m/shift")
    manager.page.get_by_role("button", name="上班").tap()
    expect(manager.page.locator("main")).to_contain_text("上班中")
    manager.look("shift-on")
    manager.page.get_by_role("button", name="下班交接").tap()
    expect(manager.page.locator("[role=status]")).to_contain_text("生成中")
    manager.look("shift-waiting")
    make_slips(shop)
    manager.page.get_by_role("link", name="刷新").tap()
    expect(manager.page.locator("main")).to_contain_text("已交班")
    manager.look("shift-slip")
    manager.open("/m/shift")
    manager.look("shifts")


def test_the_owner_switches_shops_and_ends_a_role(shop: Product, screen: MakeScreen) -> None:
    owner = screen(person="lin")
    owner.open(f"/m/?p={MAIN}")
    owner.look("choose")
    owner.page.get_by_role("button", name="南窗面馆").tap()
    expect(owner.page.locator(".acting")).to_contain_text("店长 · 林小满")
    owner.open("/m/choose")
    owner.page.get_by_role("button", name="青禾茶事").tap()
    expect(owner.page.locator(".acting")).to_contain_text("商户管理员 · 林小满")
    owner.open(f"/m/staff/{staff(shop, '陈一禾').public_id}")
    owner.look("staff-one")
    owner.page.get_by_role("button", name="停用").tap()
    expect(owner.page.locator("main")).to_contain_text("停用 陈一禾？")
    owner.look("staff-remove")
    owner.page.get_by_role("button", name="确认停用").tap()
    expect(owner.page.locator("[role=status]")).to_contain_text("已停用")
    owner.page.locator("summary").tap()
    owner.look("staff-gone")


def test_the_ways_that_lead_nowhere_say_where_to_go(shop: Product, screen: MakeScreen) -> None:
    nobody = screen(person="p06")
    assert nobody.open("/m/staff") == 401
    nobody.look("signed-out")
    assert nobody.open(f"/m/activate?p={MAIN}&k=nothing") == 404
    nobody.look("activate-unknown")
    clerk = screen(person="chen")
    assert clerk.open(f"/m/staff?p={MAIN}") == 403
    clerk.look("staff-forbidden")
    shop.do("UPDATE staff SET is_active = false WHERE id = :i", i=staff(shop, "陈一禾").id)
    assert clerk.open("/m/orders") == 403
    clerk.look("role-stopped")
