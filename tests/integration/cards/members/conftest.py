"""A merchant whose members have cards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from models.card import Member, MemberCard, RechargeMode
from services.cards import members, programs, terms
from services.cards.programs import Tier
from services.deps import Deps
from services.payers import find_or_make_person
from tests.harness.product import Product

TERMS = terms.NewTerms("杭州南窗餐饮有限公司", "0571-8888 0000", "未消费的余额可以随时申请退回。")
ACTOR = "test"


@dataclass(frozen=True)
class Shop:
    """南窗面馆: the demo's second merchant, without a card of its own."""

    deps: Deps
    provider_id: int
    merchant_id: int

    @property
    def place(self) -> tuple[Deps, int, int]:
        return self.deps, self.provider_id, self.merchant_id

    def open_card(self) -> int:
        """An approved card with two sums and terms; the program's id."""
        made = programs.create(
            *self.place, {"title": "南窗会员", "mode": RechargeMode.FIXED}, actor=ACTOR
        )
        programs.set_tiers(*self.place, [Tier(5000), Tier(10000, 1000)], actor=ACTOR)
        terms.publish(*self.place, TERMS, actor=ACTOR)
        programs.submit(*self.place, actor=ACTOR)
        programs.approve(*self.place, actor=ACTOR)
        return made

    def person(self, openid: str, channel: str = "wechat") -> int:
        return self.deps.transact(
            lambda s: find_or_make_person(s, self.deps, self.provider_id, channel, "wx1", openid)
        )

    def person_of(self, card_id: int) -> int | None:
        """Whose card it is."""

        def unit(session: Session) -> int | None:
            card = session.get_one(MemberCard, (self.provider_id, card_id))
            return session.get_one(Member, (self.provider_id, card.member_id)).person_id

        return self.deps.transact(unit)

    def claim(self, openid: str) -> int:
        return members.claim(*self.place, self.person(openid))


def shop_of(product: Product, name: str) -> Shop:
    row = product.one("SELECT provider_id, id FROM merchant WHERE name = :n", n=name)
    return Shop(product.deps, row.provider_id, row.id)


@pytest.fixture
def bare(product: Product) -> Shop:
    """A merchant without a card."""
    return shop_of(product, "南窗面馆")


@pytest.fixture
def shop(bare: Shop) -> Shop:
    bare.open_card()
    return bare
