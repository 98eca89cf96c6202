"""Accounts and the audit log in a browser: from the link to the first sign-in, on every width."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from services.console import totp
from tests.e2e.conftest import Screen
from tests.harness.console import Console
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
DESK = {"1280": (1280, 800, 100), "760": (760, 800, 100), "390": (390, 844, 100),
        "200pc": (1280, 800, 200)}  # fmt: skip
PASSWORD = "a sentence for the console"


def at_desk(product: Product, screen: MakeScreen) -> tuple[Console, Screen]:
    """An admin whose browser has his session."""
    desk = Console(product)
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    return desk, window


def test_a_new_operator_from_the_link_to_the_first_sign_in(
    product: Product, screen: MakeScreen
) -> None:
    desk, admin = at_desk(product, screen)
    admin.open("/console/people")
    admin.look("console-people", DESK, touch=False)
    admin.page.get_by_role("link", name="添加账号").click()
    admin.page.get_by_label("账号", exact=True).fill("lin@shop")
    admin.page.get_by_label("姓名").fill("林一")
    admin.page.get_by_role("radio", name="运营").check()
    admin.look("console-people-new", DESK, touch=False)
    admin.page.get_by_role("button", name="添加并生成链接").click()
    expect(admin.page.locator("h1")).to_have_text("再确认一次")
    admin.page.get_by_label("动态验证码", exact=True).fill(desk.code())
    admin.page.get_by_role("button", name="确认").click()
    link = admin.page.get_by_label("设置链接").input_value()
    admin.look("console-people-link", DESK, touch=False)

    lin = screen("desktop", viewport={"width": 1280, "height": 800})
    lin.open(link)
    lin.look("console-set-up", DESK, touch=False)
    secret = re.sub(r"\s", "", lin.page.locator(".secret").inner_text())
    lin.page.get_by_label("密码", exact=True).fill(PASSWORD)
    lin.page.get_by_label("再输入一次").fill(PASSWORD)
    lin.page.get_by_label("验证码", exact=True).fill("000000")
    lin.page.get_by_role("button", name="设置好").click()
    expect(lin.page.locator("#code-msg")).to_contain_text("CONSOLE_CODE")
    assert re.sub(r"\s", "", lin.page.locator(".secret").inner_text()) == secret
    lin.page.get_by_label("密码", exact=True).fill(PASSWORD)
    lin.page.get_by_label("再输入一次").fill(PASSWORD)
    step = totp.step_of(product.deps.now())
    lin.page.get_by_label("验证码", exact=True).fill(totp.code_of(secret, step))
    lin.page.get_by_role("button", name="设置好").click()
    expect(lin.page.locator(".codes li")).to_have_count(10)
    code = lin.page.locator(".codes li").first.inner_text()
    lin.look("console-recovery-codes", DESK, touch=False)

    lin.page.get_by_role("link", name="抄好了，去登录").click()
    lin.page.get_by_label("账号", exact=True).fill("lin@shop")
    lin.page.get_by_label("密码", exact=True).fill(PASSWORD)
    lin.page.get_by_label("动态验证码", exact=True).fill("000000")
    lin.page.get_by_role("button", name="登录").click()
    expect(lin.page.locator("#otp-msg")).to_contain_text("再错 4 次将锁定 15 分钟")
    lin.look("console-sign-in", DESK, touch=False)
    lin.page.get_by_role("link", name="手机丢了？用恢复码登录").click()
    lin.page.get_by_label("账号", exact=True).fill("lin@shop")
    lin.page.get_by_label("密码", exact=True).fill(PASSWORD)
    lin.page.get_by_label("恢复码", exact=True).fill(code)
    lin.page.get_by_role("button", name="登录").click()
    expect(lin.page.locator(".note")).to_contain_text("还剩 9 个")
    lin.look("console-me", DESK, touch=False)
    lin.page.get_by_role("link", name="换验证器").last.click()
    lin.look("console-second-factor", DESK, touch=False)
    lin.open("/console/me/password")
    lin.look("console-password", DESK, touch=False)

    admin.open("/console/people")
    admin.page.get_by_role("link", name=re.compile("管理.*林一")).click()
    admin.look("console-person", DESK, touch=False)
    admin.open("/console/audit")
    admin.page.get_by_role("button", name="现在核对").click()
    product.run_long_jobs()
    admin.open("/console/audit")
    expect(admin.page.locator(".seal")).to_contain_text("核对无误")
    expect(admin.page.locator("tbody")).to_contain_text("设置密码和验证器")
    admin.look("console-audit", DESK, touch=False)
