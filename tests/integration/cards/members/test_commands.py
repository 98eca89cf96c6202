"""`flask cards …` and `flask payer erase`: a card from draft to deletion, typed by a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result

from services.rotation import reseal_all
from tests.harness.product import Product
from tests.integration.cards.members.conftest import Shop
from tests.integration.cards.members.test_importing import sheet
from tests.integration.cards.members.test_phones import OTHER, PHONE, register

WHOSE = "sub02NANCHUANG5T7W2Y"


def say(product: Product, *words: str) -> Result:
    return product.app.test_cli_runner().invoke(args=list(words))


def cards(product: Product, *words: str) -> str:
    done = say(product, "cards", *words)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_card_is_set_up_and_used_by_typing(product: Product, tmp_path: Path) -> None:
    shop = Shop(product.deps, *_place(product))
    cards(product, "create", WHOSE, "--title", "南窗会员", "--mode", "fixed")
    assert "Error" in say(product, "cards", "submit", WHOSE).output
    cards(product, "terms", WHOSE, "--issuer", "南窗餐饮", "--contact", "0571",
          "--refund-rule", "随时可退")  # fmt: skip
    cards(product, "tiers", WHOSE, "50", "100+10.50")
    cards(product, "submit", WHOSE)
    cards(product, "reject", WHOSE, "--reason", "标题不符")
    cards(product, "redraft", WHOSE)
    assert "changed: notice" in cards(product, "set", WHOSE, "--notice", "付款时出示")
    cards(product, "submit", WHOSE)
    cards(product, "approve", WHOSE)
    shown = cards(product, "show", WHOSE)
    assert "approved" in shown
    assert "sum ¥100.00 + 10.50" in shown
    file = sheet(tmp_path, [(PHONE, 60, "林晓")])
    assert "could be taken over: 1 members  ¥60.00" in cards(
        product, "import", WHOSE, str(file), "--dry-run"
    )
    assert "taken over: 1 members  ¥60.00" in cards(product, "import", WHOSE, str(file))
    register(product, shop, shop.claim("o-lin"))
    line = cards(product, "members", WHOSE, PHONE)
    assert "138****5678  林*  paid ¥60.00" in line
    assert PHONE not in line
    number = line.split()[1]
    adjusted = cards(
        product, "adjust", WHOSE, number, "--less", "60", "--reason", "已退现金", "--key", "k1"
    )
    assert "paid ¥0.00" in adjusted
    cards(product, "suspend", WHOSE)
    cards(product, "resume", WHOSE)
    cards(product, "delete", WHOSE)


def _place(product: Product) -> tuple[int, int]:
    row = product.one("SELECT provider_id, id FROM merchant WHERE out_sub_mch_id = :m", m=WHOSE)
    return row.provider_id, row.id


def test_a_bad_file_is_told_row_by_row(product: Product, shop: Shop, tmp_path: Path) -> None:
    file = sheet(tmp_path, [("138", 1), (PHONE, -1)])
    report = tmp_path / "report.csv"
    done = say(product, "cards", "import", WHOSE, str(file), "--report", str(report))
    assert done.exit_code == 1
    assert "row 2: 手机号格式不对\nrow 3: 余额不能为负\nnothing was taken over" in done.output
    assert report.read_text("utf-8-sig").splitlines() == [
        "行,原因",
        "2,手机号格式不对",
        "3,余额不能为负",
    ]


@pytest.mark.parametrize("words", [("--more", "1", "--less", "1"), (), ("--more", "1.001")])
def test_an_adjustment_goes_one_way(product: Product, shop: Shop, words: tuple[str, ...]) -> None:
    card_id = shop.claim("o-lin")
    number = product.one("SELECT number FROM member_card WHERE id = :i", i=card_id).number
    done = say(product, "cards", "adjust", WHOSE, number, *words, "--reason", "补差")
    assert done.exit_code == 2


def test_a_card_of_another_merchant_is_not_adjusted(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    number = product.one("SELECT number FROM member_card WHERE id = :i", i=card_id).number
    done = say(product, "cards", "adjust", "sub01QINGHE8H2K4M6P9", number, "--more", "1",
               "--reason", "补差")  # fmt: skip
    assert done.exit_code == 1
    assert product.one("SELECT balance_fen FROM member_card WHERE id = :i", i=card_id)[0] == 0


def test_a_member_is_forgotten_once_the_card_is_paid_back(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    cards(product, "import", WHOSE, str(sheet(tmp_path, [(PHONE, 60, "林晓")])))
    card_id = shop.claim("o-lin")
    register(product, shop, card_id)
    person_id = shop.person_of(card_id)
    number = product.one("SELECT number FROM member_card WHERE id = :i", i=card_id).number
    refused = say(product, "payer", "erase", number)
    assert (refused.exit_code, "60.00" in refused.output) == (1, True)
    assert shop.person_of(card_id) == person_id
    cards(product, "adjust", WHOSE, number, "--less", "60", "--reason", "已退现金", "--key", "k1")
    assert say(product, "payer", "erase", number).output == "erased\n"
    assert say(product, "payer", "erase", number).output == "erased\n"  # changes nothing
    rows = product.sql(
        "SELECT person_id, phone_hash, phone_sealed, name_hash, name_sealed FROM member"
        " WHERE merchant_id = :m",
        m=shop.merchant_id,
    )
    assert {tuple(row) for row in rows} == {(None,) * 5}
    person = product.one("SELECT * FROM person WHERE id = :i", i=person_id)
    assert (person.sealed, person.subject_hash.startswith("erased:")) == (None, True)
    assert shop.claim("o-lin") != card_id  # who comes back is somebody new
    (told,) = product.sql("SELECT facts FROM audit_entry WHERE action = 'person_erased'")
    assert told.facts == {"is_whole": True, "members": 1, "roles": 0}
    assert say(product, "payer", "erase", "000000000000").exit_code == 1


def test_a_member_who_never_claimed_is_forgotten_by_the_member_s_id(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    cards(product, "import", WHOSE, str(sheet(tmp_path, [(PHONE, 60, "林晓")])))
    row = product.one(
        "SELECT m.id, c.number FROM member m JOIN member_card c ON c.member_id = m.id"
        " WHERE m.merchant_id = :m", m=shop.merchant_id,
    )  # fmt: skip
    assert f"member:{row.id}" in say(product, "person", "find", row.number).output
    assert say(product, "person", "erase", f"member:{row.id}").exit_code == 1
    cards(product, "adjust", WHOSE, row.number, "--less", "60", "--reason", "已退", "--key", "k2")
    assert "1 memberships" in say(product, "person", "erase", f"member:{row.id}").output
    gone = product.one("SELECT * FROM member WHERE id = :i", i=row.id)
    assert (gone.phone_hash, gone.phone_sealed, gone.name_hash) == (None, None, None)


def test_what_is_sealed_of_members_is_rotated(product: Product, shop: Shop, tmp_path: Path) -> None:
    cards(product, "import", WHOSE, str(sheet(tmp_path, [(PHONE, 60, "林晓"), (OTHER, 1, "周航")])))
    before = product.sql("SELECT id, phone_sealed, name_sealed FROM member ORDER BY id")
    product.deps.ring.add_key()
    done = reseal_all(product.deps, 1)
    assert (done["member.phone_sealed"], done["member.name_sealed"]) == (2, 2)
    after = product.sql("SELECT id, phone_sealed, name_sealed FROM member ORDER BY id")
    assert all(a.phone_sealed != b.phone_sealed for a, b in zip(before, after, strict=True))
    register(product, shop, shop.claim("o-lin"))  # opens, and is sealed for another row
    assert "林*" in cards(product, "members", WHOSE, "林晓")
