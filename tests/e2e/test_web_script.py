"""The scripts of the customer pages in Chromium, under the real policy, with no network at all.

Every request is answered here from the templates, so these tests need a browser and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import render_template
from playwright.sync_api import Browser, Page, Route, expect

from tests.unit.web.samples import fixed_pay, make_app, pay_form, result, unsupported
from web.assets import customer_headers

ORIGIN = "http://pay.test"
APP = make_app()
WECHAT = """window.calls=[];window.WeixinJSBridge={invoke:function(name,arg,cb){
calls.push([name,arg]);setTimeout(function(){cb({err_msg:'get_brand_wcpay_request:'+window.says,
err_desc:window.why})},20)},call:function(name){calls.push([name])}};"""


class Visit:
    """One phone at one page. `posted` holds what arrived, `answers` what is answered next."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.posted: list[str] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.polls: list[tuple[int, dict[str, Any]]] = []
        self.complaints: list[str] = []
        self.pages: dict[str, str] = {"/result": "<title>result</title>"}
        page.set_default_timeout(6000)
        page.route("**/*", self._answer)
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and "status of" not in text and "ERR_" not in text:
            self.complaints.append(text)

    def _answer(self, route: Route) -> None:
        request = route.request
        path = request.url.removeprefix(ORIGIN).partition("?")[0]
        if request.method == "POST":
            self.posted.append(request.post_data or "")
            status, body = self.answers.pop(0)
            if not status:
                return route.abort("connectionfailed")
            return route.fulfill(status=status, json=body)
        if path == "/state":
            status, body = self.polls.pop(0) if self.polls else (200, {"state": "pending"})
            return route.fulfill(status=status, json=body)
        return route.fulfill(
            body=self.pages.get(path, ""), content_type="text/html", headers=customer_headers()
        )

    def open(self, template: str, page: object) -> Visit:
        with APP.test_request_context():
            html = render_template(f"pay/{template}.html", page=page)
        self.pages["/pay"] = html
        self.page.goto(f"{ORIGIN}/pay")
        return self

    def tap(self, keys: str) -> None:
        for key in keys:
            self.page.click(f'[data-k="{key}"]' if key != "<" else '[data-k="del"]')

    def pay(self) -> None:
        self.page.click("#go", force=True)  # aria-disabled still takes taps

    def hint(self) -> str:
        return self.page.locator("#hint").inner_text()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    made: list[Visit] = []

    def make(bridge: str = WECHAT, **options: Any) -> Visit:
        page = browser.new_page(viewport={"width": 360, "height": 640}, **options)
        if bridge:
            page.add_init_script(bridge)
        made.append(Visit(page))
        return made[-1]

    yield make
    for one in made:
        assert one.complaints == []
        one.page.close()


def form(**changes: Any) -> object:
    return pay_form(action="/pay", **changes)


OK = (200, {"result": "/result", "bridge": {"package": "prepay_id=1"}})


def test_the_keypad_makes_only_amounts(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form())
    amount, go = v.page.locator("#amount"), v.page.locator("#go")
    expect(go).to_have_attribute("aria-disabled", "true")
    for keys, value in ((".5", "0.5"), ("<<<", ""), ("0038.509", "38.50"), ("<", "38.5")):
        v.tap(keys)
        expect(amount).to_have_value(value)
    expect(go).to_have_attribute("aria-disabled", "false")
    expect(v.page.locator("#say")).to_have_text("当前金额 38.5 元")
    amount.fill("¥1,284.50")
    expect(amount).to_have_value("1284.50")
    amount.fill("12345678")
    expect(amount).to_have_value("1284.50")
    amount.fill("１2e3")
    expect(amount).to_have_value("1284.50")


def test_limits_are_said_and_nothing_is_sent(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form(min_fen=100))
    v.pay()
    assert v.hint() == "金额至少 ¥1.00"
    expect(v.page.locator("#amount")).to_be_focused()
    v.tap("5000.01")
    assert v.hint() == "超过单笔上限 ¥5,000.00，请分次付款或联系店员"
    expect(v.page.locator("#amount")).to_have_attribute("aria-invalid", "true")
    v.pay()
    v.tap("<<<")
    assert "请与店员核对金额" in v.hint()
    assert v.posted == []


def test_a_note_is_counted_in_bytes_and_enter_does_not_pay(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form(amount="1"))
    v.page.click("#add")
    v.page.fill("#remark", "辣" * 43)
    assert "备注太长" in v.hint()
    v.page.fill("#remark", "辣" * 42)
    expect(v.page.locator("#left")).to_have_text("还可写 0 字")
    v.page.press("#remark", "Enter")
    expect(v.page.locator(".kp")).to_be_visible()
    assert v.posted == []


def test_paid_in_the_wallet_goes_to_the_result(visit: Callable[..., Visit]) -> None:
    v = visit("window.says='ok';" + WECHAT).open("form", form())
    v.tap("38.5")
    v.answers.append(OK)
    v.page.evaluate("document.getElementById('go').click(),document.getElementById('go').click()")
    v.page.wait_for_url("**/result")
    assert len(v.posted) == 1
    assert "38.5" in v.posted[0]
    assert "b41f07c29e" in v.posted[0]


def test_cancelled_stays_and_pays_again_with_the_same_intent(visit: Callable[..., Visit]) -> None:
    v = visit("window.says='cancel';" + WECHAT).open("form", form(amount="38.50"))
    v.answers += [OK, OK]
    v.pay()
    expect(v.page.locator("#hint")).to_have_text("你已取消付款，没有扣款。可以重新付款")
    expect(v.page.locator("#amount")).to_have_value("38.50")
    expect(v.page.locator("#go")).to_have_text("付款")
    v.page.evaluate("window.says='ok'")
    v.pay()
    v.page.wait_for_url("**/result")
    assert [("b41f07c29e" in body) for body in v.posted] == [True, True]


def test_failed_says_why_and_leaves_the_verdict_to_the_server(visit: Callable[..., Visit]) -> None:
    v = visit("window.says='fail';window.why='余额不足';" + WECHAT).open("form", form(amount="1"))
    v.answers.append(OK)
    v.pay()
    more = v.page.locator("#more")
    expect(more).to_be_visible()
    assert more.get_attribute("href") == "/result"
    assert v.hint() == "微信支付提示：余额不足。付款是否成功，以结果页为准"
    v.tap("2")
    expect(more).to_be_hidden()


@pytest.mark.parametrize(
    ("code", "left"), [("9000", True), ("8000", True), ("6004", True), ("6001", False)]
)
def test_alipay_tells_by_its_codes(visit: Callable[..., Visit], code: str, left: bool) -> None:
    late = f"""setTimeout(function(){{window.AlipayJSBridge={{call:function(n,a,cb){{
    cb&&cb({{resultCode:'{code}'}})}}}};
    document.dispatchEvent(new Event('AlipayJSBridgeReady'))}},400)"""
    v = visit(late).open("form", form(client="alipay", amount="1"))
    v.answers.append((200, {"result": "/result", "bridge": {"tradeNO": "1"}}))
    v.pay()
    if left:
        v.page.wait_for_url("**/result")
    else:
        expect(v.page.locator("#hint")).to_contain_text("没有扣款")


def test_no_bridge_is_said_after_three_seconds(visit: Callable[..., Visit]) -> None:
    v = visit("").open("form", form(amount="1"))
    v.answers.append(OK)
    v.pay()
    expect(v.page.locator("#hint")).to_have_text("没能打开微信支付，没有扣款。请再试一次")


def test_refused_redirected_lost_and_broken_answers(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form(amount="1"))
    v.answers += [
        (422, {"error": {"code": "WALLET_REJECTED", "title": "a", "hint": "钱包没有接受"}}),
        (0, {}),
        (500, {}),
        (200, {"redirect": "/result"}),
    ]
    for said in ("钱包没有接受", "网络不通，未发起付款。请检查网络后重试", "暂时无法发起付款"):
        v.pay()
        expect(v.page.locator("#hint")).to_contain_text(said)
        expect(v.page.locator("#amount")).to_have_value("1")
    v.pay()
    v.page.wait_for_url("**/result")


def test_busy_tries_again_by_itself(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form(amount="1"))
    busy = {"error": {"code": "SYS_BUSY", "title": "忙", "hint": "付款人数较多"}}
    v.answers += [(503, busy), (200, {"result": "/result"})]
    v.pay()
    expect(v.page.locator("#hint")).to_have_text("付款人数较多")
    v.page.wait_for_url("**/result")


def test_offline_sends_nothing_and_recovers(visit: Callable[..., Visit]) -> None:
    v = visit().open("form", form(amount="1"))
    v.page.context.set_offline(True)
    v.pay()
    assert "网络不通" in v.hint()
    v.page.context.set_offline(False)
    expect(v.page.locator("#hint")).to_contain_text("请与店员核对金额")
    assert v.posted == []


def test_quantity_steps_and_the_sum_follows(visit: Callable[..., Visit]) -> None:
    v = visit("").open("form", form(mode="fixed_price", unit_price_fen=1_805, code_name="茶"))
    v.page.click("#less", force=True)
    v.page.click("#plus")
    v.page.click("#plus")
    expect(v.page.locator("#sum")).to_have_text("54.15")
    expect(v.page.locator("#go")).to_have_text("付款 ¥54.15")
    v.page.fill("#quantity", "990")
    expect(v.page.locator("#quantity")).to_have_value("99")
    v.answers.append((200, {"result": "/result"}))
    v.pay()
    v.page.wait_for_url("**/result")
    assert "99" in v.posted[0]


def test_the_deposit_counts_and_the_part_cannot_pass_the_whole(
    visit: Callable[..., Visit],
) -> None:
    v = visit().open("form", form(mode="consume_plus_deposit"))
    v.tap("4000")
    v.page.focus("#deposit")
    v.tap("200")
    assert v.hint() == "合计 ¥4,200.00，押金可退"
    v.tap("0")
    assert "超过单笔上限" in v.hint()
    v.open("form", form(mode="total_plus_undiscountable", client="alipay"))
    v.tap("10")
    v.page.focus("#undiscountable")
    v.tap("11")
    assert v.hint() == "不参与优惠的金额不能超过总额"


def test_a_one_off_order_counts_down_and_closes(visit: Callable[..., Visit]) -> None:
    v = visit().open("fixed", fixed_pay(action="/pay", client="wechat", expires_in_s=2))
    expect(v.page.locator("#rest")).to_contain_text("还剩 0 分")
    expect(v.page.locator("#hint")).to_contain_text("这笔订单已过期")
    v.pay()
    assert v.posted == []


@pytest.mark.parametrize("mode", ["default", "fixed_price", "consume_plus_deposit"])
def test_without_script_the_same_form_posts(visit: Callable[..., Visit], mode: str) -> None:
    v = visit("", java_script_enabled=False).open("form", form(mode=mode, unit_price_fen=100))
    expect(v.page.locator("#remark")).to_be_visible()
    assert v.page.locator("[data-k]:visible, [data-q]:visible").count() == 0
    if mode != "fixed_price":
        v.page.fill("#amount", "12")
    v.answers.append((200, {}))
    v.pay()
    assert "intent=b41f07c29e" in v.posted[0]


def test_the_result_page_reloads_when_the_server_knows(visit: Callable[..., Visit]) -> None:
    v = visit()
    v.polls += [(500, {}), (200, {"state": "paid", "final": True})]
    v.open("result", result("pending", state_url="/state?o=1", elapsed_s=0))
    expect(v.page.locator("#late")).to_be_hidden()
    with APP.test_request_context():
        v.pages["/pay"] = render_template("pay/result.html", page=result("paid"))
    expect(v.page.locator("h1")).to_have_text("付款成功")
    v.page.click("#done")
    assert v.page.evaluate("calls") == [["closeWindow"]]


def test_the_link_is_copied_or_one_is_told_how(visit: Callable[..., Visit]) -> None:
    v = visit("").open("unsupported", unsupported())
    v.page.click("#copy")
    expect(v.page.locator("#say")).not_to_be_empty()
