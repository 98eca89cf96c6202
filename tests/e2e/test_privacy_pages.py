"""A member agrees and takes it back; the owner looks at a phone, and forgets a member who asks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.cards import HOME, open_card
from tests.e2e.conftest import Screen
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.people.desk import audits, peopled

MakeScreen = Callable[..., Screen]


@pytest.fixture
def shop(product: Product) -> Product:
    open_card(product)
    return peopled(product)


def test_a_member_agrees_takes_it_back_and_is_forgotten(shop: Product, screen: MakeScreen) -> None:
    phone = screen(person="chen")
    phone.open(HOME)
    phone.page.get_by_role("button", name="领取会员卡").tap()
    expect(phone.page.locator("#phone")).to_be_visible()
    phone.open(f"{HOME}/phone")
    phone.look("own-data")
    phone.page.fill("#phone", "13812345678")
    phone.page.locator("[name=agree]").first.check()
    phone.page.get_by_role("button", name="获取验证码").tap()
    expect(phone.page.locator("#sms")).to_be_visible()
    sent = shop.simulator.get("/sim/sms?phone=13812345678")[-1]["text"]
    phone.page.fill("#sms", re.findall(r"\d{6}", sent)[0])
    phone.page.get_by_role("button", name="确认").tap()
    expect(phone.page.locator("h1")).to_have_text("会员卡")
    phone.open(f"{HOME}/phone")
    phone.page.fill("#name", "小陈师傅")
    phone.page.locator("[name=agree]").last.check()
    phone.page.get_by_role("button", name="保存称呼").tap()
    expect(phone.page.locator("main")).to_contain_text("店员称呼你：小*")
    phone.look("own-data-kept")

    owner = screen(person="p19")
    owner.open(f"/m/members?p={MAIN}&q=13812345678")
    owner.page.get_by_role("link", name=re.compile(r"138\*\*\*\*5678")).tap()
    expect(owner.page.locator("h1")).to_have_text("会员详情")
    owner.look("member-masked")
    owner.page.get_by_role("button", name="查看完整手机号和姓名").tap()
    expect(owner.page.locator("main")).to_contain_text("13812345678")
    owner.look("member-whole")
    assert len(audits(shop, "personal_looked_at")) == 1

    phone.page.get_by_role("button", name="撤回同意，删除手机号").tap()
    expect(phone.page.locator("main")).to_contain_text("撤回同意，删除手机号？")
    phone.look("own-data-withdraw")
    phone.page.get_by_role("button", name="撤回并删除手机号").tap()
    expect(phone.page.locator("main")).to_contain_text("手机号已删除，同意已撤回。")

    owner.page.get_by_role("link", name="会员要求删除个人信息").tap()
    expect(owner.page.locator("h1")).to_have_text("删除个人信息")
    owner.look("member-erase")
    owner.page.get_by_label("会员本人要求，我知道不能恢复").check()
    owner.page.get_by_role("button", name="删除个人信息").tap()
    expect(owner.page.locator("[role=status]")).to_contain_text("个人信息已删除")
    owner.look("member-erased")
    phone.open(HOME)
    expect(phone.page.get_by_role("button", name="领取会员卡")).to_be_visible()


def test_who_works_here_agrees_to_messages_and_takes_it_back(
    shop: Product, screen: MakeScreen
) -> None:
    clerk = screen(person="chen")
    clerk.open(f"/m/me?p={MAIN}")
    clerk.page.get_by_role("link", name="我的手机号").tap()
    clerk.page.locator("#ph").fill("13911112222")
    clerk.page.locator("[name=agree]").check()
    clerk.look("own-phone")
    clerk.page.get_by_role("button", name="保存").tap()
    expect(clerk.page.locator("main")).to_contain_text("139****2222")
    clerk.look("own-phone-kept")
    clerk.page.get_by_role("button", name="撤回同意，删除手机号").tap()
    expect(clerk.page.locator("[role=status]")).to_contain_text("手机号已删除")
