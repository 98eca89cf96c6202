"""Somebody who paid, recharged, served and was told is forgotten: nowhere found, no fen moved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.phone import Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff
from tests.integration.privacy.living import CALLED, NAME, PHONE, WORK_PHONE, Life
from tests.integration.test_secrets_stay import dumped

MakePhone = Callable[..., Phone]
MakeDesk = Callable[..., Desk]


def erase(product: Product, life: Life) -> Any:
    return run(product, "person", "erase", str(life.person_id))


def test_a_forgotten_person_is_found_nowhere_and_no_fen_has_moved(
    shop: Product, phone: MakePhone, journal: io.StringIO, tmp_path: Path
) -> None:
    life = Life(shop, phone)
    life.live()
    assert "还有 110.00 元" in erase(shop, life).output  # first it is paid back
    life.is_paid_back()
    assert life.card.card.paid_fen == 0, "it is on its way"
    assert "有一笔充值或退款还没有结果" in erase(shop, life).output
    life.money_arrives()
    shop.run_jobs()
    plain, kept, sums = life.plain(), life.kept(), life.sums()
    assert len(kept) > 10
    before = dumped(shop, tmp_path / "before")
    assert [name for name, value in kept.items() if value not in before] == []
    assert NAME in before

    assert erase(shop, life).output == f"erased person:{life.person_id}: 1 memberships, 1 roles\n"

    after = dumped(shop, tmp_path / "after")
    places = {"dump and backup": after, "log": journal.getvalue()}
    assert all(life.number in text for text in places.values()), "not really searched"
    hits = [
        (what, name)
        for what, text in places.items()
        for name, value in (plain | kept).items()
        if value in text and not (what == "log" and name in kept)
    ]
    assert hits == []
    assert life.sums() == sums
    for words in (("ledger", "verify"), ("totals", "verify")):
        done = run(shop, *words)
        assert done.exit_code == 0, done.output
    assert "procrastinate_jobs" in after
    assert erase(shop, life).output.endswith("0 memberships, 0 roles\n")
    assert len(audits(shop, "person_erased")) == 1


def test_a_forgotten_person_is_out_at_once_and_comes_back_as_somebody_new(
    shop: Product, phone: MakePhone
) -> None:
    life = Life(shop, phone)
    life.pays()
    life.works()
    assert life.desk.get("/m/orders").status_code == 200
    assert erase(shop, life).exit_code == 0
    assert life.desk.get("/m/orders").status_code == 401
    row = shop.one("SELECT * FROM staff WHERE id = :i", i=life.role.id)
    assert (row.name, row.is_active, row.person_id, row.number) == ("已删除", False, None, None)
    assert shop.sql("SELECT 1 FROM shift WHERE ended_at IS NULL AND staff_id = :i", i=row.id) == []
    again = phone("wechat", "chen")
    again.scan()
    newest = shop.sql("SELECT * FROM person ORDER BY id DESC LIMIT 1")[0]
    assert newest.id != life.person_id
    assert newest.sealed is not None


def test_the_only_admin_is_not_forgotten_before_there_is_another(
    shop: Product, desk: MakeDesk
) -> None:
    done = run(shop, "person", "erase", str(staff(shop, "林小满").person_id))
    assert done.exit_code == 1
    assert staff(shop, "林小满").is_active


def test_a_person_of_the_provider_is_forgotten_too(shop: Product, desk: MakeDesk) -> None:
    row = shop.one("SELECT * FROM provider_admin WHERE name = '总部小周'")
    one = desk("p23")
    one.act_as("青禾茶事")
    assert one.get("/m/").status_code == 200
    done = run(shop, "person", "erase", f"person:{row.person_id}")
    assert done.output.endswith("0 memberships, 1 roles\n")
    gone = shop.one("SELECT * FROM provider_admin WHERE id = :i", i=row.id)
    assert (gone.name, gone.person_id, gone.is_active) == ("已删除", None, False)
    assert one.get("/m/").status_code == 401


def test_an_export_holds_all_that_is_known_and_is_remembered(
    shop: Product, phone: MakePhone
) -> None:
    life = Life(shop, phone)
    life.live()
    found = run(shop, "person", "find", life.number)
    assert found.output == f"person:{life.person_id}\n"
    known = json.loads(run(shop, "person", "export", str(life.person_id)).stdout)
    assert known["identity"]["openid"] == life.plain()["openid"]
    [member] = known["memberships"]
    assert (member["phone"], member["name"]) == (PHONE, CALLED)
    [role] = known["roles"]
    assert (role["name"], role["phone"]) == (NAME, f"+86{WORK_PHONE}")
    assert known["orders"][0]["out_trade_no"] == life.number
    assert NAME in known["orders"][0]["remark"]
    assert [row["amount_fen"] for row in known["orders"]] == [3_000, 10_000]
    assert sum(row["delta_fen"] for row in known["card_movements"]) == 11_000
    kinds = {row["kind"] for row in known["consents"]}
    assert kinds == {"member_phone", "member_name", "staff_phone"}
    assert known["notices_received"]
    assert known["shifts"]
    assert known["sessions"]
    assert "consent_given" in {row["action"] for row in known["audit"]}
    [told] = audits(shop, "person_exported")
    assert told.subject == f"person:{life.person_id}"
    assert run(shop, "person", "export", "999999").exit_code == 1
    assert run(shop, "person", "export", "nobody").exit_code == 1


@pytest.mark.parametrize("works_here", [True, False])
def test_the_owner_forgets_a_member_who_asks(
    shop: Product, phone: MakePhone, desk: MakeDesk, works_here: bool
) -> None:
    """The identity goes along unless it has a role in a shop."""
    life = Life(shop, phone)
    life.pays()
    life.agrees()
    if not works_here:
        shop.do("UPDATE staff SET person_id = NULL WHERE id = :i", i=life.role.id)
    owner, page = desk("lin"), f"/m/members/{life.card.card.public_id}"
    owner.act_as("青禾茶事")
    owner.get(f"{page}/erase")
    assert "只在会员本人要求时删除" in owner.said
    owner.post(f"{page}/erase")  # not ticked
    assert life.member.phone_hash is not None
    owner.post(f"{page}/erase", sure="1")
    assert "个人信息已删除" in owner.said
    gone = shop.one("SELECT * FROM member WHERE id = :i", i=life.card.card.member_id)
    known = (gone.person_id, gone.phone_hash, gone.phone_sealed, gone.name_hash, gone.name_sealed)
    assert known == (None,) * 5
    assert life.card.card.status == "closed"
    person = shop.one("SELECT * FROM person WHERE id = :i", i=life.person_id)
    assert (person.sealed is not None) is works_here
    [order] = shop.sql("SELECT * FROM pay_order WHERE out_trade_no = :n", n=life.number)
    assert (order.remark, order.amount_fen) == ("", 3_000)


def test_a_card_with_money_is_first_paid_back(
    shop: Product, phone: MakePhone, desk: MakeDesk
) -> None:
    life = Life(shop, phone)
    life.agrees()
    life.recharges()
    owner, page = desk("lin"), f"/m/members/{life.card.card.public_id}"
    owner.act_as("青禾茶事")
    owner.get(f"{page}/erase")
    assert "先退还再删除" in owner.said
    answer = owner.post(f"{page}/erase", sure="1")
    assert (answer.status_code, "PERSON_HAS_BALANCE" in owner.said) == (409, True)
    assert life.member.phone_hash is not None
