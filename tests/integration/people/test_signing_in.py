"""Who comes in is whom the account told, on this phone; and acts in one role at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff

MakeDesk = Callable[..., Desk]
WAY_IN = f"/m/me?p={MAIN}"


def leave(one: Desk) -> str:
    answer = one.get(WAY_IN, allow_redirects=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def allow(one: Desk, page: str) -> str:
    answer = one.phone.http.get(page, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def test_who_has_one_role_is_in_it_at_once_and_every_page_says_so(desk: MakeDesk) -> None:
    clerk = desk("chen")
    assert clerk.answer.status_code == 200
    assert "湖滨店 · 店员 · 陈一禾" in clerk.said
    for page in ("/m/orders", "/m/shift", "/m/"):
        assert clerk.get(page).status_code == 200
        assert "湖滨店 · 店员 · 陈一禾" in clerk.said, page


def test_without_a_session_or_a_provider_in_the_address_nobody_comes_in(desk: MakeDesk) -> None:
    one = desk("chen", signs_in=False)
    for page in ("/m/", "/m/orders", "/m/choose", "/m/activate", "/m/staff", "/m/?p=nobody"):
        assert one.get(page).status_code == 401, page
    assert "还没有登录" in one.said


def test_a_person_of_several_merchants_chooses_and_switches_cleanly(
    shop: Product, desk: MakeDesk
) -> None:
    one = desk("lin")
    assert "/m/choose" in one.answer.url, "two roles: none is taken by itself"
    assert "/m/choose" in one.get("/m/orders").url
    one.act_as("商户管理员")
    assert "青禾茶事 · 商户管理员 · 林小满" in one.said
    before, form = one.cookie, one.token()
    one.act_as("南窗面馆")
    assert "南窗面馆 · 店长 · 林小满" in one.said
    assert one.cookie != before
    old = one.post("/m/notices", token=form)
    assert old.status_code == 400, "a form of the role before"
    assert staff(shop, "林小满").wants_notices
    assert staff(shop, "林小满", "南窗面馆").wants_notices
    one.phone.http.cookies.clear()
    one.phone.http.cookies.set("yima_staff", before, domain="127.0.0.1")
    assert one.get("/m/orders").status_code == 401, "the old session is over"
    assert [row.subject for row in audits(shop, "role_entered")] == [
        f"merchant:{staff(shop, '林小满').merchant_id}",
        f"merchant:{staff(shop, '林小满', '南窗面馆').merchant_id}",
    ]


def test_another_person_s_role_cannot_be_taken(shop: Product, desk: MakeDesk) -> None:
    clerk = desk("chen")
    for name in ("林小满", "周予安", "顾星遥"):
        assert clerk.post("/m/choose", key=f"s{staff(shop, name).id}").status_code == 404
    admin = shop.sql("SELECT id FROM provider_admin ORDER BY id")[0].id
    key = f"a{admin}-{staff(shop, '林小满').merchant_id}"
    assert clerk.post("/m/choose", key=key).status_code == 404
    assert clerk.post("/m/choose", key="s1 OR 1=1").status_code == 404
    assert "陈一禾" in clerk.get("/m/me").text


def test_the_provider_s_people_act_in_any_merchant_of_theirs(shop: Product, desk: MakeDesk) -> None:
    everywhere, sub = desk("p23"), desk("p24")
    for name in ("青禾茶事", "南窗面馆", "山雀咖啡", "晨光早点"):
        everywhere.act_as(name)
        assert everywhere.get("/m/orders").status_code == 200
        assert f"{name} · 服务商管理员" in everywhere.said
        assert everywhere.get("/m/staff").status_code == 403
    assert sub.answer.status_code == 200
    assert "山雀咖啡 · 子服务商管理员" in sub.said
    merchant = staff(shop, "白鹭飞", "山雀咖啡").merchant_id
    shop.do(
        "INSERT INTO sub_provider (provider_id, id, name, created_at)"
        " SELECT provider_id, 99, '别的渠道', now() FROM merchant WHERE id = :m",
        m=merchant,
    )
    shop.do("UPDATE merchant SET sub_provider_id = 99 WHERE id = :m", m=merchant)
    assert "/m/choose" in sub.get("/m/orders").url, "the merchant went to another one"


@pytest.mark.parametrize("state", [None, "", "0" * 32, "x", "a" * 4000])
def test_a_return_without_our_state_is_refused(desk: MakeDesk, state: str | None) -> None:
    one = desk("chen", signs_in=False)
    code = parse_qs(urlsplit(allow(one, leave(one))).query)["code"][0]
    query = f"code={code}" + ("" if state is None else f"&state={state}")
    assert one.get(f"/m/back/{MAIN}?{query}").status_code == 400
    assert one.get("/m/orders").status_code == 401


def test_a_state_of_another_session_signs_nobody_in(desk: MakeDesk) -> None:
    """An attacker's own return address, sent to a victim: he would work in the attacker's name."""
    attacker, victim = (desk(who, signs_in=False) for who in ("chen", "zhou"))
    address = allow(attacker, leave(attacker))
    leave(victim)
    for one in (victim, desk("p21", signs_in=False)):
        assert one.phone.http.get(address, timeout=10).status_code == 400
        assert one.get("/m/orders").status_code == 401
    assert attacker.phone.http.get(address, timeout=10).status_code == 200
    assert attacker.phone.http.get(address, timeout=10).status_code == 400, "once"


def test_a_payer_s_state_is_no_staff_s(shop: Product, desk: MakeDesk) -> None:
    one = desk("chen", signs_in=False)
    page = one.get(f"/q/{MAIN}/8K3FQ2", allow_redirects=False).headers["Location"]
    query = urlsplit(allow(one, page)).query
    payer = next(c.value or "" for c in one.phone.http.cookies if "payer" in c.name)
    one.phone.http.cookies.set("yima_staff", payer, domain="127.0.0.1")
    assert one.get(f"/m/back/{MAIN}?{query}").status_code == 400


def test_a_session_ends_with_its_time_its_person_and_its_pressing(
    shop: Product, desk: MakeDesk
) -> None:
    clerk, owner, other = desk("chen"), desk("p19"), desk("p21")
    assert owner.post("/m/leave").status_code == 200
    assert owner.get("/m/orders").status_code == 401
    shop.do("UPDATE person SET erased_at = now() WHERE id = :i", i=staff(shop, "陈一禾").person_id)
    assert clerk.get("/m/orders").status_code == 401
    shop.do("UPDATE web_session SET expires_at = :t", t=shop.deps.now() - timedelta(seconds=1))
    assert other.get("/m/orders").status_code == 401


def test_another_provider_s_address_asks_that_provider_s_account(desk: MakeDesk) -> None:
    clerk = desk("chen")
    answer = clerk.get("/m/orders?p=sz02pQWE8MNBvCxz5k7T", allow_redirects=False)
    assert answer.status_code == 302
    assert "wx7777777777777777" in answer.headers["Location"]
    assert clerk.get("/m/choose?p=sz02pQWE8MNBvCxz5k7T").status_code == 200
    assert "你还没有身份" in clerk.said
