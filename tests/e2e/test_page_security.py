"""What pages may load, who may frame them, and that nothing a person wrote runs in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from app import create_app
from config.settings import Settings
from services.deps import build_deps
from tests.e2e.conftest import Screen
from tests.harness.database import Server
from tests.harness.phone import AGENTS, MAIN
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
EVIL = "<img src=x onerror=x()>"
ISLAND = "</script><script>x()//"
REMARK = "</script><svg onload=x()>\"'&lt;"
OWNER = "SELECT public_id FROM staff WHERE name LIKE '青禾茶事%' ORDER BY id LIMIT 1"


def test_nothing_that_a_person_wrote_runs(product: Product, screen: MakeScreen) -> None:
    product.do("UPDATE store SET name = :n, branch_name = :b", n=EVIL, b=ISLAND)
    product.do("UPDATE pay_code SET name = :n", n=ISLAND)
    phone = screen()
    phone.page.add_init_script("window.ran = 0; window.x = () => { window.ran++ }")
    phone.scan()
    expect(phone.page.locator("h1")).to_have_text(f"{EVIL} · {ISLAND}")
    expect(phone.page).to_have_title(f"付款 · {EVIL} · {ISLAND}")
    phone.look("xss-form")
    phone.tap("5")
    phone.page.locator("#add").tap()
    phone.page.fill("#remark", REMARK)
    phone.page.press("#remark", "Enter")
    phone.press()
    phone.sheet("cancel")
    phone.page.reload()  # the remark comes back in the form
    expect(phone.page.locator("#remark")).to_have_value(REMARK)
    phone.press()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert EVIL in phone.words()
    assert phone.page.evaluate("window.ran") == 0
    owner = screen("desktop")
    owner.page.add_init_script("window.ran = 0; window.x = () => { window.ran++ }")
    owner.open(f"/m/demo-login/{product.one(OWNER).public_id}")
    owner.page.locator("a.li").first.tap()
    expect(owner.page.locator("main")).to_contain_text(REMARK)
    owner.look("xss-order")
    assert owner.page.evaluate("window.ran") == 0
    fixed = screen("desktop")
    fixed.page.add_init_script("window.ran = 0; window.x = () => { window.ran++ }")
    fixed.scan()
    fixed.look("xss-unsupported")
    assert fixed.page.evaluate("window.ran") == 0
    fixed.open("/")
    assert fixed.page.evaluate("window.ran") == 0


def test_what_the_address_says_is_not_written_into_the_page(
    product: Product, screen: MakeScreen
) -> None:
    phone = screen()
    phone.page.add_init_script("window.ran = 0; window.x = () => { window.ran++ }")
    for path in (f"/q/{MAIN}/{EVIL}", f"/q/{MAIN}/o/{ISLAND.replace('/', '%2F')}", f"/{EVIL}",
                 f"/cpay/qrcode_shop?id={EVIL}", f"/q/{MAIN}/6P0HK3?lang={EVIL}"):  # fmt: skip
        assert phone.open(path) in (404, 409)
        assert phone.page.evaluate("window.ran") == 0
        assert phone.page.locator("img,svg[onload]").count() == 0


def test_a_script_that_got_in_would_not_run(product: Product, screen: MakeScreen) -> None:
    """The policy stands behind the escaping: no inline script, no other file, no handler."""
    phone = screen()
    phone.pardoned.append("Content Security Policy")
    phone.scan()
    phone.page.evaluate(
        "window.ran = 0; const add = (tag, set) => { const e = document.createElement(tag);"
        " Object.assign(e, set); document.body.append(e) };"
        "add('script', {textContent: 'window.ran++'}); add('div', {innerHTML:"
        ' \'<img src="data:," onerror="window.ran++">\'});'
        "add('script', {src: location.origin + '/static/js/pay/pay.js'})"
    )
    expect(phone.page.locator("img")).to_have_count(1)
    assert phone.page.evaluate("window.ran") == 0
    assert len([c for c in phone.complaints if "Content Security Policy" in c]) >= 2


@pytest.fixture
def real(
    product: Product, database: str, server: Server, settings_for: Callable[..., Settings]
) -> Iterator[FlaskClient]:
    """The product as it stands before real people: no simulator."""
    settings = settings_for(
        server.addresses(database).app, simulator_url="", public_url="https://pay.example.com"
    )
    deps = build_deps(settings)
    yield create_app(settings, deps).test_client()
    deps.db.dispose()


def _policy(said: str) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in said.split(";"))
    return {name: value for name, _, value in parts}


def test_without_simulation_nobody_frames_a_page_and_nothing_of_the_simulator_is_there(
    real: FlaskClient,
) -> None:
    pages = {
        f"/q/{MAIN}/8K3FQ2": AGENTS["browser"],
        f"/q/{MAIN}/6P0HK3": AGENTS["wechat"],
        f"/q/{MAIN}/ZZZZZZ": AGENTS["alipay"],
        f"/q/{MAIN}/o/nobody": AGENTS["wechat"],
        "/": AGENTS["browser"],
        "/m/orders": AGENTS["browser"],
        "/nothing": AGENTS["browser"],
    }
    for path, agent in pages.items():
        answer = real.get(path, headers={"User-Agent": agent, "Accept": "text/html"})
        policy = _policy(answer.headers["Content-Security-Policy"])
        assert policy["frame-ancestors"] == "'none'", path
        assert policy["default-src"] == "'none'", path
        assert policy["base-uri"] == "'none'", path
        assert "unsafe" not in str(policy), path
        assert "http" not in str(policy), path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "no-referrer", path
        assert "模拟" not in answer.text, path
        assert "/sim/" not in answer.text, path


def test_without_simulation_its_doors_do_not_exist(real: FlaskClient, product: Product) -> None:
    wechat = {"User-Agent": AGENTS["wechat"]}
    login = f"/m/demo-login/{product.one(OWNER).public_id}"
    for path in (login, "/sim-codes.json", f"/q/{MAIN}/8K3FQ2?sim_wallet=wechat"):
        assert real.get(path, headers=wechat).status_code == 404, path
    away = real.get(f"/q/{MAIN}/8K3FQ2", headers=wechat)
    assert away.status_code == 302
    assert away.headers["Location"].startswith("https://open.weixin.qq.com/")
    cookie = away.headers["Set-Cookie"]
    for part in ("__Host-yima_payer=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie


def test_in_simulation_only_the_simulators_phone_frames_a_page(
    product: Product, screen: MakeScreen
) -> None:
    phone = screen()
    answer = phone.page.request.get(product.url + f"/q/{MAIN}/6P0HK3")
    assert (
        _policy(answer.headers["content-security-policy"])["frame-ancestors"]
        == product.simulator.url
    )
    phone.pardoned.append("frame")
    phone.open("/healthz")
    framed = f"{product.url}/q/{MAIN}/6P0HK3"
    with phone.page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        phone.page.evaluate(
            "src => document.body.append(Object.assign(document.createElement('iframe'), {src}))",
            framed,
        )
    assert not any("旧店" in frame.content() for frame in phone.page.frames)
