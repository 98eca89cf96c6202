"""Claiming a card: one a person, at one merchant, in WeChat."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from services.cards import members, programs
from services.cards.member_problems import NotOffered, WechatOnly
from tests.harness.product import Product
from tests.integration.cards.members.conftest import ACTOR, Shop, shop_of


def test_a_claimed_card_is_empty_unregistered_and_ends(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    assert shop.claim("o-lin") == card_id
    row = product.one("SELECT * FROM member_card WHERE id = :i", i=card_id)
    assert (row.balance_fen, row.cap_fen, row.registered_at) == (0, 100_000, None)
    assert row.expires_on >= date.today().replace(year=date.today().year + 3)
    body, last = row.number[:-1], int(row.number[-1])
    assert len(row.number) == 12
    assert members.check_digit(body) == last
    assert shop.claim("o-zhou") != card_id


def test_twenty_taps_at_once_make_one_card(product: Product, shop: Shop) -> None:
    person = shop.person("o-lin")
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: members.claim(*shop.place, person), range(20)))
    assert len(set(made)) == 1
    assert product.one("SELECT count(*) AS n FROM member_card WHERE id = :i", i=made[0]).n == 1


def test_a_card_needs_a_live_program_and_wechat(product: Product, shop: Shop) -> None:
    with pytest.raises(WechatOnly):
        members.claim(*shop.place, shop.person("2088", "alipay"))
    mine = shop.claim("o-lin")
    programs.suspend(*shop.place, actor=ACTOR)
    assert shop.claim("o-lin") == mine  # who has one keeps it
    with pytest.raises(NotOffered):
        shop.claim("o-zhou")
    other = shop_of(product, "山雀咖啡")
    with pytest.raises(NotOffered):
        other.claim("o-lin")


def test_a_person_has_a_card_at_each_merchant(product: Product, shop: Shop) -> None:
    other = shop_of(product, "山雀咖啡")
    other.open_card()
    mine, theirs = shop.claim("o-lin"), other.claim("o-lin")
    assert mine != theirs

    def find(place: Shop) -> int | None:
        found = shop.deps.transact(
            lambda s: members.find_card(
                s, place.provider_id, place.merchant_id, shop.person("o-lin")
            )
        )
        return found.id if found else None

    assert (find(shop), find(other)) == (mine, theirs)


def test_a_new_program_is_a_new_card(product: Product, shop: Shop) -> None:
    old = shop.claim("o-lin")
    programs.delete(*shop.place, actor=ACTOR)
    with pytest.raises(NotOffered):
        shop.claim("o-lin")
    shop.open_card()
    assert shop.claim("o-lin") != old
