"""The merchant whose card the members of a play hold: it stands while plays come and go."""

from __future__ import annotations

from services.cards import programs, terms
from services.cards.programs import Tier
from services.cards.terms import NewTerms
from services.codepay import listing
from services.deps import Deps

SHOP, OWNER = "qinghe-hubin", "sim:owner"
TIERS = (Tier(10_000, 1_000), Tier(20_000, 3_000), Tier(30_000, 5_000))


def issue_card(deps: Deps) -> None:
    """An approved card, with terms and sums."""
    shop = listing.shop(deps, SHOP)
    whose = (shop.provider_id, shop.merchant_id)
    programs.create(deps, *whose, {"title": "青禾茶卡"}, actor=OWNER)
    programs.set_tiers(deps, *whose, list(TIERS), actor=OWNER)
    words = NewTerms("青禾茶事有限公司", "0571-00000000", "七日内可退")
    terms.publish(deps, *whose, words, actor=OWNER)
    programs.submit(deps, *whose, actor=OWNER)
    programs.approve(deps, *whose, actor=OWNER)
