"""A phone and a name are kept after a yes, and go when it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from models.consent import ConsentKind
from services.people.own_phone import for_messages
from services.privacy.consents import WORDS
from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff
from tests.integration.privacy.living import CALLED, PHONE, WORK_PHONE, Life

MakePhone = Callable[..., Phone]
MakeDesk = Callable[..., Desk]


@pytest.fixture
def life(shop: Product, phone: MakePhone) -> Life:
    return Life(shop, phone)


def consents(product: Product) -> list[tuple[str, int, bool]]:
    rows = product.sql("SELECT * FROM consent ORDER BY id")
    return [(row.kind, row.text_version, row.withdrawn_at is None) for row in rows]


@pytest.mark.parametrize("agree", ["", "0", "2", "yes"])
def test_without_a_yes_to_these_very_words_no_phone_is_used(
    shop: Product, life: Life, agree: str
) -> None:
    answer = life.post("/phone", phone=PHONE, agree=agree)
    assert (answer.status_code, "先勾选同意" in words(answer.text)) == (400, True)
    assert shop.simulator.get(f"/sim/sms?phone={PHONE}") == []
    assert (shop.sql("SELECT 1 FROM phone_code"), consents(shop)) == ([], [])


def test_a_yes_is_kept_with_its_words_and_its_time(shop: Product, life: Life) -> None:
    life.agrees()
    kinds = ("member_phone", "member_name", "staff_phone")
    assert consents(shop) == [(kind, WORDS[ConsentKind(kind)].version, True) for kind in kinds]
    row = shop.sql("SELECT * FROM consent ORDER BY id")[0]
    assert (row.person_id, row.merchant_id) == (life.person_id, life.card.scan.merchant_id)
    assert abs(row.given_at - shop.deps.now()) < timedelta(minutes=1)
    page = words(life.card.phone.get(f"{life.home}/phone").text)
    assert "138****5678" in page
    assert PHONE not in page
    assert "你在" in page


def test_who_takes_the_yes_back_has_no_phone_here_and_still_has_the_card(
    shop: Product, life: Life
) -> None:
    life.agrees()
    life.recharges()
    card = life.card.card
    assert (card.registered_at is not None, card.expires_on) == (True, None)
    asked = life.post("/phone/withdraw")
    assert "撤回同意，删除手机号？" in words(asked.text)
    assert life.member.phone_hash is not None  # it was only asked
    life.post("/phone/withdraw", sure="1")
    life.post("/phone/withdraw", sure="1")  # changes nothing
    known = (life.member.phone_hash, life.member.phone_sealed, life.member.phone_confirmed_at)
    assert known == (None, None, None)
    after = life.card.card
    assert (after.paid_fen, after.bonus_fen, after.status) == (10_000, 1_000, "active")
    assert (after.registered_at, after.cap_fen) == (None, 100_000)
    assert after.expires_on is not None
    assert ("member_phone", 1, False) in consents(shop)
    assert len(audits(shop, "consent_withdrawn")) == 1
    assert life.member.name_sealed is not None  # that was another yes
    shop.simulator.advance(61)  # one message a minute
    life.agrees()  # and again
    assert consents(shop).count(("member_phone", 1, True)) == 1


def test_a_balance_above_the_lower_cap_stays_whole(shop: Product, life: Life) -> None:
    life.agrees()
    shop.do("UPDATE card_room SET cap_fen = 100000000")
    for _ in range(5):
        life.card.pay(20_000)
    life.post("/phone/withdraw", sure="1")
    card = life.card.card
    assert card.cap_fen == card.paid_fen + card.bonus_fen == 115_000


def test_a_name_is_kept_after_a_yes_and_goes_with_it(shop: Product, life: Life) -> None:
    assert life.post("/name", name=CALLED).status_code == 400
    assert life.post("/name", name="=1+1", agree="1").status_code == 400
    assert (life.member.name_sealed, consents(shop)) == (None, [])
    life.post("/name", name=CALLED, agree="1")
    page = words(life.card.phone.get(f"{life.home}/phone").text)
    assert ("小*" in page, CALLED in page) == (True, False)
    life.post("/name/withdraw")
    assert (life.member.name_sealed, life.member.name_hash) == (None, None)
    assert consents(shop) == [("member_name", 1, False)]


def for_chen(product: Product) -> str | None:
    from models.merchant import Staff

    row = staff(product, "陈一禾")

    def unit(session: Any) -> str | None:
        one = session.get_one(Staff, (row.provider_id, row.id))
        return for_messages(session, product.deps, one)

    return product.deps.transact(unit)


def test_a_shop_person_s_phone_rings_only_while_he_agrees(
    shop: Product, life: Life, desk: MakeDesk
) -> None:
    owner, page = desk("lin"), f"/m/staff/{life.role.public_id}"
    owner.act_as("青禾茶事")
    owner.post(
        f"{page}/edit", name="陈一禾", store=str(life.role.store_id), phone=WORK_PHONE,
        can_refund="1", wants_notices="1",
    )  # fmt: skip
    assert staff(shop, "陈一禾").phone_sealed is not None
    assert for_chen(shop) is None  # an admin typed it
    assert "还没有同意" in words(life.desk.get("/m/me/phone").text)
    assert life.desk.post("/m/me/phone").status_code == 400
    life.desk.post("/m/me/phone", agree="1")
    assert for_chen(shop) == f"+86{WORK_PHONE}"
    life.desk.post("/m/me/phone/withdraw")
    row = staff(shop, "陈一禾")
    assert (for_chen(shop), row.phone_sealed, row.phone_hash) == (None, None, None)
    assert consents(shop) == [("staff_phone", 1, False)]
