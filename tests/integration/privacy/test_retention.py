"""What docs/privacy.md says goes by itself, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services import housekeeping
from services.privacy.retention import BODIES, LEFT, UNSEEN, Removed, remove_old
from services.rotation import reseal_all
from tests.harness.phone import Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.losing import as_owner
from tests.integration.people.desk import Desk, staff
from tests.integration.privacy.living import Life
from tests.integration.refunds.helping import pay

MakePhone = Callable[..., Phone]


def ages(product: Product, table: str, column: str, by: timedelta, where: str = "true") -> None:
    earlier = f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval) WHERE {where}"
    as_owner(product, earlier, by=by)


@pytest.fixture
def life(shop: Product, phone: MakePhone) -> Life:
    made = Life(shop, phone)
    made.agrees()
    made.pays()
    return made


def test_the_body_of_a_notification_goes_and_that_it_came_stays(shop: Product, life: Life) -> None:
    count = shop.one("SELECT count(*) AS n FROM upstream_event").n
    assert count
    ages(shop, "upstream_event", "received_at", BODIES - timedelta(hours=1))
    assert remove_old(shop.deps).bodies == 0
    ages(shop, "upstream_event", "received_at", timedelta(hours=2))
    assert remove_old(shop.deps).bodies == count
    row = shop.sql("SELECT * FROM upstream_event")[0]
    assert (row.sealed, bool(row.body_hash)) == (None, True)
    again = run(shop, "events", "replay", str(row.id))
    assert (again.exit_code, "no longer kept" in again.output) == (1, True)


def test_a_payer_who_never_comes_back_is_forgotten_and_members_and_staff_are_not(
    shop: Product, life: Life, phone: MakePhone
) -> None:
    order = pay(shop, phone, "wechat", person="p01")
    ages(shop, "person", "seen_at", UNSEEN - timedelta(hours=1))
    assert remove_old(shop.deps).identities == 0
    ages(shop, "person", "seen_at", timedelta(hours=2))
    assert remove_old(shop.deps) == Removed(0, 1, 0)
    gone = shop.one("SELECT * FROM person WHERE id = :i", i=order.person_id)
    assert (gone.sealed, gone.subject_hash.startswith("erased:")) == (None, True)
    kept = shop.one("SELECT sealed FROM person WHERE id = :i", i=life.person_id)
    assert kept.sealed is not None
    stays = shop.one("SELECT * FROM pay_order WHERE id = :i", i=order.id)
    assert (stays.amount_fen, stays.person_id) == (10_000, order.person_id)


def test_who_comes_is_seen(shop: Product, life: Life, phone: MakePhone) -> None:
    ages(shop, "person", "seen_at", UNSEEN + timedelta(days=1))
    phone("wechat", "chen").scan()
    row: Any = shop.one("SELECT * FROM person WHERE id = :i", i=life.person_id)
    assert abs(row.seen_at - shop.deps.now()) < timedelta(minutes=1)


def test_a_month_after_somebody_left_phone_password_and_remark_go(
    shop: Product, life: Life
) -> None:
    life.desk.post("/m/me/password", password="Kassa-42")
    owner = Desk(shop, "lin")
    owner.act_as("青禾茶事")
    owner.post(f"/m/staff/{life.role.public_id}/remove", sure="1")
    housekeeping.remove_expired(shop.deps)
    assert staff(shop, "陈一禾").phone_sealed is not None
    ages(shop, "staff", "removed_at", LEFT + timedelta(hours=1), "removed_at IS NOT NULL")
    housekeeping.remove_expired(shop.deps)
    row = staff(shop, "陈一禾")  # the name stays: old orders say who took them
    assert (row.phone_sealed, row.phone_hash, row.password_hash, row.remark) == (
        None, None, None, "",
    )  # fmt: skip


def test_a_shop_person_s_phone_is_sealed_anew(shop: Product, life: Life) -> None:
    before = staff(shop, "陈一禾").phone_sealed
    shop.deps.ring.add_key()
    assert reseal_all(shop.deps, 1)["staff.phone_sealed"] == 1
    assert staff(shop, "陈一禾").phone_sealed != before
    assert "139****2222" in life.desk.get("/m/me/phone").text
