"""A card is one merchant's and one person's; no balance becomes cash at will; records are kept."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import ROOT
from migrations.grants import APPEND_ONLY, REMOVABLE
from models.ledger import MovementKind
from services import housekeeping
from services.cards import codes
from services.cards.adjusting import adjust
from services.cards.spend_problems import CardNone, CardOtherMerchant
from services.cards.spending import pay_by_card
from services.checkout import Purchase
from tests.harness.product import Product
from tests.integration.cards.law.helping import allow, ask, by_hand, part_ids
from tests.integration.cards.recharge.helping import MakePhone, open_shop
from tests.integration.cards.spend.helping import give_card, merchants, till
from tests.integration.cards.spend.helping import shop as shop_of

# Whoever posts which movement. A new line here is a decision about members' money.
POSTED = {
    MovementKind.RECHARGE: {"services/cards/reservations.py"},
    MovementKind.LATE_RECHARGE: {"services/cards/reservations.py"},
    MovementKind.RECHARGE_BACK: {
        "services/cards/recharge_refunds.py", "services/cards/payout_parts.py",
    },
    MovementKind.RECHARGE_KEPT: {
        "services/cards/recharge_refunds.py", "services/cards/payout_parts.py",
    },
    MovementKind.RETURNED: {"services/cards/recharge_refunds.py"},
    MovementKind.PAY: {"services/cards/spending.py"},
    MovementKind.PAY_BACK: {"services/cards/card_refunds.py"},
    MovementKind.ADJUST: {"services/cards/adjusting.py"},
    MovementKind.IMPORT: {"services/cards/joining.py"},
    MovementKind.BONUS_EXPIRED: {
        "services/cards/bonus_expiry.py", "services/cards/payout_parts.py",
        "services/privacy/erasing.py",
    },
    MovementKind.PAID_OUT: {"services/cards/payout_parts.py"},
}  # fmt: skip
PROGRAM = ("services", "blueprints", "cli", "tasks", "web")


def test_every_movement_is_posted_where_it_is_known_to_be() -> None:
    found: dict[MovementKind, set[str]] = {kind: set() for kind in MovementKind}
    posts, writers = set(), set()
    for path in sorted(one for folder in PROGRAM for one in (ROOT / folder).rglob("*.py")):
        where = str(path.relative_to(ROOT))
        calls = _names(path)
        writers |= {where} if "INSERT INTO ledger_entry" in path.read_text("utf-8") else set()
        posts |= {where} if "Movement(" in calls else set()
        for kind in MovementKind:
            if f"MovementKind.{kind.name}" in calls:
                found[kind].add(where)
    for kind, expected in POSTED.items():
        assert found[kind] & posts == expected, kind
    assert posts <= set().union(*POSTED.values())
    assert writers == {"services/ledger.py", "services/cards/importing.py"}


def _names(path: Path) -> set[str]:
    """What the file names of movements, and whether it makes one."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Movement":
            names.add("Movement(")
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Movement":
            names.add("Movement(")
    return names


def test_a_movement_is_of_one_card_and_one_merchant(product: Product, phone: MakePhone) -> None:
    """Whatever was posted: no key has entries of two cards, and each card's are its merchant's."""
    deps = product.deps
    shop = open_shop(product, phone)
    adjust(
        deps, shop.scan.provider_id, shop.card_id, 900,
        reason="旧卡余额", actor="test:owner", key="old",
    )  # fmt: skip
    assert shop.payer.person_id is not None
    pay_by_card(deps, shop.scan, shop.payer.person_id, Purchase(200), intent_key="one")
    allow(shop, ask(shop))
    by_hand(shop, part_ids(shop)[0])
    assert len(shop.movements()) == 4
    crossing = (
        "SELECT key FROM ledger_entry GROUP BY provider_id, key HAVING count(DISTINCT card_id) > 1",
        "SELECT e.key FROM ledger_entry e JOIN member_card c ON c.provider_id = e.provider_id"
        " AND c.id = e.card_id WHERE c.merchant_id <> e.merchant_id",
    )
    assert [product.sql(statement) for statement in crossing] == [[], []]


def test_a_card_is_never_spent_in_another_merchants_store(product: Product) -> None:
    deps = product.deps
    held = give_card(deps, 5_000)
    elsewhere = shop_of(deps, merchants(deps)[1])
    assert elsewhere.merchant_id != held.merchant_id
    with pytest.raises(CardNone):
        pay_by_card(deps, elsewhere, held.person_id, Purchase(100), intent_key="else")
    code = codes.issue(deps, held.provider_id, held.card_id)
    with pytest.raises(CardOtherMerchant):
        till(deps, replace(held, scan=elsewhere, merchant_id=elsewhere.merchant_id), 100, code.text)
    assert product.one("SELECT paid_fen FROM member_card").paid_fen == 5_000


def test_nobody_spends_from_anothers_card(product: Product) -> None:
    deps = product.deps
    rich = give_card(deps, 5_000)
    poor = give_card(deps, 100, scan=rich.scan)
    with pytest.raises(Exception, match="余额不足"):
        pay_by_card(deps, rich.scan, poor.person_id, Purchase(101), intent_key="poor")
    assert rich.person_id != poor.person_id


RECORDS = (
    *("ledger_entry", "ledger_seal", "recharge", "card_spend", "card_taking", "card_terms"),
    *("card_payout", "card_payout_part", "member", "member_card", "card_program", "audit_entry"),
    *("pay_order", "pay_attempt", "refund", "import_batch", "bill", "bill_case", "money_case"),
)


def test_nothing_deletes_what_must_be_kept(product: Product) -> None:
    """Five years and more: the serving role may not, and no job asks for it."""
    assert not REMOVABLE & set(RECORDS)
    for table in RECORDS:
        row = product.one(
            f"SELECT has_table_privilege('{table}', 'DELETE') AS deletes,"
            f" has_table_privilege('{table}', 'TRUNCATE') AS empties,"
            f" has_table_privilege('{table}', 'UPDATE') AS changes"
        )
        assert (row.deletes, row.empties) == (False, False), table
        assert row.changes == (table not in APPEND_ONLY), table
    for statement in housekeeping._EXPIRED:
        assert statement.split()[2] in REMOVABLE
