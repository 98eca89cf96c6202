"""Every page of `/m/`, by every role and a foreign merchant: from the table, so none is forgotten.

failures.md 37 and 38: every route x every foreign id, every route x every role.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from sqlalchemy import insert

from app import create_app
from blueprints.merchant.routes import ROUTES, Open, Route
from models.merchant import Staff, StaffRole
from services.people.acting import Role
from services.people.rights import RIGHTS, Right
from services.seed import OTHER
from tests.harness.holds import hold
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.cards.law.helping import ask, recharge
from tests.integration.cards.recharge.helping import open_shop
from tests.integration.people.desk import Desk, audits, staff, token_of
from tests.integration.refunds.helping import pay

MakeDesk = Callable[..., Desk]
OWN = {"owner": "p20", "manager": "zhou", "clerk": "chen", "provider": "p23"}
ELSEWHERE = ("owner", "manager", "clerk", "sub_provider", "another provider's owner", "nobody yet")
NAMES = ("青禾茶事", "湖滨", "东坡", "陈一禾", "周予安", "沈知夏", "12 号桌")
# Product 2.2 in the words of its own table, apart from the one that the program reads.
ONLY_OWNER = {
    "orders_export", "statistics_csv", "members_export", "members_import", "members_import_send",
    "payout_allow", "payout_refuse", "payout_paid", "member_history", "member_payout_form",
    "member_payout", "member_adjust_form", "member_adjust", "store_cards", "store_new",
    "store_add", "store_delete", "staff_phone", "member_person", "member_erase_form",
    "member_erase", "receipt", "receipt_save", "device_form", "device_add", "device_name",
    "device_setting", "device_unbind", "device_remove", "device_bind_form", "device_bind",
}  # fmt: skip
OWNER_AND_MANAGER = {
    "statistics", "card_figures", "card_figures_csv", "payouts", "payout", "member", "staff",
    "staff_new", "staff_add", "staff_one", "staff_edit", "staff_save", "staff_code",
    "staff_revoke", "staff_password", "staff_remove", "deposit_release_form", "deposit_release",
}  # fmt: skip
ON_DUTY = {"shift_begin", "shift_end"}  # a manager's and a clerk's
IN_THE_SHOP = {"till", "till_decide"}
EVERYBODY = {"orders", "order", "refund_form", "refund", "deposits", "deposit"}


def address(route: Route, ids: dict[str, str]) -> str:
    """The route with the ids of one merchant in it."""

    def value(found: re.Match[str]) -> str:
        kind = route.rule.split("/")[1]
        return ids.get(f"{kind}.{found[1]}") or ids[found[1]]

    return "/m" + re.sub(r"<([a-z_]+)>", value, route.rule)


@pytest.fixture
def ids(shop: Product) -> dict[str, str]:
    """What there is of 青禾茶事 to name in an address."""
    order = pay(shop, lambda wallet, who: Phone(shop.url, shop.simulator, wallet, who), "alipay")
    card = open_shop(shop, lambda *a: Phone(shop.url, shop.simulator, *a))
    recharge(card)
    row = staff(shop, "陈一禾")
    shift = shop.one(
        "INSERT INTO shift (provider_id, merchant_id, store_id, staff_id, state, started_at)"
        " VALUES (:p, :m, :s, :w, 'on', now()) RETURNING id",
        p=row.provider_id, m=row.merchant_id, s=row.store_id, w=row.id,
    )  # fmt: skip
    return {
        "out_trade_no": order.out_trade_no,
        "staff.public_id": row.public_id,
        "members.public_id": shop.one(
            "SELECT public_id FROM member_card WHERE id = :i", i=card.card_id
        ).public_id,
        "members.number": str(ask(card)),
        "shift.number": str(shift.id),
        "out_shop_id": "qinghe-hubin",
        "code": "8K3FQ3",
        "bind.code": "8K3FQ3",
        "out_freeze_no": hold(shop),
        "out_device_id": _device(shop, row),
        "activator": _till(shop, row),
        "demo-login.public_id": "nobody",
        "out_mch_id": "nobody",
    }


def _device(shop: Product, row: Any) -> str:
    shop.do(
        "INSERT INTO device (provider_id, merchant_id, store_id, device_id, out_device_id, name,"
        " shift_type, created_at) VALUES (:p, :m, :s, '12', 'devhere', '12 号桌', 1, now())",
        p=row.provider_id, m=row.merchant_id, s=row.store_id,
    )  # fmt: skip
    return "devhere"


def _till(shop: Product, row: Any) -> str:
    shop.do(
        "INSERT INTO till_login (provider_id, merchant_id, store_id, activator, token_hash,"
        " terminal_type, created_at, expires_at)"
        " VALUES (:p, :m, :s, 'tillhere', 'x', 1, :now, :now + interval '1 hour')",
        p=row.provider_id, m=row.merchant_id, s=row.store_id, now=shop.deps.now(),
    )  # fmt: skip
    return "tillhere"


def allowed(role: Role, route: Route) -> bool:
    return isinstance(route.needs, Open) or route.needs in RIGHTS[role]


def test_the_table_names_every_page_and_every_page_is_in_the_table(shop: Product) -> None:
    made = {
        (method, rule.rule, rule.endpoint)
        for rule in shop.app.url_map.iter_rules()
        if rule.rule.startswith("/m/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {(one.method, f"/m{one.rule}", f"merchant.{one.endpoint}") for one in ROUTES}
    assert made == named
    assert len({one.endpoint for one in ROUTES}) == len(ROUTES)
    for one in ROUTES:
        assert isinstance(one.needs, Right | Open)


def test_a_page_that_is_not_in_the_table_is_closed_to_everybody(shop: Product) -> None:
    app = create_app(shop.deps.settings, shop.deps)
    app.add_url_rule("/m/sneaky", endpoint="merchant.sneaky", view_func=lambda: "in")
    client = app.test_client()
    owner = staff(shop, "林小满")
    assert client.get("/m/sneaky").status_code == 401
    client.get(f"/m/demo-login/{owner.public_id}")
    assert client.get("/m/me").status_code == 200
    refused = client.get("/m/sneaky")
    assert (refused.status_code, refused.data == b"in") == (403, False)


def test_the_table_says_what_the_product_says() -> None:
    """The matrix of product 2.2 once more, as pages: a role that gains a page fails here."""
    known = {one.endpoint: one for one in ROUTES}

    def who(endpoint: str) -> set[Role]:
        return {role for role in Role if allowed(role, known[endpoint])}

    for endpoint in sorted(ONLY_OWNER & set(known)):
        assert who(endpoint) == {Role.OWNER}, endpoint
    for endpoint in sorted(OWNER_AND_MANAGER):
        expected = {Role.OWNER, Role.MANAGER}
        assert who(endpoint) - {Role.PROVIDER, Role.SUB_PROVIDER} == expected, endpoint
    for endpoint in sorted(ON_DUTY):
        assert who(endpoint) == {Role.MANAGER, Role.CLERK}, endpoint
    for endpoint in sorted(IN_THE_SHOP):
        assert who(endpoint) == {Role.OWNER, Role.MANAGER, Role.CLERK}, endpoint
    for endpoint in sorted(EVERYBODY):
        assert who(endpoint) == set(Role), endpoint
    for role in (Role.PROVIDER, Role.SUB_PROVIDER):
        posts = {r.endpoint for r in ROUTES if r.method == "POST" and allowed(role, r)}
        assert {e for e in posts if not isinstance(known[e].needs, Open)} == {"refund"}


@pytest.mark.parametrize("name", OWN)
def test_each_role_gets_the_pages_of_the_table_and_no_other(
    shop: Product, desk: MakeDesk, ids: dict[str, str], name: str
) -> None:
    one, role = desk(OWN[name]), Role(name)
    if role is Role.PROVIDER:
        one.act_as("青禾茶事")
    token, denied = one.token(), 0
    for route in ROUTES:
        if route.needs is Open.ANYONE or route.endpoint == "leave":
            continue
        where = f"{name}: {route.method} {route.rule}"
        path = address(route, ids)
        if route.method == "POST":
            answer = one.post(path, token=token if not allowed(role, route) else "")
            wanted = {400} if allowed(role, route) else {403}
            denied += not allowed(role, route)
        else:
            answer = one.get(path)
            wanted = {200, 404, 409} if allowed(role, route) else {403}
            if route.rule.endswith(("/refund", "/release")):
                wanted |= {403}  # by the person's own right
        assert answer.status_code in wanted, f"{where}: {answer.status_code} {one.said[:200]}"
        if answer.status_code == 403 and not allowed(role, route):
            assert not any(said in one.said for said in NAMES), where
    assert len(audits(shop, "page_denied")) == denied
    for fine in ("/m/", "/m/orders", "/m/me"):
        assert one.get(fine).status_code == 200, fine


def stranger(shop: Product, desk: MakeDesk, name: str) -> requests.Session:
    """Somebody of the same role elsewhere, signed in."""
    if name == "another provider's owner":
        one = desk("p01", signs_in=False)
        row = shop.one(
            "SELECT s.public_id FROM staff s JOIN provider p ON p.id = s.provider_id"
            " WHERE p.out_mch_id = :m", m=OTHER,
        )  # fmt: skip
        one.get(f"/m/demo-login/{row.public_id}")
    elif name == "clerk":
        lin = staff(shop, "林小满", "南窗面馆")
        one = desk("p02", signs_in=False)
        values = {
            "provider_id": lin.provider_id, "merchant_id": lin.merchant_id,
            "store_id": lin.store_id, "public_id": "clerkelsewhere", "name": "外店店员",
            "role": StaffRole.CLERK, "can_refund": True, "created_at": shop.deps.now(),
        }  # fmt: skip
        shop.deps.transact(lambda s: s.execute(insert(Staff).values(**values)) and None)
        one.get("/m/demo-login/clerkelsewhere")
    elif name == "manager":
        one = desk("lin")
        one.act_as("南窗面馆")
    else:
        one = desk({"owner": "p19", "sub_provider": "p24", "nobody yet": "p03"}[name])
    return one.phone.http


STATE = (
    "staff", "store", "pay_code", "card_payout", "card_payout_part", "shift", "member_card",
    "refund", "pay_order", "activation", "member", "device", "till_login",
    "deposit_freeze", "deposit_move",
)  # fmt: skip


def state(shop: Product) -> list[Any]:
    parts = [
        f"SELECT '{t}' AS t, md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) AS h"
        f" FROM {t} x" for t in STATE
    ]  # fmt: skip
    return [tuple(row) for row in shop.sql(" UNION ALL ".join(parts))]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_foreign_merchant_s_people_get_nothing_by_its_ids(
    shop: Product, desk: MakeDesk, ids: dict[str, str], name: str
) -> None:
    """404 or 403, not one byte of what belongs to the other, and nothing is changed."""
    http = stranger(shop, desk, name)
    opened = http.get(f"{shop.url}/m/choose", timeout=30)
    if opened.status_code != 200 or 'name="token"' not in opened.text:
        opened = http.get(f"{shop.url}/m/me", timeout=30)
    token, before = token_of(opened.text), state(shop)
    assert token
    for route in ROUTES:
        if "<" not in route.rule or route.needs is Open.ANYONE:
            continue
        where = f"{name}: {route.method} {route.rule}"
        path = shop.url + address(route, ids)
        if route.method == "POST":
            sent = {
                "token": token,
                "sure": "1",
                "name": "takes_remark",
                "on": "1",
                "amount": "1.00",
            }
            sent |= {"key": "k", "password": "Kassa-42", "reason": "其他"}
            answer = http.post(path, data=sent, timeout=30, allow_redirects=False)
        else:
            answer = http.get(path, timeout=30, allow_redirects=False)
        wanted = {303} if name == "nobody yet" else {403, 404}
        if route.rule.startswith("/bind/"):
            wanted |= {409}  # it hangs in a shop: whoever scans it sees that it is bound
        assert answer.status_code in wanted, f"{where}: {answer.status_code}"
        assert not any(said in answer.text for said in NAMES), where
    assert state(shop) == before


def test_nobody_without_a_session_gets_any_page(shop: Product, ids: dict[str, str]) -> None:
    with requests.Session() as http:
        http.trust_env = False
        for route in ROUTES:
            if route.needs is Open.ANYONE:
                continue
            path = shop.url + address(route, ids)
            answer = http.request(route.method, path, timeout=30, allow_redirects=False)
            assert answer.status_code == 401, route.rule
            assert not any(said in answer.text for said in NAMES), route.rule
