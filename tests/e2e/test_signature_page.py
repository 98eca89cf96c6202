"""The API's keys and the signature debugger at a desk: fits, is read aloud, says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Screen
from tests.harness.cloudpay import Till, code_of
from tests.harness.console import Console
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
DESK = {"1280": (1280, 800, 100), "760": (760, 800, 100), "390": (390, 844, 100),
        "200pc": (1280, 800, 200)}  # fmt: skip


def test_a_lost_line_feed_is_found_at_the_desk(product: Product, screen: MakeScreen) -> None:
    desk, till = Console(product), Till.of(product)
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    page = window.page
    text = json.dumps(
        {"pay_mch_key": till.mch_key(pay_platform=1), "pay_content": {"body": "咖啡 大杯"}},
        ensure_ascii=False,
    )
    wrong = till.send("query_order", text, "x" * 32)
    assert json.loads(json.loads(wrong)["response_content"])["status"] == 101
    product.deps.cpay_traces.write(product.deps.transact)
    assert window.open(f"/console/merchants/{till.out_sub_mch_id}/keys") == 200
    expect(page.locator("main")).to_contain_text("今天 1 次")
    window.look("console-merchant-keys", DESK, touch=False)
    page.get_by_role("link", name="签名检查").click()
    window.look("console-signature-empty", DESK, touch=False)
    body = {
        "request_content": text + "\n",
        "authen_info": {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}},
    }
    page.get_by_label("请求正文").fill(json.dumps(body))
    page.get_by_label("你的程序用来计算的那一串").fill(text)
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("status")).to_contain_text("没有带上内容结尾的换行")
    expect(page.locator("#string")).to_contain_text("LF")
    at = len(text.encode()) + 1
    expect(page.locator("#differs")).to_contain_text(f"从第 {at} 个字节开始不一样")
    window.look("console-signature", DESK, touch=False)
    page.get_by_label("请求正文").fill(json.dumps({**body, "request_content": text}))
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("status")).to_contain_text("签名正确")
    assert window.open("/console/settings/signing") == 200
    window.look("console-signing", DESK, touch=False)
