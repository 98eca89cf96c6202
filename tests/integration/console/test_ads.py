"""Ads after payment, from the form in the console to the payer's result page and back as counts."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from services import housekeeping
from services.seed import OTHER
from services.totals import china_day
from tests.harness.console import Console
from tests.harness.phone import MAIN, Phone
from tests.harness.pictures import picture
from tests.harness.product import Product
from tests.integration.console.ads_desk import LINK, AdsDesk

AD = re.compile(r'<(?:a|div) class="ad"(?: href="([^"]+)")?[^>]*><img src="([^"]+)" alt="([^"]+)"')
MakePhone = Callable[..., Phone]
PLAN = (
    "INSERT INTO gold_plan (provider_id, merchant_id, plan, created_at)"
    " SELECT provider_id, id, 'open', now() FROM merchant WHERE id = :m"
)


def ad_on(page: str) -> tuple[str, str, str] | None:
    """Where a press leads, the picture, and what it says."""
    found = AD.search(page)
    return None if found is None else (html.unescape(found[1] or ""), found[2], found[3])


def said_on(page: str) -> str | None:
    found = ad_on(page)
    return None if found is None else found[2]


def pay(phone: Phone, product: Product) -> str:
    """The path of a paid order's page."""
    made = phone.press(phone.form(path=f"/q/{MAIN}/8K3FQ2?new=1")).json()
    phone.confirm(made)
    newest = "SELECT out_trade_no FROM pay_order ORDER BY id DESC LIMIT 1"
    product.wait_paid(product.one(newest).out_trade_no)
    return str(made["result"])


def counts(product: Product) -> tuple[int, int]:
    row = product.one("SELECT COALESCE(sum(views),0) v, COALESCE(sum(clicks),0) c FROM ad_day")
    return int(row.v), int(row.c)


def test_from_upload_over_approval_to_a_counted_view_and_click(
    product: Product, phone: MakePhone
) -> None:
    clerk, admin = AdsDesk(Console(product, "demo-operator")), AdsDesk(Console(product))
    made = clerk.make("第二杯半价", go="live")  # he may not: it waits
    payer = phone()
    path = pay(payer, product)
    page = payer.get(path).text
    assert "付款成功" in page
    assert ad_on(page) is None
    assert clerk.act(made, "approve", number="1").status_code == 403
    assert "待审" in admin.desk.get(f"/ads/{made}").text
    assert admin.act(made, "approve", number="2").status_code == 409
    assert admin.act(made, "approve", number="1").status_code == 303
    found = ad_on(payer.get(path).text)
    assert found is not None
    press, image, said = found
    assert said == "第二杯半价"
    assert ">广告</span>" in payer.get(path).text
    assert ">Ad</span>" in payer.get(path, params={"lang": "en"}).text
    for _ in range(3):  # loaded again, counted once
        got = payer.get(image)
        assert (got.status_code, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert counts(product) == (1, 0)
    for _ in range(2):
        answer = payer.get(press, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, LINK)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert counts(product) == (1, 1)
    assert "100.00%" in admin.desk.get("/ads").text
    for_others = press.replace(MAIN, OTHER)
    for wrong in (press[:-1] + ("0" if press[-1] != "0" else "1"), for_others):
        assert payer.get(wrong, allow_redirects=False).status_code == 404
    led = payer.get(f"{press}?to=https://evil.example", allow_redirects=False)
    assert led.headers["Location"] == LINK
    by = product.one("SELECT uploaded_by, approved_by, approved_at FROM ad_version")
    assert by.uploaded_by != by.approved_by
    assert by.approved_at is not None
    actions = {row.action for row in product.sql("SELECT action FROM audit_entry")}
    assert {"ad_added", "ad_version_saved", "ad_approved"} <= actions
    kept = str(product.sql("SELECT * FROM ad_day") + product.sql("SELECT * FROM ad_view"))
    held = product.sql(
        "SELECT o.public_id, o.out_trade_no, p.subject_hash FROM pay_order o"
        " JOIN person p ON p.id = o.person_id ORDER BY o.id DESC LIMIT 1"
    )[0]
    assert not [one for one in held if one in kept]


def test_what_follows_a_payment_goes_by_precedence_place_day_and_cap(
    product: Product, phone: MakePhone
) -> None:
    desk, payer = AdsDesk(Console(product)), phone()
    order_path = pay(payer, product)
    at = product.one(
        "SELECT m.id, m.out_sub_mch_id AS merchant, s.out_shop_id AS store, c.code FROM pay_order o"
        " JOIN merchant m ON m.id = o.merchant_id JOIN store s ON s.id = o.store_id"
        " JOIN pay_code c ON c.id = o.pay_code_id ORDER BY o.id DESC LIMIT 1"
    )

    def shown() -> str | None:
        return said_on(payer.get(order_path).text)

    day = china_day(product.deps.now())
    desk.make("服务商的")
    desk.make("明天才开始", starts_on=f"{day.replace(year=day.year + 1)}")
    assert shown() == "服务商的"
    desk.make("商户的", scope="merchant", target=at.merchant)
    assert shown() == "商户的"
    of_store = desk.make("门店的", scope="store", target=at.store)
    assert shown() == "门店的"
    of_code = desk.make("码的", scope="code", target=f"{product.url}/q/{MAIN}/{at.code}?lang=en")
    assert shown() == "码的"
    desk.act(of_code, "stop")
    assert shown() == "门店的"
    desk.act(of_store, "stop")
    # a cap for one payer and day; the order's own page stays as it was
    desk.make("只看一次", scope="code", target=at.code, most_per_day="1", link="")
    found = ad_on(payer.get(order_path).text)
    assert found is not None
    assert found[::2] == ("", "只看一次")  # no link: not to be pressed
    payer.get(found[1])
    second = pay(payer, product)
    assert said_on(payer.get(second).text) is None  # the nearest place decides alone
    assert shown() == "只看一次"
    other = phone("wechat", "zhou")
    assert said_on(other.get(pay(other, product)).text) == "只看一次"
    in_alipay = phone("alipay")
    alipay = pay(in_alipay, product)
    # the page to go to, before any ad; signed with the merchant's key, no person in it
    refused = desk.desk.post("/ads/complete-page", {"url": "https://m.example.com/done?a=1"})
    assert refused.status_code == 403
    assert 'name="otp"' in refused.text
    form = {"url": "https://m.example.com/done?a=1", "version": "0", "merchant": ""}
    assert desk.desk.post("/ads/complete-page", form, confirmed=True).status_code == 303
    page = payer.get(order_path).text
    assert said_on(page) is None
    assert "付款成功" in page
    goes = re.search(r'<meta http-equiv="refresh" content="1;url=([^"]+)">', page)
    assert goes
    address = html.unescape(goes[1])
    number = product.sql("SELECT out_trade_no FROM pay_order ORDER BY id DESC LIMIT 4")[-1]
    assert address.startswith("https://m.example.com/done?a=1&out_mch_id=")
    assert f"&out_trade_no={number.out_trade_no}&pay_platform=1&" in address
    assert re.search(r"&state=paid&total_fee=1234&sign=[0-9A-F]{64}$", address)
    product.simulator.advance(11 * 60)  # later the page is left by a press alone
    page = payer.get(order_path).text
    assert 'http-equiv="refresh"' not in page
    assert f'href="{html.escape(address)}"' in page
    # the Gold Plan, before all of it, for WeChat's payments alone
    product.do(PLAN, m=at.id)
    page = payer.get(order_path).text
    assert "m.example.com" not in page
    assert ad_on(page) is None
    assert "m.example.com" in in_alipay.get(alipay).text
    assert "点金计划" in desk.desk.get(f"/ads/complete-page?merchant={at.merchant}").text
    assert "微信付款完成后显示官方页" in desk.desk.get(f"/ads/{of_code}").text


def test_a_change_waits_for_approval_two_operators_do_not_overwrite_and_pictures_stay_three_years(
    product: Product, phone: MakePhone
) -> None:
    clerk, admin = AdsDesk(Console(product, "demo-operator")), AdsDesk(Console(product))
    made = admin.make("第一版")
    payer = phone()
    path = pay(payer, product)
    seen = product.one("SELECT version FROM ad").version
    new = {"name": "第二版", "version": str(seen)}
    assert clerk.send(f"/ads/{made}", image=picture(colour="navy"), **new).status_code == 303
    assert said_on(payer.get(path).text) == "第一版"  # what was approved goes on
    late = admin.send(f"/ads/{made}", name="我的改动", weight="33", version=str(seen))
    assert late.status_code == 422
    assert "AD_CHANGED" in late.text
    assert 'value="我的改动"' in late.text
    assert 'value="33"' in late.text
    assert product.one("SELECT max(number) n FROM ad_version").n == 2
    assert admin.act(made, "refuse", number="2", why="字太小").status_code == 303
    assert "字太小" in clerk.desk.get(f"/ads/{made}").text
    assert said_on(payer.get(path).text) == "第一版"
    now = product.one("SELECT version FROM ad").version
    admin.send(f"/ads/{made}", name="第三版", version=str(now))
    assert said_on(payer.get(path).text) == "第三版"
    assert [row.picture_id for row in product.sql(
        "SELECT picture_id FROM ad_version ORDER BY number")]== [1, 2, 2]  # fmt: skip
    found = ad_on(payer.get(path).text)
    assert found is not None
    payer.get(found[1])

    def kept() -> list[bool]:
        housekeeping.remove_expired(product.deps)
        rows = product.sql("SELECT body IS NOT NULL AS has FROM ad_picture ORDER BY id")
        return [row.has for row in rows]

    assert kept() == [True, True]
    assert len(product.sql("SELECT 1 FROM ad_view")) == 1
    product.do("UPDATE ad_view SET seen_at = seen_at - interval '49 hours'")
    age = "UPDATE {} SET {} = {} - interval '{}'"
    for table, column in (("ad_picture", "created_at"), ("ad_version", "uploaded_at")):
        product.do(age.format(table, column, column, "3 years 2 days"))
    assert kept() == [False, True]  # the live one stays, the one that nobody saw goes
    assert product.sql("SELECT 1 FROM ad_view") == []
    admin.act(made, "stop")
    product.do("UPDATE ad SET live_version_id = NULL")
    product.do("UPDATE ad_day SET shown_on = shown_on - 1000")
    assert kept() == [False, True]  # seen within three years
    product.do("UPDATE ad_day SET shown_on = shown_on - 100")
    assert kept() == [False, False]
    assert "图片已到期删除" in admin.desk.get(f"/ads/{made}").text
