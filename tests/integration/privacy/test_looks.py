"""Phones are masked for everybody; an owner's look at a whole one, and each file, is remembered."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff
from tests.integration.privacy.living import CALLED, PHONE, WORK_PHONE, Life

MakePhone = Callable[..., Phone]
MakeDesk = Callable[..., Desk]
WHOLE = (PHONE, WORK_PHONE, CALLED)


@pytest.fixture
def life(shop: Product, phone: MakePhone) -> Life:
    made = Life(shop, phone)
    made.agrees()
    made.recharges()
    return made


def pages(life: Life) -> list[tuple[str, str]]:
    """(page, address that shows the whole)."""
    own = f"/m/members/{life.card.card.public_id}"
    worker = f"/m/staff/{life.role.public_id}"
    return [(own, f"{own}/person"), (worker, f"{worker}/phone")]


def test_an_owner_s_press_shows_it_and_is_remembered(
    shop: Product, life: Life, desk: MakeDesk
) -> None:
    owner = desk("lin")
    owner.act_as("青禾茶事")
    for page, look in pages(life):
        for _ in range(2):
            assert not any(plain in owner.get(page).text for plain in WHOLE)
        assert owner.get(look).status_code == 405  # an address shows nothing
    assert audits(shop, "personal_looked_at") == []
    (_, member), (_, worker) = pages(life)
    owner.post(member)
    assert all(plain in owner.said for plain in (PHONE, CALLED))
    owner.post(worker)
    assert WORK_PHONE in owner.said
    lin = staff(shop, "林小满")
    told = [(a.actor, a.subject, a.facts["what"]) for a in audits(shop, "personal_looked_at")]
    assert told == [
        (f"staff:{lin.id}", f"member:{life.member.id}", ["phone", "name"]),
        (f"staff:{lin.id}", f"staff:{life.role.id}", ["phone"]),
    ]
    assert not any(plain in str(audits(shop, "personal_looked_at")) for plain in WHOLE)


@pytest.mark.parametrize("who", ["zhou", "chen"])
def test_managers_and_clerks_see_no_whole_phone(
    shop: Product, life: Life, desk: MakeDesk, who: str
) -> None:
    one = desk(who)
    for page, look in pages(life):
        assert not any(plain in one.get(page).text for plain in WHOLE)
        assert one.post(look).status_code == 403
        assert not any(plain in one.said for plain in WHOLE)
    one.get(f"/m/members?q={PHONE}")
    assert "138****5678" in one.said
    assert audits(shop, "personal_looked_at") == []
    assert one.get(f"{pages(life)[0][0]}/erase").status_code == 403


def test_files_say_who_took_them_and_when(shop: Product, life: Life, desk: MakeDesk) -> None:
    owner = desk("lin")
    owner.act_as("青禾茶事")
    history = f"/m/members/{life.card.card.public_id}/history.csv"
    for path in ("/m/members/export.csv", history, "/m/orders.csv"):
        text = owner.get(path).content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert rows, path
        assert {row["导出人"] for row in rows} == {"林小满"}, path
        assert all(row["导出时间"].startswith("20") for row in rows), path
        assert not any(plain in text for plain in WHOLE), path
    told = [(a.facts["file"], a.facts["rows"]) for a in audits(shop, "file_exported")]
    assert [rows for _, rows in told] == [1, 1]
    assert told[0][0] == "members.csv"
    assert len(audits(shop, "orders_exported")) == 1
