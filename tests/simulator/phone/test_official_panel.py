"""An official account on the phone page, by hand (Chromium): follow, press, read, authorise."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.simulator.phone.conftest import Stage

MENU = {"button": [{"name": "更多", "sub_button": [{"name": "收款", "type": "click", "key": "K"}]}]}


def call(stage: Stage, path: str, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = requests.post(stage.sim + path, json=body, timeout=5).json()
    return found


def token(stage: Stage, account: dict[str, Any]) -> str:
    body = {
        "grant_type": "client_credential",
        "appid": account["appid"],
        "secret": account["secret"],
    }
    return str(call(stage, "/cgi-bin/stable_token", body)["access_token"])


def test_a_person_follows_presses_the_menu_and_reads_a_notice(page: Page, stage: Stage) -> None:
    creds = requests.get(f"{stage.sim}/sim/credentials", timeout=5).json()
    account = creds["wechat"]["accounts"][0]
    access = token(stage, account)
    assert call(stage, f"/cgi-bin/menu/create?access_token={access}", MENU)["errcode"] == 0
    page.goto(f"{stage.sim}/sim/phone")
    expect(page.locator("[data-oa-state]")).to_contain_text("没有关注")
    page.get_by_role("button", name="收款", exact=True).click()
    expect(page.locator("[data-oa-note]")).to_contain_text("followers")
    page.get_by_role("button", name="关注", exact=True).click()
    expect(page.locator("[data-oa-state]")).to_contain_text("已关注")
    page.get_by_role("button", name="收款", exact=True).click()
    expect(page.locator("[data-oa-note]")).to_contain_text("点了「收款」")
    template = account["templates"][3]
    data = {"thing1": "门店停用", "time2": "2026-11-26 12:00", "thing3": "打开后台查看"}
    notice = {
        "touser": stage.world.openid(account["appid"], "lin"),
        "template_id": template["template_id"],
        "data": {key: {"value": value} for key, value in data.items()},
    }
    sent = call(stage, f"/cgi-bin/message/template/send?access_token={access}", notice)
    assert sent["errcode"] == 0
    expect(page.locator("[data-oa-got]")).to_contain_text("门店停用")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_an_administrator_authorises_with_fewer_sets_and_leaves(page: Page, stage: Stage) -> None:
    creds = requests.get(f"{stage.sim}/sim/credentials", timeout=5).json()
    platform = creds["component"]
    start = {
        "component_appid": platform["component_appid"],
        "component_secret": platform["component_appsecret"],
    }
    call(stage, "/cgi-bin/component/api_start_push_ticket", start)
    (ticket,) = stage.world.oa.tickets
    held = call(
        stage,
        "/cgi-bin/component/api_component_token",
        {
            "component_appid": platform["component_appid"],
            "component_appsecret": platform["component_appsecret"],
            "component_verify_ticket": ticket,
        },
    )["component_access_token"]
    code = call(
        stage,
        f"/cgi-bin/component/api_create_preauthcode?access_token={held}",
        {"component_appid": platform["component_appid"]},
    )["pre_auth_code"]
    query = {
        "action": "bindcomponent",
        "no_scan": "1",
        "component_appid": platform["component_appid"],
        "pre_auth_code": code,
        "redirect_uri": f"{stage.product}/q/sz01/8K3FQ2",
    }
    link = f"{stage.sim}/safe/bindcomponent?{urlencode(query)}"
    page.goto(f"{stage.sim}/sim/phone?code={quote(link, safe='')}&wallet=wechat")
    frame = page.frame_locator("[data-frame]")
    frame.get_by_label("群发与通知（模板消息）").uncheck()
    frame.get_by_role("button", name="同意授权").click()
    expect(page.locator("[data-oa-state]")).to_contain_text("权限集 1、2、3、4、6、8、9、11、15")
    page.get_by_text("公众号管理员").click()
    page.get_by_role("button", name="取消授权").click()
    expect(page.locator("[data-oa-state]")).to_contain_text("没有授权第三方平台")
    page.get_by_role("button", name="认证过期").click()
    expect(page.locator("[data-oa-state]")).to_contain_text("未认证")
