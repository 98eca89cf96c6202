"""A merchant with a member card, for the tests of its pages: 南窗面馆, two stores, two sums."""

from __future__ import annotations

from dataclasses import dataclass

from models.card import MemberCard, RechargeMode
from services.cards import adjusting, programs, store_switch, terms
from services.cards.programs import Tier
from services.codepay.charging import Charge, charge
from services.deps import Deps
from tests.harness.phone import MAIN
from tests.harness.product import Product

SUB, CODE, SHOP_ID = "sub02NANCHUANG5T7W2Y", "2W7ND5", "nanchuang"
HOME = f"/card/{MAIN}/{SUB}"
ISSUER = "杭州南窗餐饮有限公司"
TERMS = terms.NewTerms(
    ISSUER,
    "0571-8888 0000",
    "未消费的充值余额可以随时申请退回，七天内无需理由。",
    "一、本卡只在南窗面馆的门店使用。\n二、充值赠送的部分不能退现，退充值时一并收回。",
)
ACTOR = "test"


@dataclass(frozen=True)
class CardShop:
    product: Product
    provider_id: int
    merchant_id: int

    @property
    def place(self) -> tuple[Deps, int, int]:
        return self.product.deps, self.provider_id, self.merchant_id

    def card(self) -> MemberCard:
        """The only card there is."""
        row = self.product.one("SELECT provider_id, id FROM member_card")
        return self.product.deps.transact(
            lambda s: s.get_one(MemberCard, (row.provider_id, row.id))
        )

    def give(self, fen: int, key: str = "given") -> None:
        """Put a balance on the only card."""
        adjusting.adjust(
            self.product.deps, self.provider_id, self.card().id, fen, reason="老卡余额转入",
            actor=ACTOR, key=key,
        )  # fmt: skip

    def switch(self, *, is_on: bool) -> None:
        store_switch.set_cards(self.product.deps, SHOP_ID, is_on=is_on, actor=ACTOR)


def open_card(
    product: Product, mode: RechargeMode = RechargeMode.FIXED, tiers: tuple[Tier, ...] = ()
) -> CardShop:
    """An approved card with terms."""
    row = product.one("SELECT provider_id, id FROM merchant WHERE out_sub_mch_id = :s", s=SUB)
    shop = CardShop(product, row.provider_id, row.id)
    facts = {"title": "南窗会员", "mode": mode, "description": "充值有礼，吃面更划算。"}
    programs.create(*shop.place, facts, actor=ACTOR)
    sums = tiers or (Tier(5_000), Tier(10_000, 1_000), Tier(20_000, 3_000), Tier(90_000, 10_000))
    programs.set_tiers(*shop.place, list(sums), actor=ACTOR)
    terms.publish(*shop.place, TERMS, actor=ACTOR)
    programs.submit(*shop.place, actor=ACTOR)
    programs.approve(*shop.place, actor=ACTOR)
    return shop


def till(product: Product, shown: str, fen: int) -> None:
    """A cashier of the store scans the bar code that a phone shows. Raises CardRefused."""
    row = product.one(
        "SELECT provider_id, merchant_id, id FROM store WHERE out_shop_id = :s", s=SHOP_ID
    )
    charge(
        product.deps,
        Charge(
            provider_id=row.provider_id,
            merchant_id=row.merchant_id,
            store_id=row.id,
            amount_fen=fen,
            auth_code=shown.replace(" ", ""),
            asked_by=ACTOR,
        ),
    )
