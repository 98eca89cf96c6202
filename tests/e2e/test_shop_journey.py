"""One day of a new store, on three phones: from its opening to its first hand-over."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.e2e.test_card_merchant import says
from tests.e2e.test_store_pages import button, link
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.looking import orders
from tests.integration.notices.helping import arrived, follow, told, turn_on
from tests.integration.people.desk import peopled
from tests.integration.people.test_shifts import make_slips

MakeScreen = Callable[..., Screen]
OWNER, MANAGER, CUSTOMER = "p20", "p05", "p01"


def open_store(owner: Screen) -> None:
    owner.open(f"/m/stores?p={MAIN}")
    link(owner, "新建门店")
    owner.page.fill("#branch_name", "钱江店")
    button(owner, "新建门店")
    says(owner, "门店已建好")


def activate(owner: Screen, manager: Screen) -> None:
    """The new store's own 店长 is activated with the six digits that the owner's phone shows."""
    owner.open("/m/staff")
    owner.page.locator("a.li", has_text="钱江店").first.tap()
    owner.page.get_by_role("button", name=re.compile("激活码")).tap()
    expect(owner.page.locator(".act-code")).to_be_visible()
    digits = "".join(owner.page.locator(".act-code span").all_inner_texts())
    manager.open(f"/m/activate?p={MAIN}")
    manager.page.get_by_label("六位激活码").fill(digits)
    manager.page.get_by_role("button", name="下一步").tap()
    manager.page.get_by_role("button", name="确认激活").tap()
    expect(manager.page.locator(".acting")).to_contain_text("店长")


def code_of(owner: Screen, product: Product) -> str:
    """Its first pay code, printed."""
    row = product.one(
        "SELECT s.out_shop_id, c.code FROM store s JOIN pay_code c ON c.provider_id = s.provider_id"
        " AND c.store_id = s.id WHERE s.branch_name = '钱江店'"
    )
    owner.open(f"/m/codes/{row.code}/poster")
    pdf = owner.page.request.get(f"{owner.home}/m/codes/{row.code}/poster.pdf")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")
    return str(row.code)


def take(product: Product, customer: Screen, code: str) -> str:
    customer.scan(code)
    customer.tap("38.5")
    customer.press()
    customer.sheet("confirm")
    expect(customer.page.locator("h1")).to_have_text("付款成功", timeout=8000)
    number = str(orders(product)[-1].out_trade_no)
    product.wait_paid(number)
    with ThreadPoolExecutor(1) as beside:  # the browser has this thread's event loop
        beside.submit(product.run_jobs).result()
    return number


def give_back(manager: Screen, number: str) -> None:
    manager.open(f"/m/orders/{number}")
    link(manager, "退款")
    manager.page.fill("#amount", "8.50")
    button(manager, "下一步")
    says(manager, "确认退款")
    manager.page.get_by_role("button", name=re.compile("^确认退款")).tap()
    expect(manager.page.locator("[role=status]")).to_contain_text("¥8.50")


def test_a_store_s_first_day(product: Product, screen: MakeScreen) -> None:
    peopled(product)
    turn_on(product)
    follow(product, MANAGER)
    owner, manager, customer = screen(person=OWNER), screen(person=MANAGER), screen(person=CUSTOMER)
    open_store(owner)
    activate(owner, manager)
    code = code_of(owner, product)
    manager.open("/m/shift")
    manager.page.get_by_role("button", name="上班").tap()
    expect(manager.page.locator("main")).to_contain_text("上班中")

    number = take(product, customer, code)
    told(product)
    [notice] = arrived(product, MANAGER)
    assert "38.50" in str(notice)
    manager.open("/m/")
    says(manager, "38.50")
    give_back(manager, number)
    product.simulator.advance(65)
    product.sweep()
    manager.open(f"/m/orders/{number}")
    says(manager, "已退款")

    shop = product.one("SELECT out_shop_id FROM store WHERE branch_name = '钱江店'").out_shop_id
    owner.open(f"/m/stores/{shop}")
    link(owner, "删除门店")
    says(owner, "STORE_RECENT_TRADE")
    says(owner, "最早可删除")
    owner.open(f"/m/stores/{shop}")
    owner.page.get_by_role("switch", name="本门店启用会员卡").tap()
    says(owner, "已保存")
    assert product.one(
        "SELECT disable_membership_card AS d FROM store WHERE out_shop_id = :s", s=shop
    ).d

    manager.open("/m/shift")
    manager.page.get_by_role("button", name="下班交接").tap()
    expect(manager.page.locator("[role=status]")).to_contain_text("生成中")
    make_slips(product)
    manager.page.get_by_role("link", name="刷新").tap()
    expect(manager.page.locator("main")).to_contain_text("已交班")
    says(manager, "¥38.50")
    says(manager, "8.50")
    manager.look("journey-slip")
