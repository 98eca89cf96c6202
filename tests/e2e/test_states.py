"""Every state of every customer page in a real browser: what it says, and that it can be used.

`look` measures each page at 390 and 320 px and with doubled text: nothing outside the screen, room
for a finger, nothing for axe to complain about. The phone itself listens for the rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from playwright.sync_api import expect

from services import intents
from services.scan import SHANGHAI
from tests.e2e.conftest import Screen
from tests.e2e.links import NUMBER, PATH, one_off
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakeScreen = Callable[..., Screen]
MakePhone = Callable[..., Phone]
OURS = "intent_key NOT LIKE 'demo:%'"
GONE = (
    f"UPDATE pay_attempt SET status = 'closed', due_at = NULL; UPDATE pay_order SET status ="
    f" 'closed', {{}} WHERE {OURS}"
)


def write(product: Product, statements: str) -> None:
    for statement in statements.split("; "):
        product.do(statement)


# ---- the pay page

FORMS = {
    "pay-wechat": ("wechat", "8K3FQ2", ["青禾茶事 · 湖滨店", "付款金额", "单笔不超过 ¥5,000.00"]),
    "pay-alipay": ("alipay", "8K3FQ2", ["由支付宝付款"]),
    "pay-fixed-price": ("wechat", "6P0HJ8", ["燕麦拿铁", "¥28.00", "付款 ¥28.00"]),
    "pay-deposit": ("alipay", "6P0HK2", ["消费金额", "押金"]),
    "pay-undiscountable": ("alipay", "2W7ND6", ["消费总额", "其中不参与优惠"]),
    "pay-undiscountable-wechat": ("wechat", "2W7ND6", ["付款金额"]),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_pay_page(product: Product, screen: MakeScreen, name: str) -> None:
    wallet, code, said = FORMS[name]
    phone = screen(wallet)
    assert phone.scan(code) == 200
    for part in said:
        assert part in phone.words()
    phone.look(name)


def test_the_pay_page_in_use(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan()
    phone.tap("128.5")
    phone.look("pay-amount")
    phone.page.locator("#add").tap()
    expect(phone.page.locator("#remark")).to_be_focused()
    phone.page.fill("#remark", "少糖，不要珍珠，打包带走，谢谢")
    phone.look("pay-note")
    phone.page.press("#remark", "Enter")
    phone.tap("<<<<<")
    phone.tap("9999999")
    expect(phone.page.locator("#hint")).to_contain_text("超过单笔上限 ¥5,000.00")
    phone.look("pay-limit")


def test_english_by_the_wallets_own_word_and_by_the_switch(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    agent = phone().http.headers["User-Agent"]
    assert isinstance(agent, str)
    english = screen(agent.replace("Language/zh_CN", "Language/en"), locale="en-US")
    english.scan()
    assert english.page.locator("html").get_attribute("lang") == "en"
    assert "Pay to merchant" in english.words()
    english.look("pay-en")
    english.page.locator("a.lang").tap()
    expect(english.page.locator("html")).to_have_attribute("lang", "zh-CN")
    chinese = screen()
    chinese.scan()
    chinese.page.locator("a.lang").tap()
    expect(chinese.page.locator("label[for=amount]")).to_have_text("Amount (CNY)")
    chinese.tap("8")
    chinese.press()
    chinese.sheet("cancel")
    expect(chinese.page.locator("#hint")).to_contain_text("You were not charged")
    chinese.press()
    chinese.sheet("confirm")
    expect(chinese.page.locator("h1")).to_have_text("Payment received", timeout=5000)
    chinese.look("result-paid-en")


def test_a_fixed_price_is_paid_by_the_piece(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan("6P0HJ8")
    phone.page.locator("#plus").tap()
    phone.page.locator("#plus").tap()
    expect(phone.page.locator("#go")).to_have_text("付款 ¥84.00")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, quantity FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.quantity) == (8400, 3)


def test_a_deposit_is_paid_with_the_rest(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan("6P0HK2")
    phone.tap("12")
    phone.page.focus("#deposit")
    phone.tap("100")
    expect(phone.page.locator("#hint")).to_have_text("合计 ¥112.00，押金可退")
    phone.look("pay-deposit-typed")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, deposit_fen, remark FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.deposit_fen) == (11200, 10000)
    assert "押金" in row.remark


def test_an_undiscountable_part_is_told_to_alipay(product: Product, screen: MakeScreen) -> None:
    phone = screen("alipay")
    phone.scan("2W7ND6")
    phone.tap("10")
    phone.page.focus("#undiscountable")
    phone.tap("11")
    expect(phone.page.locator("#hint")).to_have_text("不参与优惠的金额不能超过总额")
    phone.tap("<")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    row = product.one(f"SELECT amount_fen, undiscountable_fen FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.undiscountable_fen) == (1000, 100)


# ---- a one-off page


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_one_off_link_is_paid_once(product: Product, screen: MakeScreen, wallet: str) -> None:
    link = one_off(product)
    phone = screen(wallet)
    assert phone.open(link) == 200
    expect(phone.page.locator("#go")).to_have_text("付款 ¥57.00")
    expect(phone.page.locator("#rest")).to_contain_text("还剩 4 分")
    assert NUMBER in phone.words()
    phone.look(f"one-off-{wallet}")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    phone.open(link)  # already paid: the same link now shows that
    expect(phone.page.locator("h1")).to_have_text("付款成功")
    assert product.one(f"SELECT count(*) AS n FROM pay_order WHERE {OURS}").n == 1


def test_an_expired_one_off_order_shows_that_it_ended(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    link = one_off(product)
    buyer = phone()
    buyer.press(buyer.form(path=link))
    write(product, GONE.format("close_reason = 'expired'"))
    product.simulator.reset()  # and the wallet has forgotten it too
    one = screen()
    one.open(link)
    expect(one.page.locator("h1")).to_have_text("这笔订单已过期，没有扣款")
    one.look("one-off-expired")
    one.page.locator("#done").tap()  # nothing to pay again here, and still a way out
    expect(one.page.locator("[data-sim-closed]")).to_be_visible()


# ---- the result page


def _make(phone: MakePhone, wallet: str, paid: bool, product: Product) -> str:
    buyer = phone(wallet)
    made = buyer.start(amount="38.50")
    if paid:
        buyer.confirm(made)
        number = product.one(f"SELECT out_trade_no FROM pay_order WHERE {OURS}").out_trade_no
        product.wait_paid(number)
    return str(made["result"])


REFUSED = (
    "close_reason = 'rejected', reject_code = 'ACQ.BUYER_BALANCE_NOT_ENOUGH',"
    " reject_message = '账户余额不足，请更换付款方式后重试'"
)
RESULTS: dict[str, tuple[str, bool, str, list[str]]] = {
    "pending": ("wechat", False, "", ["正在确认付款结果", "请先不要离开或重复付款"]),
    "pending-late": (
        "alipay",
        False,
        "UPDATE pay_order SET created_at = created_at - interval '40 seconds'",
        ["超过 30 秒仍未完成？", "PAY_PENDING", "分钟后自动关闭"],
    ),
    "unknown": (
        "wechat",
        False,
        f"UPDATE pay_order SET is_unknown = true WHERE {OURS}",
        ["付款结果还不确定", "请先不要重复付款"],
    ),
    "paid": ("wechat", True, "", ["付款成功", "38.50", "青禾茶事 · 湖滨店", "订单号"]),
    "paid-alipay": ("alipay", True, "", ["付款成功"]),
    "late-paid": (
        "wechat",
        True,
        f"UPDATE pay_order SET is_late = true WHERE {OURS}",
        ["付款成功", "不必再付"],
    ),
    "part-refunded": (
        "wechat",
        True,
        f"UPDATE pay_order SET refunded_fen = 2000 WHERE {OURS}",
        ["已部分退款", "¥20.00"],
    ),
    "refunded": (
        "alipay",
        True,
        f"UPDATE pay_order SET refunded_fen = 3850 WHERE {OURS}",
        ["已全额退款", "退款原路退回支付宝"],
    ),
    "failed": (
        "alipay",
        False,
        GONE.format(REFUSED),
        ["付款未成功，没有扣款", "支付宝返回：账户余额不足", "ACQ.BUYER_BALANCE_NOT_ENOUGH"],
    ),
    "closed": (
        "wechat",
        False,
        GONE.format("close_reason = 'expired'"),
        ["这笔订单已过期，没有扣款", "重新付款"],
    ),
    "void": (
        "wechat",
        False,
        GONE.format("close_reason = 'void'"),
        ["这笔订单没有生效，没有扣款", "重新付款"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_the_result_page(product: Product, screen: MakeScreen, phone: MakePhone, name: str) -> None:
    wallet, paid, change, said = RESULTS[name]
    result = _make(phone, wallet, paid, product)
    if change:
        write(product, change)
    one = screen(wallet)
    assert one.open(result) == 200
    for part in said:
        assert part in one.words()
    # a state that is open never offers to pay again; one that is over always says where to go
    offers = one.page.get_by_role("link", name="重新付款").count()
    assert offers == (1 if name in ("failed", "closed", "void") else 0)
    one.look(f"result-{name}")


def test_paying_again_after_a_failure_is_a_fresh_form(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    result = _make(phone, "alipay", False, product)
    write(product, GONE.format(REFUSED))
    product.simulator.reset()
    one = screen("alipay")
    one.open(result)
    one.page.get_by_role("link", name="重新付款").tap()
    expect(one.page.locator("#amount")).to_have_value("")
    one.tap("38.5")
    one.press()
    one.sheet()
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_the_result_turns_live_soon_after_the_notification(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    buyer = phone()
    made = buyer.start(amount="6")
    one = screen()
    one.open(made["result"])
    expect(one.page.locator("h1")).to_have_text("正在确认付款结果")
    with one.page.expect_request(lambda asked: "/state?" in asked.url):
        pass
    buyer.confirm(made)
    product.wait_paid(product.one(f"SELECT out_trade_no FROM pay_order WHERE {OURS}").out_trade_no)
    known = time.monotonic()
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert time.monotonic() - known < 2.5


def test_the_result_survives_a_network_that_goes_and_comes(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    buyer = phone()
    made = buyer.start(amount="6")
    one = screen()
    one.pardoned.append("ERR_INTERNET_DISCONNECTED")
    one.open(made["result"])
    with one.page.expect_request(lambda asked: "/state?" in asked.url):
        pass
    one.context.set_offline(True)
    expect(one.page.locator("#net")).to_be_visible()
    buyer.confirm(made)
    one.context.set_offline(False)
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=10000)


# ---- what stops a payer

SHUT = "UPDATE store SET opens_at = '{}', closes_at = '{}' WHERE out_shop_id = 'qinghe-hubin'"
OA = "UPDATE provider SET oa_state = '{}'"
PROBLEMS: dict[str, tuple[str, str, str, int, list[str]]] = {
    "oa-10005": (
        "wechat", "8K3FQ2", OA.format("scope_denied"), 409,
        ["商家的公众号授权失效", "没有扣款", "改用支付宝扫同一个码", "店员请转告服务商", "10005"],
    ),
    "oa-none": (
        "wechat", "8K3FQ2", OA.format("not_authorized"), 409,
        ["服务商公众号尚未授权", "PROVIDER_OA_NOT_AUTHORIZED"],
    ),
    "oa-unverified": (
        "wechat", "8K3FQ2", OA.format("not_verified"), 409, ["未认证或认证已过期", "没有扣款"],
    ),
    "mismatch": (
        "wechat", "5T1MZ9", "", 409,
        ["这个收款码不属于当前服务商", "请店员更换本店最新的收款码", "sz02pQWE8MNBvCxz5k7T"],
    ),
    "unbound": ("alipay", "9Z9BLK", "", 409, ["这个收款码还没有启用", "9Z9BLK"]),
    "unknown-code": ("wechat", "ZZZZZZ", "", 404, ["没有找到这个收款码", "没有扣款"]),
    "closed-hours": ("wechat", "8K3FQ2", "hours", 409, ["门店休息中", "开始营业", "没有扣款"]),
    "disabled-store": ("wechat", "6P0HK3", "", 409, ["这家门店已停止收款", "没有扣款"]),
    "disabled-merchant": (
        "alipay", "8K3FQ2", "UPDATE merchant SET is_active = false", 409, ["这个商家已停止收款"],
    ),
    "not-enabled": (
        "alipay", "3C6VB1", "", 409, ["商家还没有开通支付宝收款", "改用微信扫同一个码付款"],
    ),
    "alipay-token": (
        "alipay", "8K3FQ2", "UPDATE merchant SET alipay_state = 'expired'", 409,
        ["支付宝授权已失效", "改用微信扫同一个码付款", "没有扣款"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_page(product: Product, screen: MakeScreen, name: str) -> None:
    wallet, code, change, status, said = PROBLEMS[name]
    if change == "hours":
        soon = product.deps.now().astimezone(SHANGHAI) + timedelta(hours=1)
        change = SHUT.format(f"{soon:%H:%M}", f"{soon + timedelta(hours=1):%H:%M}")
    if change:
        write(product, change)
    phone = screen(wallet)
    assert phone.scan(code) == status
    for part in said:
        assert part in phone.words()
    assert phone.page.locator("body").get_attribute("data-client") == wallet
    phone.look(f"problem-{name}")


LINKS: dict[str, tuple[dict[str, object], int, list[str]]] = {
    "sign-invalid": ({"sign": "0" * 64}, 403, ["付款链接的签名不正确", "SIGN_INVALID"]),
    "link-expired": ({"ts": 1_700_000_000}, 403, ["付款链接已过期", "LINK_EXPIRED"]),
    "link-invalid": ({"trade_num": "other0001"}, 400, ["付款链接不完整或有误", "LINK_INVALID"]),
    "amount-invalid": ({"total_fee": 0}, 400, ["金额填写有误"]),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_bad_one_off_link(product: Product, screen: MakeScreen, name: str) -> None:
    changes, status, said = LINKS[name]
    phone = screen()
    assert phone.open(one_off(product, **changes)) == status
    for part in said:
        assert part in phone.words()
    phone.look(f"problem-{name}")


def test_one_number_keeps_one_amount(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    buyer = phone()
    buyer.press(buyer.form(path=one_off(product)))
    one = screen()
    assert one.open(one_off(product, total_fee=5800, nonce="n2")) == 409
    assert "这个单号已用于另一笔金额" in one.words()
    one.look("problem-conflict")
    assert one.open(one_off(product, total_fee=5900, nonce="n1")) == 403
    assert "付款链接已经用过" in one.words()


def test_problems_on_the_way_back_from_the_wallets_login(
    product: Product, screen: MakeScreen
) -> None:
    phone = screen()
    assert phone.open(f"/q/{MAIN}/back/wechat?code=x&state=forged") == 400
    assert "付款页的登录凭据不匹配" in phone.words()
    phone.look("problem-oauth")
    assert phone.open(f"/q/{MAIN}/o/nobody") == 404
    assert "没有找到这个页面" in phone.words()


def test_an_english_problem_page(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan("6P0HK3", "?lang=en")
    assert "This shop no longer takes payments here" in phone.words()
    phone.look("problem-en")


# ---- browsers that cannot pay

CASES = ("desktop", "wecom-ios", "wecom-android", "wechat-mac", "unionpay-ios", "douyin-android",
         "jd-ios", "taobao-ios", "qq-android", "safari-ios")  # fmt: skip
WHERE = {"wecom": "企业微信", "wechat": "电脑版微信", "unionpay": "云闪付", "douyin": "抖音",
         "jd": "京东", "taobao": "淘宝", "qq": "QQ"}  # fmt: skip
# Reads the picture back: the colour in the middle of every module, the quiet zone included.
READ_QR = """img => { const n = img.naturalWidth / 12, c = document.createElement('canvas');
c.width = c.height = img.naturalWidth;
const x = c.getContext('2d', {willReadFrequently: true}); x.drawImage(img, 0, 0);
const rows = []; for (let r = 0; r < n; r++) { let row = ''; for (let k = 0; k < n; k++)
row += x.getImageData(k * 12 + 6, r * 12 + 6, 1, 1).data[0] < 128 ? 1 : 0; rows.push(row) }
return rows }"""


@pytest.mark.parametrize("case", CASES)
def test_a_browser_that_cannot_pay_gets_the_code_to_scan(
    product: Product, screen: MakeScreen, agents: dict[str, str], case: str
) -> None:
    phone = screen(agents.get(case, case))
    assert phone.scan() == 200
    assert phone.page.url == f"{product.url}/q/{MAIN}/8K3FQ2"
    said = phone.words()
    for part in (
        "请用微信或支付宝扫码付款",
        "没有产生任何费用",
        "青禾茶事 · 湖滨店",
        "BROWSER_UNSUPPORTED",
    ):
        assert part in said
    assert WHERE.get(case.partition("-")[0], "当前浏览器") in said
    picture = phone.page.get_by_role("img", name="付款二维码")
    expect(picture).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    made = segno.make(f"{product.url}/q/{MAIN}/8K3FQ2", error="m", micro=False)
    wanted = ["".join(str(int(dark)) for dark in row) for row in made.matrix_iter(border=4)]
    assert picture.evaluate(READ_QR) == wanted
    phone.look(f"unsupported-{case}")


def test_the_link_is_copied_and_the_page_speaks_english(
    product: Product, screen: MakeScreen
) -> None:
    phone = screen("desktop", permissions=["clipboard-read", "clipboard-write"])
    phone.scan(query="?lang=en")
    assert "Scan with WeChat or Alipay to pay" in phone.words()
    phone.page.locator("#copy").tap()
    expect(phone.page.locator("#copy")).to_contain_text("Copied")
    url = f"{product.url}/q/{MAIN}/8K3FQ2"
    assert phone.page.evaluate("navigator.clipboard.readText()") == url
    phone.look("unsupported-en")


def test_a_one_off_link_in_a_browser_carries_the_whole_link(
    product: Product, screen: MakeScreen
) -> None:
    phone = screen("desktop")
    link = one_off(product)
    phone.open(link)
    shown = urlsplit(phone.page.locator("#url").inner_text())
    assert f"{shown.scheme}://{shown.netloc}{shown.path}" == product.url + PATH
    assert parse_qs(shown.query) == parse_qs(urlsplit(link).query)
    phone.look("unsupported-one-off")


# ---- hands and networks


def test_without_script_the_form_posts_and_the_result_follows(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen("wechat", java_script_enabled=False)
    phone.scan()
    expect(phone.page.locator(".kp [data-k]").first).to_be_hidden()
    phone.page.fill("#amount", "12.50")
    phone.page.fill("#remark", "靠窗")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("正在确认付款结果")
    row = product.one(f"SELECT amount_fen, remark FROM pay_order WHERE {OURS}")
    assert (row.amount_fen, row.remark) == (1250, "靠窗")
    phone.scan()
    phone.page.fill("#amount", "１２")
    phone.press()
    expect(phone.page.locator("h1")).to_have_text("金额填写有误")
    phone.page.get_by_role("link", name="重试").tap()
    expect(phone.page.locator("#amount")).to_have_value("12.50")


def test_offline_nothing_is_sent_and_the_amount_stays(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("7.7")
    phone.context.set_offline(True)
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("网络不通，未发起付款")
    expect(phone.page.locator("#amount")).to_have_value("7.7")
    assert simulator.books() == []
    phone.context.set_offline(False)
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_a_double_tap_is_one_order(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("9")
    phone.page.evaluate("for (let i = 0; i < 4; i++) document.getElementById('go').click()")
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert len(simulator.books()) == 1
    assert product.one(f"SELECT count(*) AS n FROM pay_order WHERE {OURS}").n == 1


def test_refresh_back_and_the_page_cache_keep_one_order(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("45.6")
    phone.press()
    phone.sheet("cancel")
    phone.page.reload()
    expect(phone.page.locator("#amount")).to_have_value("45.60")
    phone.open("/healthz")
    phone.page.go_back()
    expect(phone.page.locator("#amount")).to_have_value("45.60")
    # frozen while it was busy, thawed out of the page cache
    phone.press()
    expect(phone.page.locator("[data-sim-sheet]")).to_be_visible()
    phone.page.evaluate(
        "document.querySelector('[data-sim-sheet]').remove();"
        "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    )
    expect(phone.page.locator("#go")).to_have_attribute("aria-disabled", "false")
    expect(phone.page.locator("#go")).to_have_text("付款")
    phone.page.reload()
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert len(simulator.books()) == 1
    phone.page.go_back()  # the form gave its place to the result: there is nothing to pay twice
    assert "/pay" not in phone.page.url


def test_scanned_again_after_the_page_was_killed(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    """The wallet took the money and killed the page; the payer scans again to be sure."""
    phone = screen()
    phone.scan()
    phone.tap("20")
    with phone.page.expect_response(lambda answer: answer.url.endswith("/pay")) as sent:
        phone.press()
    bridge = sent.value.json()["bridge"]
    expect(phone.page.locator("[data-sim-sheet]")).to_be_visible()
    phone.page.close()
    status, said = simulator.wallet(
        "wechat", bridge, "confirm", person="lin", page_url=f"{product.url}/q/{MAIN}/8K3FQ2"
    )
    assert status == 200, said
    product.wait_paid(simulator.books()[0]["out_trade_no"])
    phone.page = phone.context.new_page()
    phone.listen(phone.page)
    phone.scan()
    expect(phone.page.locator("h1")).to_have_text("付款成功")
    assert "20.00" in phone.words()


def test_a_wallet_that_refuses_the_order_is_quoted(
    product: Product, simulator: Simulator, screen: MakeScreen
) -> None:
    phone = screen()
    phone.scan()
    phone.tap("3")
    simulator.fault("wechat.jsapi", "error", code="ACCOUNT_ERROR")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("没有接受这笔付款：")
    expect(phone.page.locator("#hint")).to_contain_text("没有扣款")
    phone.look("pay-refused")
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_a_page_left_open_too_long_asks_to_scan_again(product: Product, screen: MakeScreen) -> None:
    phone = screen()
    phone.scan()
    person = product.one("SELECT id, provider_id FROM person ORDER BY id DESC LIMIT 1")
    code = product.one("SELECT id FROM pay_code WHERE code = '8K3FQ2'")
    intent = intents.Intent(person.provider_id, code.id, person.id, 0)
    old = intents.sign(product.deps.ring, intent, product.deps.now() - timedelta(hours=1))
    phone.page.evaluate("t => {document.getElementsByName('intent')[0].value = t}", old)
    phone.tap("3")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("这个付款页打开太久，已失效")
    phone.page.evaluate("document.getElementsByName('intent')[0].value = 'forged'")
    phone.press()
    expect(phone.page.locator("#hint")).to_contain_text("付款人与打开页面的人不一致")
