"""What stops a payer, and browsers that cannot pay, in a real browser.

`look` measures each page at 390 and 320 px and with doubled text: nothing outside the screen, room
for a finger, nothing for axe to complain about. The phone itself listens for the rest.
"""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from playwright.sync_api import expect

from services.scan import SHANGHAI
from tests.e2e.links import PATH, one_off
from tests.e2e.states import MakePhone, MakeScreen, write
from tests.harness.phone import MAIN
from tests.harness.product import Product

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
