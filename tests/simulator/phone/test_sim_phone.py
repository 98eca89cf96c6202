"""The phone page and the bridge, driven by hand (Chromium) against a stand-in product."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Page, expect

from simulator.phone.menu import MENU
from tests.simulator.alipay.client import Client
from tests.simulator.phone.conftest import Stage

Where = Page | FrameLocator
FRAMED = [pytest.param(True, id="framed"), pytest.param(False, id="overlay")]


def scan(page: Page, stage: Stage, wallet: str = "wechat", path: str = "") -> FrameLocator:
    link = stage.product + path if path else stage.link()
    page.goto(f"{stage.sim}/sim/phone?code={quote(link, safe='')}&wallet={wallet}")
    frame = page.frame_locator("[data-frame]")
    expect(frame.locator("#wallet")).to_have_text(wallet)
    expect(frame.locator("#ready")).to_have_text("ready")
    return frame


def land(page: Page, stage: Stage, framed: bool, wallet: str = "wechat", path: str = "") -> Where:
    """The pay page inside the phone, or on its own."""
    if framed:
        return scan(page, stage, wallet, path)
    page.goto(f"{stage.product}{path or '/q/sz01/8K3FQ2'}?sim_wallet={wallet}")
    expect(page.locator("#ready")).to_have_text("ready")
    return page


def pay(where: Where, params: dict[str, str]) -> None:
    where.locator("#params").fill(json.dumps(params))
    where.locator("#pay").click()


def heard(where: Where) -> dict[str, str]:
    out = where.locator("#out")
    expect(out).not_to_be_empty()
    said: dict[str, str] = json.loads(out.inner_text())
    return said


def result(said: dict[str, str]) -> str:
    return said.get("err_msg", "").removeprefix("get_brand_wcpay_request:") or said["resultCode"]


@pytest.mark.parametrize(
    ("wallet", "act", "expected", "state"),
    [
        ("wechat", "confirm", "ok", "SUCCESS"),
        ("wechat", "cancel", "cancel", "NOTPAY"),
        ("wechat", "dismiss", "cancel", "NOTPAY"),
        ("wechat", "fail", "fail", "NOTPAY"),
        ("alipay", "confirm", "9000", "TRADE_SUCCESS"),
        ("alipay", "cancel", "6001", "WAIT_BUYER_PAY"),
        ("alipay", "fail", "4000", "WAIT_BUYER_PAY"),
    ],
)
@pytest.mark.parametrize("framed", FRAMED)
def test_the_page_hears_what_the_payer_did_and_the_books_hold_it(
    page: Page, stage: Stage, framed: bool, wallet: str, act: str, expected: str, state: str
) -> None:
    where = land(page, stage, framed, wallet)
    pay(where, stage.order(wallet))
    sheet = page.locator(f"[data-sim-sheet={wallet}]")
    expect(sheet.locator("[data-sim-payee]")).to_have_text("青禾茶事")
    expect(sheet.locator("[data-sim-amount]")).to_have_text("¥1,284.50")
    expect(sheet.locator("[data-sim-description]")).to_have_text("青禾茶事-柜台")
    expect(sheet.locator("[data-sim-order]")).to_have_text("YM0001")
    sheet.locator(f"[data-sim={act}]").click()
    assert result(heard(where)) == expected
    expect(sheet).to_have_count(0)
    assert stage.state() == state


def test_the_trail_tells_of_the_order_the_sheet_and_the_notification(
    page: Page, stage: Stage
) -> None:
    frame = scan(page, stage)
    pay(frame, stage.order("wechat"))
    trail = page.locator("[data-trail]")
    expect(trail).to_contain_text("等待你在手机里操作 · YM0001")
    page.click("[data-sim=confirm]")
    expect(trail.locator("li.out")).to_contain_text("wechat.notify #1")


@pytest.mark.parametrize("framed", FRAMED)
def test_only_the_person_ordered_for_can_pay(page: Page, stage: Stage, framed: bool) -> None:
    page.goto(f"{stage.sim}/sim/phone")
    with page.expect_response(lambda r: r.url.endswith("/sim/phone/person")):
        page.select_option("[data-person]", "zhou")
    where = land(page, stage, framed)
    pay(where, stage.order("wechat", "lin"))
    expect(page.locator("[data-sim-person]")).to_have_text("周航")
    page.click("[data-sim=confirm]")
    expect(page.locator("[data-sim-message]")).to_have_text("下单账号与支付账号不一致")
    page.click("[data-sim=close]")
    assert result(heard(where)) == "fail"
    stage.world.reset()
    pay(where, stage.order("wechat", "zhou"))
    page.click("[data-sim=confirm]")
    expect(where.locator("#out")).to_contain_text("request:ok")


@pytest.mark.parametrize("framed", FRAMED)
def test_a_refusal_is_shown_in_the_wallet_s_words_and_then_fails(
    page: Page, stage: Stage, framed: bool
) -> None:
    where = land(page, stage, framed, path="/outside/8K3FQ2")
    pay(where, stage.order("wechat"))
    page.click("[data-sim=confirm]")
    expect(page.locator("[data-sim-message]")).to_contain_text("当前页面的URL未注册")
    page.click("[data-sim=close]")
    said = heard(where)
    assert result(said) == "fail"
    assert "当前页面的URL未注册" in said["err_desc"]
    assert stage.state() == "NOTPAY"


@pytest.mark.parametrize("framed", FRAMED)
@pytest.mark.parametrize(
    ("wallet", "params", "word"),
    [
        ("wechat", {"package": "prepay_id=wxnobody"}, "prepay_id"),
        ("wechat", {}, "prepay_id"),
        ("alipay", {"tradeNO": "2026nobody"}, "tradeNO"),
    ],
)
def test_an_unknown_order_is_said_before_anything_can_be_pressed(
    page: Page, stage: Stage, framed: bool, wallet: str, params: dict[str, str], word: str
) -> None:
    where = land(page, stage, framed, wallet)
    pay(where, params)
    expect(page.locator("[data-sim-message]")).to_have_text(f"没有这笔订单，请核对 {word}")
    expect(page.locator("[data-sim=confirm]")).to_have_count(0)
    page.keyboard.press("Escape")
    assert result(heard(where)) in ("fail", "4000")


def test_a_page_closed_after_paying_never_hears_the_result(page: Page, stage: Stage) -> None:
    frame = scan(page, stage)
    page.check("[data-setting=close]")
    pay(frame, stage.order("wechat"))
    page.click("[data-sim=confirm]")
    expect(page.locator("[data-closed]")).to_be_visible()
    expect(page.locator("[data-frame]")).to_have_count(0)
    page.click("[data-again]")
    expect(page.frame_locator("[data-frame]").locator("#out")).to_be_empty()


def test_without_money_the_confirmation_fails(page: Page, stage: Stage) -> None:
    frame = scan(page, stage)
    page.check("[data-setting=broke]")
    pay(frame, stage.order("wechat"))
    page.click("[data-sim=confirm]")
    expect(page.locator("[data-sim-message]")).to_have_text("余额不足")
    page.click("[data-sim=close]")
    assert result(heard(frame)) == "fail"
    assert stage.state() == "NOTPAY"


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_page_can_close_itself(page: Page, stage: Stage, wallet: str) -> None:
    scan(page, stage, wallet).locator("#leave").click()
    expect(page.locator("[data-closed]")).to_be_visible()
    page.goto(f"{stage.link()}?sim_wallet={wallet}")
    page.click("#leave")
    expect(page.locator("[data-sim-closed]")).to_have_text("页面已关闭")


def test_back_follows_the_page_s_history_and_then_closes_it(page: Page, stage: Stage) -> None:
    frame = scan(page, stage)
    expect(page.locator("[data-address]")).to_have_text("/q/sz01/8K3FQ2")
    frame.locator("#next").click()
    expect(page.locator("[data-address]")).to_have_text("/q/sz/NEXT")
    page.click("[data-back]")
    expect(page.locator("[data-address]")).to_have_text("/q/sz01/8K3FQ2")
    page.click("[data-back]")
    expect(page.locator("[data-closed]")).to_be_visible()
    assert page.url.startswith(f"{stage.sim}/sim/phone")


def test_reload_keeps_the_page_that_is_open_and_the_hash_what_was_chosen(
    page: Page, stage: Stage
) -> None:
    page.goto(f"{stage.sim}/sim/phone")
    page.click("[data-w=alipay]")
    page.get_by_label("南窗面馆 · 前台").check()
    frame = page.frame_locator("[data-frame]")
    expect(frame.locator("h1")).to_have_text("店 2W7ND5")
    frame.locator("#next").click()
    expect(frame.locator("h1")).to_have_text("店 NEXT")
    expect(page.locator("[data-address]")).to_have_text("/q/sz/NEXT")  # it listens from now on
    with page.expect_request(lambda r: "/q/sz/NEXT" in r.url):
        page.click("[data-reload]")
    page.reload()
    expect(page.frame_locator("[data-frame]").locator("h1")).to_have_text("店 2W7ND5")
    expect(page.frame_locator("[data-frame]").locator("#wallet")).to_have_text("alipay")
    expect(page.get_by_label("南窗面馆 · 前台")).to_be_checked()


def test_any_link_can_be_scanned_but_no_other_host_is_called(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.sim}/sim/phone")
    heading = page.frame_locator("[data-frame]").locator("h1")
    expect(page.get_by_label("南窗面馆 · 前台")).to_be_visible()
    for text, shop in {
        "https://pay.example.com/q/sz01/OLD": "店 OLD",
        "/q/sz01/PATH": "店 PATH",
        "2W7ND5": "店 2W7ND5",
    }.items():
        page.fill("[data-link]", text)
        page.press("[data-link]", "Enter")
        expect(heading).to_have_text(shop)
    for text in ("weixin://wxpay/bizpayurl?pr=x", "NOCODE", "http://"):
        page.fill("[data-link]", text)
        page.press("[data-link]", "Enter")
        expect(page.locator("[data-link]")).to_have_attribute("aria-invalid", "true")
    expect(heading).to_have_text("店 2W7ND5")


@pytest.mark.parametrize(
    ("act", "state"), [("confirm", "AUTHORIZED"), ("cancel", "INIT"), ("fail", "INIT")]
)
def test_a_deposit_s_code_is_scanned_without_a_page(
    page: Page, stage: Stage, act: str, state: str
) -> None:
    holdings = requests.get(f"{stage.sim}/sim/credentials", timeout=5).json()["alipay"]
    client = Client(stage.sim, holdings)
    biz = {
        "out_order_no": "H1",
        "out_request_no": "H1",
        "order_title": "房号 808",
        "amount": "500.00",
        "product_code": "PRE_AUTH",
    }
    answer = client.call("alipay.fund.auth.order.voucher.create", biz)
    client.http.close()
    page.goto(f"{stage.sim}/sim/phone")
    page.fill("[data-link]", answer.node["code_value"])
    page.press("[data-link]", "Enter")
    sheet = page.locator("[data-sim-sheet=alipay]")
    expect(sheet.locator("[data-sim-amount]")).to_have_text("¥500.00")
    expect(sheet.locator("[data-sim-payee]")).to_have_text("青禾茶事")
    expect(sheet.locator("[data-sim-description]")).to_have_text("押金，只冻结：房号 808")
    assert stage.world.freezes.all() == []  # looking makes nothing
    sheet.locator(f"[data-sim={act}]").click()
    expect(sheet).to_have_count(0)
    (freeze,) = stage.world.freezes.all()
    assert freeze.state == state
    page.fill("[data-link]", "https://qr.alipay.com/fkx0000")
    page.press("[data-link]", "Enter")
    expect(page.locator("[data-sim-message]")).to_have_text("二维码不存在或已失效")


def test_a_silent_product_is_said_and_can_be_asked_again(page: Page, stage: Stage) -> None:
    stage.product_is_up = False
    page.goto(f"{stage.sim}/sim/phone")
    expect(page.locator("[data-codes-down]")).to_be_visible()
    expect(page.locator("[data-codes-down]")).to_contain_text(stage.product)
    stage.product_is_up = True
    page.click("[data-codes-retry]")
    expect(page.locator("[data-codes-down]")).to_be_hidden()
    expect(page.get_by_label("青禾茶事 · 12 号桌")).to_be_visible()


def test_ticks_arm_faults_and_follow_what_is_left_of_them(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.sim}/sim/phone")
    late, twice = page.get_by_label("回调延迟 8 秒"), page.get_by_label("回调重复 3 次")
    late.check()
    twice.check()
    page.get_by_label("授权失败 10005").check()
    expect(page.get_by_text("还剩 微信 3 · 支付宝 3")).to_be_visible()
    armed = {(f.on, f.kind, f.ms) for f in stage.world.faults.armed()}
    assert ("wechat.notify", "delay", 8000) in armed
    assert stage.world.switches.get("wechat.oa_page_error") == "10005"
    with page.expect_response(lambda r: r.request.method == "DELETE"):
        late.uncheck()
    assert {f.kind for f in stage.world.faults.armed()} == {"duplicate"}
    expect(twice).to_be_checked()
    for on in ("wechat.notify", "alipay.notify"):
        for _ in range(3):
            assert stage.world.faults.take("duplicate", on)
    expect(twice).not_to_be_checked()
    with page.expect_response("**/sim/switches"):
        page.click("[data-faults-clear]")
    expect(page.get_by_label("授权失败 10005")).not_to_be_checked()
    assert stage.world.switches.get("wechat.oa_page_error") == ""
    assert stage.world.faults.armed() == []


def test_the_simulator_takes_every_tick(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.sim}/sim/phone")
    for item in MENU:
        page.locator(f"[data-fault][value={item.key}]").check()
    expect(page.locator("[data-left]:not(:empty)")).to_have_count(4)
    expect(page.locator("[data-fault]:checked")).to_have_count(len(MENU))
    expect(page.locator("[data-faults-problem]")).to_be_hidden()
    assert len(stage.world.faults.armed()) == sum(len(item.faults) for item in MENU)


def test_the_clock_runs_ahead_and_the_trail_can_be_cleared(page: Page, stage: Stage) -> None:
    stage.world.note("notify", "wechat.notify #1", "204", "YM1")
    page.goto(f"{stage.sim}/sim/phone")
    expect(page.locator("[data-trail] li.out")).to_contain_text("YM1")
    page.click("[data-trail-clear]")
    expect(page.locator("[data-trail] li")).to_have_count(0)
    expect(page.locator("[data-ahead]")).to_have_text("与现在一致")
    page.click("[data-clock]")
    expect(page.locator("[data-ahead]")).to_have_text("比现在快 10 分钟")
    stage.world.note("in", "wechat.query", "ok", "YM2")
    expect(page.locator("[data-trail] li")).to_have_count(1)


def test_the_bridge_is_served_for_the_two_wallets_only(stage: Stage) -> None:
    script = requests.get(f"{stage.sim}/sim/bridge.js?wallet=alipay", timeout=5).text
    assert "WALLET = 'alipay'" in script
    assert not re.search(r"=>|`|\b(let|const|class)\b", script), "wallet pages get ES5"
    assert requests.get(f"{stage.sim}/sim/bridge.js?wallet=paypal", timeout=5).status_code == 404


def test_only_the_product_s_pages_may_read_the_sheet(stage: Stage) -> None:
    url = f"{stage.sim}/sim/phone/sheet"
    body = {"wallet": "wechat", "params": stage.order("wechat")}
    allowed = "Access-Control-Allow-Origin"
    ours = requests.post(url, json=body, headers={"Origin": stage.product}, timeout=5)
    assert ours.headers[allowed] == stage.product
    others = requests.post(url, json=body, headers={"Origin": "http://evil.test"}, timeout=5)
    assert allowed not in others.headers


def test_one_spelling_of_loopback_keeps_the_cookies_together(stage: Stage) -> None:
    port = stage.sim.rpartition(":")[2]
    answer = requests.get(
        f"http://localhost:{port}/sim/phone?wallet=alipay", timeout=5, allow_redirects=False
    )
    assert answer.headers["Location"] == f"{stage.sim}/sim/phone?wallet=alipay"


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    page: Page, stage: Stage, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    pay(scan(page, stage), stage.order("wechat"))
    expect(page.locator("[data-sim=confirm]")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options={"iframes": False})
    assert found.violations_count == 0, re.sub(r"\n+", "\n", found.generate_report())
