"""Every page of the console, by every role and a foreign provider: from the table itself.

failures.md 37 and 38: every route x every foreign id, every route x every role; and 44: what wants
a fresh code of the second factor is not done without one.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from app import create_app
from blueprints.console.routes import ROUTES, Open, Route
from models.console import ConsoleRole
from services.console import totp
from services.console.accounts import add_member, add_user
from services.console.rights import RIGHTS, Right
from services.seed import OTHER
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.console.ids import SUPPLIERS, address, key_of, names_of

BY_ROLE = {"demo": ConsoleRole.ADMIN, "demo-operator": ConsoleRole.OPERATOR,
           "demo-viewer": ConsoleRole.VIEWER}  # fmt: skip
NAMES = ("青禾茶事", "南窗面馆", "湖滨", "沈澄", "陆一行", "方远", "林小满", "周予安")
# Tables in which a visit leaves a trace, whatever it was for; of two, what it must not change.
TRACES = {
    "console_session", "console_user", "audit_entry", "audit_tail", "console_try", "lease",
    "heartbeat", "upstream_quota", "nonce_seen",
}  # fmt: skip
STEADY = (
    "SELECT id, username, name, password_hash, totp_sealed, is_active FROM console_user",
    "SELECT id_hash, revoked_at FROM console_session WHERE user_id <="
    " (SELECT max(id) FROM console_user WHERE username LIKE 'demo%')",
)
# Forms that only look something up.
HARMLESS: set[str] = {"code_find"}
# Forms beside keys and rights that change neither.
PLAIN = {
    "basics_save", "callback_test", "keypair_send", "logo_set", "official_verified",
    "signature_look",
}  # fmt: skip
# Where money and callbacks go, and who may what.
GUARDED = {
    "/settings/wechat", "/settings/alipay", "/settings/callback", "/settings/callback/key",
    "/merchants/<out_id>/wechat", "/merchants/<out_id>/keys", "/people/new",
    "/people/<int:number>/role", "/people/<int:number>/switch", "/people/<int:number>/link",
}  # fmt: skip
# Enough for a form to be looked at: what is missing in it is told before whose row it is.
FILLED = {"sure": "1", "reason": "x", "name": "x", "role": "viewer"}


def allowed(role: ConsoleRole, route: Route) -> bool:
    return isinstance(route.needs, Open) or route.needs in RIGHTS[role]


def make_ids(product: Product) -> dict[str, str]:
    """One row of the demo's provider for every parameter that the table names."""
    desk = Console(product)
    wanted = {key_of(route, name) for route in ROUTES for name in names_of(route)}
    missing = wanted - set(SUPPLIERS)
    assert not missing, f"say in an ids_….py what {sorted(missing)} may be"
    return {name: SUPPLIERS[name](desk) for name in sorted(wanted)}


def confirm(product: Product, username: str) -> None:
    """As if a fresh code had just been given in every session of the account."""
    product.do(
        "UPDATE console_session SET confirmed_at = :now WHERE user_id ="
        " (SELECT id FROM console_user WHERE username = :u)",
        now=product.deps.now(), u=username,
    )  # fmt: skip


def send(desk: Console, route: Route, path: str, **form: str) -> requests.Response:
    url = f"{desk.product.url}/console{path}"
    if route.method == "GET":
        return desk.http.get(url, timeout=60, allow_redirects=False)
    return desk.http.post(url, data=form, timeout=60, allow_redirects=False)


def where(route: Route, answer: requests.Response) -> str:
    return f"{route.method} {route.rule}: {answer.status_code} {answer.text[-160:]!r}"


def asks_for_code(answer: requests.Response) -> bool:
    to = answer.headers.get("Location", "")
    return to.startswith("/console/confirm") or (
        answer.status_code in (401, 403) and 'name="otp"' in answer.text
    )


def test_the_table_names_every_page_and_every_page_is_in_the_table(product: Product) -> None:
    made = {
        (method, rule.rule, rule.endpoint)
        for rule in product.app.url_map.iter_rules()
        if rule.rule.startswith("/console")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert made == {
        (one.method, f"/console{one.rule}", f"console.{one.endpoint}") for one in ROUTES
    }
    assert len({one.endpoint for one in ROUTES}) == len(ROUTES)
    assert all(isinstance(one.needs, Right | Open) for one in ROUTES)
    app = create_app(product.deps.settings, product.deps)
    app.add_url_rule("/console/sneaky", endpoint="console.sneaky", view_func=lambda: "in")
    client = app.test_client()
    assert client.get("/console/sneaky").status_code == 303
    cookie = Console(product).http.cookies.get("yima_console")
    assert cookie
    client.set_cookie("yima_console", cookie)
    assert client.get("/console/").status_code == 200
    refused = client.get("/console/sneaky")
    assert (refused.status_code, refused.data == b"in") == (403, False)


@pytest.mark.parametrize("username", BY_ROLE)
def test_each_role_gets_the_pages_of_the_table_and_no_other(
    product: Product, username: str
) -> None:
    ids, role, denied, wrong = make_ids(product), BY_ROLE[username], 0, []
    desk = Console(product, username)
    token = desk.token()
    for route in ROUTES:
        if route.needs is Open.ANYONE:
            continue
        confirm(product, username)
        may = allowed(role, route)
        # A form without the token is as far as one may come here without changing anything.
        answer = send(desk, route, address(route, ids), **({} if may else {"token": token}))
        to = answer.headers.get("Location", "")
        if not may:
            denied += route.method == "POST"
            named = [name for name in NAMES if name in answer.text and name not in own(username)]
            is_right = answer.status_code == 403 and not asks_for_code(answer) and not named
        elif route.method == "POST":
            is_right = answer.status_code == 400
        else:
            is_right = answer.status_code in {200, 302, 303, 404, 409} and "/sign-in" not in to
        if not is_right:
            wrong.append(where(route, answer))
    assert wrong == []
    said = product.sql("SELECT 1 FROM audit_entry WHERE action = 'page_denied'")
    assert len(said) == denied
    assert desk.get("/").status_code == 200


def own(username: str) -> tuple[str, ...]:
    return {"demo": ("沈澄",), "demo-operator": ("陆一行",), "demo-viewer": ("方远",)}[username]


def state(product: Product) -> list[Any]:
    tables = [
        row.name
        for row in product.sql(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        if row.name not in TRACES and not row.name.startswith("procrastinate_")
    ]
    parts = [
        f"SELECT '{n}' AS n, md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) AS h"
        f" FROM ({query}) x"
        for n, query in enumerate([*(f"TABLE {name}" for name in tables), *STEADY])
    ]
    return sorted(tuple(row) for row in product.sql(" UNION ALL ".join(parts)))


def stranger(product: Product) -> Console:
    """The admin of another provider, signed in."""
    desk = Console(product, signed_in=False)
    secret, now = totp.make_secret(), product.deps.now()
    provider = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=OTHER).id

    def unit(session: Any) -> None:
        user = add_user(
            session, product.deps, username="stranger", name="外人", password="another desk far",
            totp_secret=secret, now=now,
        )  # fmt: skip
        add_member(session, provider, user.id, ConsoleRole.ADMIN, now)

    product.deps.transact(unit)
    form = {"username": "stranger", "password": "another desk far"}
    form["otp"] = totp.code_of(secret, totp.step_of(now))
    desk.http.post(f"{product.url}/console/sign-in", data=form, timeout=30)
    desk.username = "stranger"
    return desk


def test_another_provider_s_admin_gets_nothing_by_our_ids(product: Product) -> None:
    """404 and not one byte of what is ours, confirmed as he is, and nothing is changed."""
    ids = make_ids(product)
    desk = stranger(product)
    token, before, wrong = desk.token(), state(product), []
    for route in ROUTES:
        if not names_of(route) or route.needs is Open.ANYONE:
            continue
        confirm(product, "stranger")
        answer = send(desk, route, address(route, ids), token=token, **FILLED)
        is_right = answer.status_code in {403, 404} and not asks_for_code(answer)
        if not is_right or any(name in answer.text for name in NAMES):
            wrong.append(where(route, answer))
    assert wrong == []
    assert state(product) == before


def test_nobody_without_a_session_gets_any_page(product: Product) -> None:
    ids = make_ids(product)
    desk = Console(product, signed_in=False)
    before = state(product)
    for route in ROUTES:
        if route.needs is Open.ANYONE:
            continue
        answer = send(desk, route, address(route, ids))
        assert answer.status_code == 303, where(route, answer)
        assert answer.headers["Location"].startswith("/console/sign-in"), where(route, answer)
    assert state(product) == before


def test_what_wants_a_fresh_code_is_not_done_without_with_an_old_or_a_used_one(
    product: Product,
) -> None:
    """failures 44: a session alone changes no key, address or right."""
    ids = make_ids(product)
    desk = Console(product)
    used = desk.code()
    assert desk.post("/confirm", {"otp": used}).status_code == 303
    secret, now = desk.login()["totp_secret"], totp.step_of(product.deps.now())
    old = totp.code_of(secret, now - 10)
    token, before = desk.token(), state(product)
    confirming = [route for route in ROUTES if route.confirms]
    assert len(confirming) >= 5
    for route in confirming:
        path = address(route, ids)
        product.do("UPDATE console_session SET confirmed_at = NULL")
        product.do("UPDATE console_user SET failed_count = 0, locked_until = NULL")
        for code in ("",) if route.method == "GET" else ("", old, used, "000000"):
            answer = send(desk, route, path, token=token, otp=code, **FILLED)
            assert asks_for_code(answer), f"{code}: {where(route, answer)}"
        late = product.deps.now().timestamp() - 301
        product.do("UPDATE console_session SET confirmed_at = to_timestamp(:t)", t=late)
        answer = send(desk, route, path, token=token, **FILLED)
        assert asks_for_code(answer), f"too long ago: {where(route, answer)}"
    assert state(product) == before


def test_the_table_says_what_each_role_is_for() -> None:
    """Once more in words of its own: a role that gains a right fails here."""
    viewers = {one.endpoint for one in ROUTES if one.needs in RIGHTS[ConsoleRole.VIEWER]}
    assert {one.endpoint for one in ROUTES if one.method == "POST"} & viewers <= HARMLESS
    only_admins = {Right.KEYS, Right.PEOPLE, Right.AUDIT, Right.APPROVE}
    assert not only_admins & RIGHTS[ConsoleRole.OPERATOR]
    for one in ROUTES:
        is_change = one.needs in (Right.KEYS, Right.PEOPLE) and one.method == "POST"
        if is_change and one.endpoint not in PLAIN:
            assert one.confirms, f"{one.endpoint} changes keys or rights without a fresh code"
    confirming = {one.rule for one in ROUTES if one.method == "POST" and one.confirms}
    assert GUARDED - confirming == set()
