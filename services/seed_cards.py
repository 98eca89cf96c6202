"""Demo data: 青禾茶事 has a member card, with terms and fixed sums."""

from __future__ import annotations

from sqlalchemy import select

from models.card import RechargeMode
from models.merchant import Merchant
from services.cards import programs, terms
from services.cards.programs import Tier
from services.deps import Deps

ISSUER = "sub01QINGHE8H2K4M6P9"
ACTOR = "seed"
FACTS = {
    "title": "青禾会员卡",
    "notice": "付款时选会员卡",
    "description": "在青禾茶事的门店付款时可用余额支付。",
    "color": "Color050",
    "service_phone": "0571-88880000",
    "mode": RechargeMode.FIXED,
}
TIERS = [
    Tier(5_000),
    Tier(10_000),
    Tier(20_000, 1_000),
    Tier(30_000, 2_000),
    Tier(50_000, 5_000),
]
TERMS = terms.NewTerms(
    issuer_name="杭州青禾茶事有限公司（演示）",
    contact="0571-88880000，杭州市上城区湖滨路 1 号",
    refund_rule="充值后 7 日内无理由退回未消费的余额，赠送部分收回；7 日后联系门店办理。",
    body="会员卡余额由青禾茶事发行与兑付，仅限在青禾茶事的门店消费，不能转让、不能提现。",
)


def seed_card(deps: Deps) -> bool:
    """Make the card, once; False where the merchant has one, or is not there."""
    found = deps.transact(
        lambda s: s.execute(
            select(Merchant.provider_id, Merchant.id).where(Merchant.out_sub_mch_id == ISSUER)
        ).first()
    )
    if found is None:
        return False
    provider_id, merchant_id = found
    if deps.transact(lambda s: programs.alive_program(s, provider_id, merchant_id)) is not None:
        return False
    place = (deps, provider_id, merchant_id)
    programs.create(*place, FACTS, actor=ACTOR)
    programs.set_tiers(*place, TIERS, actor=ACTOR)
    terms.publish(*place, TERMS, actor=ACTOR)
    programs.submit(*place, actor=ACTOR)
    programs.approve(*place, actor=ACTOR)
    return True
