"""Sync, its job and an application in a browser: they fit, move by themselves, and say enough."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from services.applications.fields import Step
from tests.e2e.conftest import Screen
from tests.e2e.test_console_figures import DESK, at_desk
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.applications import forms
from tests.integration.maidan.test_sync import CODE_URL
from web.assets import vendor_url

MakeScreen = Callable[..., Screen]
pytestmark = pytest.mark.books_differ


def test_a_sync_from_the_code_to_its_report_by_itself(product: Product, screen: MakeScreen) -> None:
    product.simulator.switch("maidan.count", "1200")
    product.simulator.switch("maidan.lies", "all")
    window = at_desk(product, screen)
    page = window.page
    assert window.open("/console/sync") == 200
    page.get_by_role("button", name="扫码关联").click()
    expect(page.get_by_alt_text("关联买单服务商的二维码")).to_be_visible()
    window.look("console-sync-code", DESK, touch=False)
    found = CODE_URL.search(page.content())
    assert found
    url = html.unescape(found[1])
    product.simulator.http.post(url, data={"person": "lin"}, timeout=10).raise_for_status()
    if not vendor_url("htmx.min.js"):
        page.reload()
    expect(page.get_by_text("已关联")).to_be_visible(timeout=8000)
    page.reload()
    page.get_by_role("radio", name="微信买单").check()
    page.get_by_role("button", name="开始同步").click()
    expect(page.locator("h1")).to_have_text("同步买单子商户")
    expect(page.locator("#job")).to_contain_text("排队中")
    window.look("console-job-open", DESK, touch=False)
    product.run_long_jobs()
    if not vendor_url("htmx.min.js"):
        page.reload()
    expect(page.locator("#job")).to_contain_text("已完成，部分失败", timeout=8000)
    expect(page.locator("#job")).to_contain_text("新增 1,197")
    page.get_by_role("link", name="失败").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    window.look("console-job", DESK, touch=False)
    window.open("/console/jobs")
    window.look("console-jobs", DESK, touch=False)
    bare = at_desk(product, screen, java_script_enabled=False)  # a reload shows the same
    job = re.search(r"/console/jobs/(\d+)", page.content())
    assert job
    assert bare.open(f"/console/jobs/{job[1]}") == 200
    expect(bare.page.locator("#job")).to_contain_text("新增 1,197")


def test_an_application_s_form_and_its_code_fit(product: Product, screen: MakeScreen) -> None:
    window = at_desk(product, screen)
    page = window.page
    window.open("/console/applications")
    page.get_by_role("button", name="新建进件").click()
    expect(page.locator("h1")).to_have_text("超级管理员")
    page.get_by_label("手机号").fill("139")
    page.get_by_role("button", name="保存，下一步").click()
    expect(page.locator("#mobile_phone-msg")).to_contain_text("11 位手机号")
    expect(page.get_by_label("手机号")).to_have_value("139")
    window.look("console-application-contact", DESK, touch=False)
    number = int(page.url.split("/")[-2])
    desk = Console(product, "demo-operator")
    forms.fill(desk, number)
    window.open(f"/console/applications/{number}/{Step.BUSINESS}")
    window.look("console-application-business", DESK, touch=False)
    window.open(f"/console/applications/{number}")
    window.look("console-application-ready", DESK, touch=False)
    page.get_by_role("button", name="提交给微信").click()
    expect(page.get_by_text("正在提交")).to_be_visible()
    forms.sweep(product)
    (form,) = forms.upstream(product)
    forms.move(product, form["business_code"], "TO_BE_SIGNED")
    product.simulator.advance(601)
    forms.sweep(product)
    window.open(f"/console/applications/{number}")
    expect(page.get_by_alt_text("待签约二维码")).to_be_visible()
    window.look("console-application-sign", DESK, touch=False)
    window.open("/console/applications")
    window.look("console-applications", DESK, touch=False)
