"""Every state that a code or a page can be in has words and a code of its own (product 9)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import calls, orders

MakePhone = Callable[..., Phone]
Said = Callable[[str], list[str]]
OTHER = "sz02pQWE8MNBvCxz5k7T"
STATES: dict[str, tuple[str, str, str, str]] = {
    # name: wallet, path, statement before, code
    "foreign code": ("wechat", f"/q/{OTHER}/8K3FQ2", "", "PAY_CODE_PROVIDER_MISMATCH"),
    "foreign code back": ("alipay", f"/q/{MAIN}/5T1MZ9", "", "PAY_CODE_PROVIDER_MISMATCH"),
    "unknown code": ("wechat", f"/q/{MAIN}/NOBODY", "", "PAY_CODE_UNKNOWN"),
    "unknown provider": ("wechat", "/q/nobody/NOBODY", "", "PAY_CODE_UNKNOWN"),
    "blank code": ("wechat", f"/q/{MAIN}/9Z9BLK", "", "PAY_CODE_UNBOUND"),
    "store off": ("wechat", f"/q/{MAIN}/6P0HK3", "", "STORE_DISABLED"),
    "code off": (
        "wechat", f"/q/{MAIN}/8K3FQ2",
        "UPDATE pay_code SET is_active = false WHERE code = '8K3FQ2'", "STORE_DISABLED",
    ),
    "merchant off": (
        "alipay", f"/q/{MAIN}/8K3FQ2", "UPDATE merchant SET is_active = false", "MERCHANT_DISABLED",
    ),
    "provider off": (
        "wechat", f"/q/{MAIN}/8K3FQ2", "UPDATE provider SET is_active = false", "MERCHANT_DISABLED",
    ),
    "closed hours": (
        "wechat", f"/q/{MAIN}/4M8RT7",
        "UPDATE store SET closes_at = opens_at WHERE opens_at IS NOT NULL", "STORE_CLOSED",
    ),
    "no alipay": ("alipay", f"/q/{MAIN}/3C6VB1", "", "PLATFORM_NOT_ENABLED"),
    "no wechat": (
        "wechat", f"/q/{MAIN}/8K3FQ2",
        "UPDATE merchant SET wechat_sub_mchid = NULL", "PLATFORM_NOT_ENABLED",
    ),
    "alipay revoked": (
        "alipay", f"/q/{MAIN}/8K3FQ2",
        "UPDATE merchant SET alipay_state = 'revoked'", "ALIPAY_TOKEN_INVALID",
    ),
    "alipay expired": (
        "alipay", f"/q/{MAIN}/8K3FQ2",
        "UPDATE merchant SET alipay_state = 'expired'", "ALIPAY_TOKEN_INVALID",
    ),
    "account not authorised": (
        "wechat", f"/q/{MAIN}/8K3FQ2",
        "UPDATE provider SET oa_state = 'not_authorized'", "PROVIDER_OA_NOT_AUTHORIZED",
    ),
    "account not verified": (
        "wechat", f"/q/{MAIN}/8K3FQ2",
        "UPDATE provider SET oa_state = 'not_verified'", "PROVIDER_OA_NOT_VERIFIED",
    ),
    "scope denied": (
        "wechat", f"/q/{MAIN}/8K3FQ2",
        "UPDATE provider SET oa_state = 'scope_denied'", "OA_SCOPE_DENIED",
    ),
    "old shop link unknown": ("wechat", "/cpay/qrcode_shop?id=nobody", "", "PAY_CODE_UNKNOWN"),
    "old shop link empty": ("wechat", "/cpay/qrcode_shop", "", "PAY_CODE_UNKNOWN"),
    "old person link unknown": (
        "wechat", "/cpay/qrcode_person?id=9&out_shop_id=qinghe-hubin", "", "PAY_CODE_UNKNOWN",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wallet", "path", "before", "code"), STATES.values(), ids=STATES.keys())
def test_each_state_has_its_words_and_its_code_in_page_and_log(
    product: Product, simulator: Simulator, phone: MakePhone, said: Said,
    wallet: str, path: str, before: str, code: str,
) -> None:  # fmt: skip
    if before:
        product.do(before)
    visitor = phone(wallet)
    page = visitor.get(path)
    assert page.status_code in (404, 409)
    shown = words(page.text)
    mark = re.search(r"\b[0-9A-F]{8}\b", shown)
    assert mark, "the page shows a number that the log has too"
    assert code in said("error_code")
    assert mark[0] in said("mark")
    assert "没有扣款" in shown
    heard = visitor.get(path, headers={"Accept": "application/json"}).json()
    assert heard["error"]["code"] == code
    assert heard["error"]["title"] in shown
    assert simulator.get("/sim/trail") == [], "nothing was asked of a wallet"
    assert product.sql("SELECT 1 FROM oauth_state") == []


def test_a_foreign_code_names_both_providers(product: Product, phone: MakePhone) -> None:
    shown = words(phone().get(f"/q/{OTHER}/8K3FQ2").text)
    assert "不属于当前服务商" in shown


def test_a_press_after_the_store_closed_is_refused(product: Product, phone: MakePhone) -> None:
    payer = phone()
    form = payer.form()
    product.do("UPDATE store SET is_active = false")
    assert payer.press(form).json()["error"]["code"] == "STORE_DISABLED"
    assert orders(product) == []


@pytest.mark.parametrize(
    ("now", "is_open"), [("09:59", False), ("10:00", True), ("21:59", True), ("22:00", False)]
)
def test_opening_hours_are_china_s_and_end_on_the_minute(
    product: Product, simulator: Simulator, phone: MakePhone, now: str, is_open: bool
) -> None:
    product.do("UPDATE store SET opens_at = '10:00', closes_at = '22:00'")
    _set_clock(product, simulator, now)
    page = phone().scan()
    assert (page.status_code == 200) == is_open


def test_a_store_open_past_midnight_is_open_then(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    product.do("UPDATE store SET opens_at = '18:00', closes_at = '02:00'")
    for now, status in (("01:59", 200), ("02:00", 409), ("17:59", 409), ("18:00", 200)):
        _set_clock(product, simulator, now)
        assert phone().scan().status_code == status, now


def _set_clock(product: Product, simulator: Simulator, wanted: str) -> None:
    from zoneinfo import ZoneInfo

    at = product.deps.now().astimezone(ZoneInfo("Asia/Shanghai"))
    hour, minute = (int(part) for part in wanted.split(":"))
    target = at.replace(hour=hour, minute=minute, second=5, microsecond=0)
    simulator.advance((target - at).total_seconds())


@pytest.mark.parametrize(
    ("token", "state"), [("invalid", "revoked"), ("expired", "expired"), ("no_api", "revoked")]
)
def test_a_lost_grant_is_learned_at_the_first_press_and_alipay_is_not_asked_again(
    product: Product, simulator: Simulator, phone: MakePhone, said: Said, token: str, state: str
) -> None:
    simulator.switch("alipay.token.2088000000000109", token)
    payer = phone("alipay")
    answer = payer.press(payer.form())
    assert answer.json()["error"]["code"] == "ALIPAY_TOKEN_INVALID"
    row = product.one(
        "SELECT alipay_state FROM merchant WHERE alipay_pid = :p", p="2088000000000109"
    )
    assert row.alipay_state == state
    assert product.sql("SELECT 1 FROM audit_entry WHERE action = 'alipay_grant_lost'")
    before = simulator.get("/sim/trail")
    next_one = phone("alipay", "zhou").scan()
    assert "支付宝" in words(next_one.text)
    assert said("error_code")[-1] == "ALIPAY_TOKEN_INVALID"
    assert simulator.get("/sim/trail") == before, "no request to Alipay"
    assert phone("wechat").scan().status_code == 200, "WeChat goes on"
    assert phone("alipay").scan("2W7ND5").status_code == 200, "another merchant goes on"
    simulator.advance(400)
    product.sweep()
    assert orders(product)[0].status == "closed"


@pytest.mark.parametrize("sub_mchid", ["1900000133", "1900000141"])
def test_a_merchant_that_wechat_refuses_is_told_so_and_nothing_hangs(
    product: Product, simulator: Simulator, phone: MakePhone, sub_mchid: str
) -> None:
    product.do("UPDATE merchant SET wechat_sub_mchid = :m WHERE id = 1", m=sub_mchid)
    product.do(
        "UPDATE merchant SET wechat_sub_mchid = :m WHERE out_sub_mch_id = 'sub01QINGHE8H2K4M6P9'",
        m=sub_mchid,
    )
    payer = phone()
    form = payer.form()
    answer = payer.press(form)
    assert answer.status_code in (409, 422), answer.text
    assert answer.json()["error"]["code"] in ("PLATFORM_NOT_ENABLED", "WALLET_REJECTED")
    again = payer.press(form)
    assert again.json()["error"]["code"] == answer.json()["error"]["code"]
    simulator.advance(301)
    product.sweep()
    assert [order.close_reason for order in orders(product)] == ["rejected"]


@pytest.mark.parametrize(("code", "status"), [("10005", 200), ("10003", 200)])
def test_wechat_s_own_oauth_error_page_does_not_come_back_to_us(
    product: Product, simulator: Simulator, phone: MakePhone, code: str, status: int
) -> None:
    """Nothing arrives here; the departure without a return stays as the trace of it."""
    simulator.switch("wechat.oa_page_error", code)
    page = phone().scan()
    assert page.status_code == status
    assert code in page.text
    left = product.one("SELECT used_at FROM oauth_state")
    assert left.used_at is None


def test_other_browsers_are_asked_to_scan_with_a_wallet(product: Product, phone: MakePhone) -> None:
    page = phone("browser").scan()
    assert page.status_code == 200
    assert "微信" in words(page.text)
    assert "支付宝" in words(page.text)
    assert 'name="intent"' not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/cpay/qrcode_shop?id=qinghe-hubin&rid=5",
        "/cpay/qrcode_shop?id=qinghe-hubin",
        "/cpay/qrcode_person?id=1&out_shop_id=qinghe-hubin&rid=11",
    ],
)
def test_codes_printed_long_ago_still_pay(product: Product, phone: MakePhone, path: str) -> None:
    payer = phone()
    made = payer.press(payer.form(path=path)).json()
    payer.confirm(made)
    product.wait_paid(orders(product)[0].out_trade_no)


def test_the_files_that_wallets_look_for_are_served_and_no_others(product: Product) -> None:
    folder = product.deps.settings.data_dir / "verify"
    folder.mkdir(exist_ok=True)
    (folder / "MP_verify_abc123.txt").write_text("abc123")
    (folder.parent / "secret-file.txt").write_text("secret")
    good = requests.get(product.url + "/MP_verify_abc123.txt", timeout=10)
    assert (good.status_code, good.text) == (200, "abc123")
    assert good.headers["Content-Type"].startswith("text/plain")
    for path in (
        "/MP_verify_zzz.txt", "/secret-file.txt", "/..%2fsecret-file.txt", "/keyring.json",
        "/%2e%2e/keyring.json", "/verify", "/a.txt", "/MP_verify_abc123.txt%00",
    ):  # fmt: skip
        assert requests.get(product.url + path, timeout=10).status_code == 404, path


def test_healthz_and_readyz_say_what_is_fine_and_what_is_not(
    product: Product, simulator: Simulator
) -> None:
    from services.housekeeping import beat

    assert requests.get(product.url + "/healthz", timeout=10).json() == {"status": "ok"}
    cold = requests.get(product.url + "/readyz", timeout=10)
    assert cold.status_code == 503
    assert cold.json()["checks"]["database"] == "ok"
    assert "no heartbeat" in cold.json()["checks"]["worker"]
    beat(product.deps, "worker:test:1")
    warm = requests.get(product.url + "/readyz", timeout=10)
    assert (warm.status_code, warm.json()["status"]) == (200, "ready")
    assert warm.json()["warnings"] == []
    simulator.advance(16)
    assert requests.get(product.url + "/readyz", timeout=10).status_code == 503


def staff(product: Product, merchant: str) -> requests.Session:
    """A merchant's owner, signed in."""
    row = product.one(
        "SELECT s.public_id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m",
        m=merchant,
    )
    session = requests.Session()
    session.trust_env = False
    page = session.get(f"{product.url}/m/demo-login/{row.public_id}", timeout=10)
    assert page.status_code == 200
    return session


def test_a_merchant_sees_his_orders_and_no_other_merchant_s(
    product: Product, phone: MakePhone
) -> None:
    payer = phone()
    payer.pay(amount="77.31")
    order = orders(product)[0]
    product.wait_paid(order.out_trade_no)
    own, other = staff(product, "sub01QINGHE8H2K4M6P9"), staff(product, "sub02NANCHUANG5T7W2Y")
    assert "77.31" in own.get(product.url + "/m/orders", timeout=10).text
    detail = own.get(f"{product.url}/m/orders/{order.out_trade_no}", timeout=10)
    assert (detail.status_code, "77.31" in detail.text) == (200, True)
    assert "77.31" not in other.get(product.url + "/m/orders", timeout=10).text
    assert (
        "77.31" not in other.get(f"{product.url}/m/orders?store={order.store_id}", timeout=10).text
    )
    foreign = other.get(f"{product.url}/m/orders/{order.out_trade_no}", timeout=10)
    assert foreign.status_code == 404
    assert "77.31" not in foreign.text
    assert order.out_trade_no not in foreign.text


def test_the_order_list_pages_by_key_without_gaps_or_repeats(product: Product) -> None:
    session = staff(product, "sub01QINGHE8H2K4M6P9")
    seen: list[str] = []
    path = "/m/orders"
    while True:
        page = session.get(product.url + path, timeout=10).text
        seen += re.findall(r"/m/orders/(sz0100qhcs[0-9]+)", page)
        older = re.search(r'href="(\?before=[0-9]+)"', page)
        if older is None:
            break
        path = "/m/orders" + older[1]
    expected = product.sql(
        "SELECT out_trade_no FROM pay_order WHERE merchant_id = (SELECT id FROM merchant"
        " WHERE out_sub_mch_id = 'sub01QINGHE8H2K4M6P9') ORDER BY id DESC"
    )
    assert seen == [row.out_trade_no for row in expected]


@pytest.mark.parametrize(
    "query", ["?before=abc", "?before=-1", "?store=' OR 1=1", "?before=" + "9" * 30]
)
def test_a_broken_page_link_shows_the_first_page(product: Product, query: str) -> None:
    session = staff(product, "sub01QINGHE8H2K4M6P9")
    assert session.get(product.url + "/m/orders" + query, timeout=10).status_code == 200


def test_nobody_sees_the_merchant_pages_without_signing_in(product: Product) -> None:
    for path in ("/m/", "/m/orders", "/m/orders/x"):
        answer = requests.get(product.url + path, timeout=10, cookies={"yima_staff": "x"})
        assert answer.status_code == 401


def test_a_dismissed_person_is_out_at_once(product: Product) -> None:
    session = staff(product, "sub01QINGHE8H2K4M6P9")
    product.do("UPDATE staff SET is_active = false")
    out = session.get(product.url + "/m/orders", timeout=10)
    assert out.status_code == 403
    assert "/m/orders/" not in out.text, "no order is named any more"


def test_a_press_calls_the_wallet_once(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    phone().start()
    assert calls(simulator, "wechat.jsapi") == 1
