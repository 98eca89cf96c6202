"""Who pays is what the wallet told us on this phone, just now (failures 21)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
import requests

from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
Said = Callable[[str], list[str]]
CODE = f"/q/{MAIN}/8K3FQ2"
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])


def leave(payer: Phone) -> str:
    """Scan, and stop at the wallet's OAuth page: its address."""
    answer = payer.get(CODE, allow_redirects=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def allow(payer: Phone, page: str) -> str:
    """Let the wallet's page do its work: the address it sends the phone back to."""
    answer = payer.http.get(page, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def back(payer: Phone, address: str) -> requests.Response:
    return payer.http.get(address, allow_redirects=False, timeout=10)


def change(address: str, **fields: str | None) -> str:
    from urllib.parse import urlencode

    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    for name, value in fields.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return parts._replace(query=urlencode(query)).geturl()


def nobody_came_in(product: Product) -> bool:
    return product.sql("SELECT 1 FROM person") == []


@WALLETS
def test_the_honest_round_trip_ends_at_the_form(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    answer = back(payer, allow(payer, leave(payer)))
    assert (answer.status_code, answer.headers["Location"]) == (302, CODE)
    assert payer.scan().status_code == 200


@WALLETS
@pytest.mark.parametrize("state", [None, "", "0" * 32, "x", "\x00", "é" * 40, "a" * 4000])
def test_a_return_without_our_state_is_refused(
    product: Product, phone: MakePhone, wallet: str, state: str | None
) -> None:
    payer = phone(wallet)
    address = allow(payer, leave(payer))
    answer = back(payer, change(address, state=state))
    assert answer.status_code == 400
    assert nobody_came_in(product)


@WALLETS
def test_a_state_of_another_phone_is_refused(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    """The attacker sends his own return address to a victim: it does not sign the victim in."""
    attacker, victim = phone(wallet, "chen"), phone(wallet, "lin")
    address = allow(attacker, leave(attacker))
    leave(victim)
    assert back(victim, address).status_code == 400
    fresh = phone(wallet, "zhou")
    assert back(fresh, address).status_code == 400, "a phone without any session"
    assert nobody_came_in(product)


@WALLETS
def test_a_return_works_once_even_with_the_cookie_of_the_first_time(
    product: Product, phone: MakePhone, said: Said, wallet: str
) -> None:
    payer = phone(wallet)
    address = allow(payer, leave(payer))
    before = payer.http.cookies.copy()
    assert back(payer, address).status_code == 302
    assert back(payer, address).status_code == 400
    payer.http.cookies = before
    assert back(payer, address).status_code == 400
    assert said("error_code") == ["OAUTH_STATE", "OAUTH_STATE"]


@WALLETS
def test_a_code_works_once_even_with_a_fresh_state(
    product: Product, phone: MakePhone, said: Said, wallet: str
) -> None:
    name = "code" if wallet == "wechat" else "auth_code"
    payer, other = phone(wallet, "lin"), phone(wallet, "zhou")
    address = allow(payer, leave(payer))
    assert back(payer, address).status_code == 302
    used = parse_qs(urlsplit(address).query)[name][0]
    fresh = allow(other, leave(other))
    assert back(other, change(fresh, **{name: used})).status_code == 400
    assert said("error_code")[-1] == "OAUTH_FAILED"
    assert product.one("SELECT count(*) AS n FROM person").n == 1


@WALLETS
@pytest.mark.parametrize("code", [None, "", "x", "' OR 1=1", "a" * 4000])
def test_a_code_that_is_none_is_refused_with_words(
    product: Product, phone: MakePhone, said: Said, wallet: str, code: str | None
) -> None:
    name = "code" if wallet == "wechat" else "auth_code"
    payer = phone(wallet)
    answer = back(payer, change(allow(payer, leave(payer)), **{name: code}))
    assert answer.status_code == 400
    assert said("error_code")[-1] == "OAUTH_FAILED"
    assert nobody_came_in(product)
    assert payer.scan().status_code == 200, "the next scan begins anew"


def test_a_state_for_one_wallet_does_not_serve_the_other(
    product: Product, phone: MakePhone
) -> None:
    payer = phone("wechat")
    address = allow(payer, leave(payer)).replace("/back/wechat", "/back/alipay")
    assert back(payer, change(address, auth_code="x")).status_code == 400
    assert nobody_came_in(product)


def test_a_state_for_one_provider_does_not_serve_another(
    product: Product, phone: MakePhone
) -> None:
    payer = phone("wechat")
    address = allow(payer, leave(payer)).replace(MAIN, "sz02pQWE8MNBvCxz5k7T")
    assert back(payer, address).status_code == 400
    assert nobody_came_in(product)


def test_a_state_lives_ten_minutes(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone("wechat")
    address = leave(payer)
    simulator.advance(601)
    assert back(payer, allow(payer, address)).status_code == 400


def test_an_openid_in_the_request_counts_for_nothing(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone("wechat", "lin")
    form = payer.form(path=f"{CODE}?openid=oStranger&sp_openid=oStranger")
    form.action += "?openid=oStranger"
    made = payer.press(form, openid="oStranger", payer="oStranger", person_id="1").json()
    payer.confirm(made)  # the sheet opens for lin only
    product.wait_paid(orders(product)[0].out_trade_no)
    assert b"oStranger" not in payer.result(made).content


HOSTILE = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=https",
    "X-Original-URL": "/m/orders",
    "X-Rewrite-URL": "/m/orders",
    "X-HTTP-Method-Override": "POST",
}


@WALLETS
def test_a_stranger_s_host_header_reaches_no_link_redirect_or_notify_url(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    payer.form()  # signed in
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in payer.http.cookies)
    hostile = {**payer.http.headers, **HOSTILE, "Cookie": cookies}

    def get(path: str, **more: str) -> requests.Response:
        answer = requests.get(
            product.url + path, headers={**hostile, **more}, allow_redirects=False, timeout=10
        )
        assert "evil" not in answer.text + str(answer.headers), path
        return answer

    left = get(CODE, Cookie="")
    assert left.status_code == 302
    assert product.url.replace(":", "%3A").replace("/", "%2F") in left.headers["Location"]
    form = payer.read_form(get(CODE))
    made = requests.post(
        product.url + form.action,
        data={"intent": form.intent, "amount": "1.00"},
        headers={**hostile, "Accept": "application/json"},
        timeout=10,
    )
    assert made.status_code == 200
    assert "evil" not in made.text + str(made.headers)
    kept = product.one("SELECT request FROM pay_attempt").request
    assert kept["notify_url"].startswith(product.url + "/notify/")
    assert "evil" not in str(kept)
    for path in (
        made.json()["result"], "/", "/nothing", "/m/orders", "/sim-codes.json",
        "/cpay/qrcode_shop?id=qinghe-hubin",
    ):  # fmt: skip
        get(path)


def test_forwarded_headers_count_only_when_a_setting_says_so(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    others = product.app.before_request_funcs.get(None, [])
    monkeypatch.setitem(
        product.app.before_request_funcs,
        None,
        [*others, lambda: seen.append(flask.request.remote_addr)],
    )
    requests.get(product.url + "/healthz", headers={"X-Forwarded-For": "6.6.6.6"}, timeout=10)
    assert seen == ["127.0.0.1"]


@pytest.mark.parametrize("https", [False, True])
def test_the_cookie_is_a_bare_id_that_scripts_and_other_sites_do_not_get(
    product: Product, phone: MakePhone, settings_for: Callable[..., object], https: bool
) -> None:
    from app import create_app
    from services.deps import build_deps

    if https:
        base = product.deps.settings
        settings = base.model_copy(
            update={"public_url": "https://pay.example", "allow_public_demo": True}
        )
        settings.__dict__.pop("base_url", None)
        deps = build_deps(settings)
        client = create_app(settings, deps).test_client()
    else:
        client = product.app.test_client()
    answer = client.get(
        CODE, headers={"User-Agent": str(phone("wechat").http.headers["User-Agent"])}
    )
    cookie = answer.headers["Set-Cookie"]
    parts = [part.strip() for part in cookie.split(";")]
    name, _, value = parts[0].partition("=")
    assert name == ("__Host-yima_payer" if https else "yima_payer")
    assert len(value) == 32
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert ("Secure" in parts) == https
    assert not any(part.startswith("Domain") for part in parts)
    if https:
        deps.db.dispose()


@WALLETS
def test_a_session_id_planted_by_an_attacker_is_worth_nothing_after_sign_in(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    victim, attacker = phone(wallet, "lin"), phone(wallet, "lin")
    victim.get(CODE, allow_redirects=False)
    (name,) = (c.name for c in victim.http.cookies if c.name.startswith("yima_payer"))
    for holder in (victim, attacker):
        holder.http.cookies.set(name, "planted", domain="127.0.0.1", path="/")
    form = victim.form()
    now = {cookie.value for cookie in victim.http.cookies if cookie.name == name}
    assert "planted" not in now
    assert attacker.get(CODE, allow_redirects=False).status_code == 302, "sent to OAuth"
    assert attacker.press(form).json()["error"]["code"] == "PAYER_CHANGED"


def test_one_browser_may_visit_two_wallets_and_two_providers(
    product: Product, phone: MakePhone
) -> None:
    """The simulator's phone has one cookie jar for both wallets; WeChat's knows many providers."""
    payer = phone("wechat")
    assert payer.form().intent
    payer.wallet = "alipay"
    payer.http.headers["User-Agent"] = phone("alipay").http.headers["User-Agent"]
    assert payer.form().intent
    payer.http.headers["User-Agent"] = phone("wechat").http.headers["User-Agent"]
    assert payer.form().intent
    assert payer.form("5T1MZ9", "sz02pQWE8MNBvCxz5k7T").intent
    assert payer.form().intent


def test_no_openid_and_no_session_stands_in_a_page_an_address_or_the_log(
    product: Product, simulator: Simulator, phone: MakePhone, caplog: pytest.LogCaptureFixture,
    said: Said,
) -> None:  # fmt: skip
    payer = phone()
    page = payer.scan()
    made = payer.press(payer.read_form(page)).json()
    payer.confirm(made)
    product.wait_paid(orders(product)[0].out_trade_no)
    shown = page.text + payer.result(made).text + str(made) + page.url
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert logged
    assert "oSim" not in shown + logged
    for cookie in payer.http.cookies:
        if cookie.name.startswith("yima_payer"):
            assert cookie.value is not None
            assert cookie.value not in shown + logged
