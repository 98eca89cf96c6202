"""Adjustments: by the merchant's owner, with a reason, between nothing and the caps, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from errors import AppError, BadInput
from models.ledger import LedgerAccount, MovementKind
from services import ledger
from services.cards import adjusting, caps, programs
from services.cards.adjusting import Adjustment
from services.cards.member_problems import AdjustLow, CardUnknown, NoRight, ProgramState
from services.cards.problems import BalanceCap, MovementReused, TotalCap
from tests.harness.product import Product
from tests.integration.cards.members.conftest import ACTOR, Shop


def adjust(shop: Shop, card_id: int, fen: int, key: str, reason: str = "补差") -> None:
    adjusting.adjust(shop.deps, shop.provider_id, card_id, fen, reason=reason, actor=ACTOR, key=key)


def balance(product: Product, card_id: int) -> int:
    return int(
        product.one("SELECT balance_fen FROM member_card WHERE id = :i", i=card_id).balance_fen
    )


def number(product: Product, card_id: int) -> str:
    return str(product.one("SELECT number FROM member_card WHERE id = :i", i=card_id).number)


def owner(product: Product, name: str) -> str:
    row = product.one(
        "SELECT s.public_id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE m.name = :n AND s.role = 'owner'",
        n=name,
    )
    return str(row.public_id)


def test_more_and_less_once_per_key_and_written_down(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    for _ in range(2):
        adjust(shop, card_id, 5000, "a1")
    adjust(shop, card_id, -1200, "a2", "录入有误")
    assert balance(product, card_id) == 3800
    with pytest.raises(MovementReused):
        adjust(shop, card_id, 4000, "a1")
    said = product.sql("SELECT facts FROM audit_entry WHERE action = 'card_adjusted' ORDER BY id")
    assert [(r.facts["delta_fen"], r.facts["reason"]) for r in said] == [
        (5000, "补差"),
        (-1200, "录入有误"),
    ]
    legs = product.sql(
        "SELECT account, delta_fen, reason FROM ledger_entry WHERE key = 'adjust:a2'"
    )
    assert sorted((r.account, r.delta_fen) for r in legs) == [
        ("adjustments", 1200),
        ("card_paid", -1200),
    ]


def test_never_below_zero_and_never_above_a_cap_by_one_fen(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    adjust(shop, card_id, 100_000, "full")  # equal is allowed
    with pytest.raises(BalanceCap) as card_cap:
        adjust(shop, card_id, 1, "over")
    assert card_cap.value.facts["room_fen"] == 0
    adjust(shop, card_id, -100_000, "empty")
    with pytest.raises(AdjustLow, match=r"0\.00"):
        adjust(shop, card_id, -1, "below")
    caps.set_cap(*shop.place, 5000, actor=ACTOR)
    adjust(shop, card_id, 5000, "room")
    with pytest.raises(TotalCap):
        adjust(shop, shop.claim("o-zhou"), 1, "no-room")
    assert balance(product, card_id) == 5000


def test_a_bonus_is_not_adjusted_away(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    adjust(shop, card_id, 100, "paid")

    def give(session: Session) -> None:
        room, card = ledger.lock_with_room(session, shop.provider_id, shop.merchant_id, card_id)
        legs = (LedgerAccount.CARD_BONUS, 50), (LedgerAccount.BONUS, -50)
        gift = ledger.Movement(MovementKind.RECHARGE, "recharge:b", legs, shop.deps.now(), ACTOR)
        ledger.post(session, card, gift, room)

    shop.deps.transact(give)
    with pytest.raises(AdjustLow, match=r"1\.00"):
        adjust(shop, card_id, -101, "into-the-bonus")
    adjust(shop, card_id, -100, "paid-part")
    assert balance(product, card_id) == 50


def test_the_same_key_from_many_at_once_counts_once(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: adjust(shop, card_id, 700, "once"), range(24)))
    assert balance(product, card_id) == 700


def test_a_key_that_is_known_says_nothing_of_what_came_later(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    adjust(shop, card_id, 700, "k1")
    programs.suspend(*shop.place, actor=ACTOR)
    adjust(shop, card_id, 700, "k1")
    with pytest.raises(ProgramState):
        adjust(shop, card_id, 700, "k2")
    adjust(shop, card_id, -700, "k3")  # less owed is always right


def test_only_the_merchant_s_owner_and_a_denial_is_remembered(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    wanted = Adjustment(number(product, card_id), 900, "补差", "own")
    with pytest.raises(NoRight):  # another merchant's owner
        adjusting.adjust_as_staff(shop.deps, shop.provider_id, owner(product, "青禾茶事"), wanted)
    assert balance(product, card_id) == 0
    assert product.one("SELECT facts FROM audit_entry WHERE action = 'card_adjust_denied'")
    mine = owner(product, "南窗面馆")
    adjusting.adjust_as_staff(shop.deps, shop.provider_id, mine, wanted)
    assert balance(product, card_id) == 900
    product.do("UPDATE staff SET role = 'manager' WHERE public_id = :i", i=mine)
    with pytest.raises(NoRight):
        adjusting.adjust_as_staff(
            shop.deps, shop.provider_id, mine, Adjustment(wanted.number, 1, "补差", "own2")
        )


def test_a_card_of_another_provider_is_unknown(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    other = product.one("SELECT id FROM provider WHERE id <> :p", p=shop.provider_id).id
    with pytest.raises(CardUnknown):
        adjusting.adjust(shop.deps, other, card_id, 100, reason="补差", actor=ACTOR, key="foreign")
    stranger = product.one("SELECT public_id FROM staff WHERE provider_id = :p", p=other).public_id
    with pytest.raises(CardUnknown):
        adjusting.adjust_as_staff(
            shop.deps, other, stranger, Adjustment(number(product, card_id), 100, "补差", "f")
        )
    assert balance(product, card_id) == 0


@pytest.mark.parametrize(
    ("fen", "reason", "key"),
    [(0, "补差", "k"), (1, " ", "k"), (1, "长" * 81, "k"), (1, "补差", ""), (1, "补差", "a b")],
)
def test_an_adjustment_without_amount_reason_or_key_is_none(
    product: Product, shop: Shop, fen: int, reason: str, key: str
) -> None:
    with pytest.raises(BadInput):
        adjust(shop, shop.claim("o-lin"), fen, key, reason)


def test_many_at_the_cap_never_pass_it(product: Product, shop: Shop) -> None:
    caps.set_cap(*shop.place, 10_000, actor=ACTOR)
    cards = [shop.claim(f"o-{n}") for n in range(5)]

    def put(n: int) -> str:
        try:
            adjust(shop, cards[n % 5], 700, f"put-{n}")
        except AppError as problem:
            return problem.code
        return "in"

    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(put, range(40)))
    assert said.count("in") == 14
    assert set(said) == {"in", "CARD_TOTAL_CAP"}
    total = product.one(
        "SELECT sum(balance_fen) AS fen FROM member_card WHERE merchant_id = :m",
        m=shop.merchant_id,
    )
    assert total.fen == 9800
