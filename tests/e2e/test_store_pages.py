"""A merchant's stores and codes on a phone: open one, print its code, rest it, try to delete it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.e2e.test_card_merchant import says, signed_in
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
SHOP, CODE, BLANK = "nanchuang", "2W7ND5", "9Z9BLK"


def button(one: Screen, name: str) -> None:
    with one.page.expect_navigation():
        one.page.get_by_role("button", name=name, exact=True).tap()


def link(one: Screen, name: str) -> None:
    with one.page.expect_navigation():
        one.page.get_by_role("link", name=name).first.tap()


def test_an_owner_opens_a_store_and_prints_its_first_code(
    product: Product, screen: MakeScreen
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open("/m/stores")
    owner.look("m-stores-list")
    link(owner, "新建门店")
    owner.page.fill("#branch_name", "钱江店")
    owner.page.fill("#address", "江锦路 66 号")
    owner.page.fill("#opens_at", "10:00")
    button(owner, "新建门店")
    says(owner, "还没有保存：1 处需要修改")
    says(owner, "开门和关门时间要一起填")
    owner.look("m-store-new-faults")
    owner.page.fill("#closes_at", "22:00")
    owner.page.get_by_text("消费和押金").tap()
    button(owner, "新建门店")
    says(owner, "门店已建好")
    says(owner, "每天 10:00–22:00")
    owner.look("m-store")
    link(owner, "收款码")
    link(owner, "门店码")
    owner.look("m-code")
    link(owner, "打印海报")
    expect(owner.page.locator("figure img")).to_have_js_property("complete", True)
    assert owner.page.locator("figure img").evaluate("e => e.naturalWidth") == 1240
    owner.look("m-poster")
    link(owner, "贴纸")


def test_a_store_that_traded_is_not_deleted_but_may_rest(
    product: Product, screen: MakeScreen
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open(f"/m/stores/{SHOP}")
    link(owner, "删除门店")
    says(owner, "现在还不能删除南窗面馆")
    says(owner, "最早可删除")
    owner.look("m-store-delete", touch=True)
    button(owner, "暂停收款")
    says(owner, "已暂停收款")
    payer = screen("wechat")
    payer.scan(CODE)
    says(payer, "门店休息中")
    button(owner, "恢复收款 收款码马上又能付款")
    says(owner, "已恢复收款")
    owner.page.get_by_role("switch", name="允许顾客填写备注").tap()
    says(owner, "已保存")
    payer.scan(CODE)
    assert payer.page.locator("#add").count() == 0
    payer.tap("1")
    payer.press()
    payer.sheet("confirm")
    says(payer, "1.00")


def test_a_store_without_trade_is_deleted_after_a_question(
    product: Product, screen: MakeScreen
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open("/m/stores/new")
    owner.page.fill("#branch_name", "一天店")
    button(owner, "新建门店")
    link(owner, "删除门店")
    says(owner, "删除一天店？")
    owner.look("m-store-delete-sure")
    button(owner, "删除门店")
    says(owner, "门店已删除")


def test_a_blank_code_is_bound_by_whoever_scans_it(product: Product, screen: MakeScreen) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open(f"/m/bind/{BLANK}")
    owner.look("m-bind-which")
    owner.page.locator("a.li").first.tap()
    says(owner, "你不是这家门店的店员")
    owner.look("m-bind")
    owner.page.fill("#name", "3 号窗口")
    button(owner, "绑定")
    says(owner, "绑定收款码-门店-3 号窗口")
    owner.look("m-bind-done")
    link(owner, "看这个码")
    link(owner, "解绑")
    says(owner, "解绑「绑定收款码-门店-3 号窗口」？")
    owner.look("m-code-unbind")
    button(owner, "解绑")
    says(owner, "已解绑")
    owner.look("m-codes")
    link(owner, "新建收款码")
    owner.look("m-code-new")
    button(owner, "生成收款码")
    says(owner, "名称要有 1 到 32 个字")
    payer = screen("wechat")
    payer.scan(BLANK)
    says(payer, "我是店员，绑定这个码")
    payer.look("q-blank")
