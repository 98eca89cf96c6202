"""The card in WeChat's own wallet: made and reviewed there, and a copy of the balance on it."""

from __future__ import annotations

from typing import Any

import pytest

from services.cards import programs, terms, wechat_membership
from services.cards.member_problems import NotOffered, ProgramIncomplete, ProgramState
from tests.harness.product import Product
from tests.integration.cards.members.conftest import ACTOR, TERMS, Shop
from tests.integration.cards.members.test_adjusting import adjust

FACTS = {
    "title": "南窗会员",
    "card_sub_mchid": "1900009001",
    "logo_url": "https://mmbiz.qlogo.cn/logo.png",
}


def sweep(product: Product) -> int:
    claims = wechat_membership.claim_due(product.deps, 20)
    for claim in claims:
        wechat_membership.pursue(product.deps, claim)
    return len(claims)


def hand_in(shop: Shop) -> None:
    programs.create(*shop.place, FACTS, actor=ACTOR)
    terms.publish(*shop.place, TERMS, actor=ACTOR)
    programs.submit(*shop.place, in_wechat=True, actor=ACTOR)


def state(product: Product) -> tuple[str, str]:
    row = product.one(
        "SELECT p.status, w.state FROM card_program p JOIN wechat_card w ON w.provider_id ="
        " p.provider_id AND w.program_id = p.id"
    )
    return row.status, row.state


def there(product: Product) -> dict[str, Any]:
    (found,) = product.simulator.get("/sim/wechat/cards")
    return dict(found)


def in_wallet(product: Product, shop: Shop, person: str = "lin") -> int:
    """A member who took the card into the wallet; the card's id."""
    card_id = shop.claim(f"o-{person}")
    extension = wechat_membership.add_to_wallet(shop.deps, shop.provider_id, card_id)
    product.simulator.post("/sim/wechat/cards/take", {"person": person, **extension})
    wechat_membership.added(shop.deps, shop.provider_id, card_id)
    return card_id


def test_a_card_is_made_reviewed_taken_and_shows_its_balance(product: Product, bare: Shop) -> None:
    hand_in(bare)
    assert state(product) == ("auditing", "wanted")
    with pytest.raises(ProgramState):  # WeChat decides now
        programs.approve(*bare.place, actor=ACTOR)
    sweep(product)  # made
    sweep(product)  # asked
    assert state(product) == ("approved", "passed")
    made = there(product)["member_card"]
    assert made["supply_balance"] is False  # no stored value there: a field that leads to us
    assert made["custom_field1"]["url"].startswith(f"{product.url}/card/")
    card_id = in_wallet(product, bare)
    sweep(product)
    (held,) = there(product)["held"].values()
    number = product.one("SELECT number FROM member_card WHERE id = :i", i=card_id).number
    assert (held["is_active"], held["number"]) == (True, number)
    assert held["shown"] == {"custom_field_value1": "¥0.00"}
    adjust(bare, card_id, 1234, "a1")
    adjust(bare, card_id, 1, "a2")
    assert sweep(product) == 1  # one call for two movements: it is a copy
    (held,) = there(product)["held"].values()
    assert held["shown"] == {"custom_field_value1": "¥12.35"}
    assert held["notices"] == 0
    assert sweep(product) == 0


def test_a_review_takes_its_time_and_may_end_badly(product: Product, bare: Shop) -> None:
    product.simulator.switch("wechat.card_review", "wait")
    hand_in(bare)
    sweep(product)
    sweep(product)
    assert state(product) == ("auditing", "reviewed")
    assert sweep(product) == 0  # not asked without end
    product.simulator.post(f"/sim/wechat/cards/{there(product)['card_id']}/review", {"as": "fail"})
    product.simulator.advance(61)
    sweep(product)
    assert state(product) == ("rejected", "refused")
    programs.redraft(*bare.place, actor=ACTOR)
    with pytest.raises(NotOffered):
        wechat_membership.add_to_wallet(bare.deps, bare.provider_id, _any_card(product, bare))


def _any_card(product: Product, shop: Shop) -> int:
    terms.publish(*shop.place, TERMS, actor=ACTOR)
    programs.submit(*shop.place, actor=ACTOR)  # our page alone
    programs.approve(*shop.place, actor=ACTOR)
    return shop.claim("o-lin")


def test_what_wechat_refuses_is_told_and_not_sent_again(product: Product, bare: Shop) -> None:
    product.simulator.switch("wechat.card_permission", "off")
    hand_in(bare)
    sweep(product)
    assert state(product) == ("rejected", "refused")
    reason = product.one("SELECT reject_reason FROM card_program WHERE title = '南窗会员'")
    assert "48001" in reason.reject_reason
    product.simulator.advance(4000)
    assert sweep(product) == 0


def test_a_lost_answer_is_asked_again_later(product: Product, bare: Shop) -> None:
    hand_in(bare)
    product.simulator.fault("wechat.card_create", "drop")
    sweep(product)
    assert state(product) == ("auditing", "wanted")
    assert sweep(product) == 0
    product.simulator.advance(61)
    sweep(product)
    sweep(product)
    assert state(product) == ("approved", "passed")


def test_a_token_that_is_over_is_fetched_anew(product: Product, bare: Shop) -> None:
    hand_in(bare)
    sweep(product)
    product.simulator.advance(7300)
    sweep(product)
    assert state(product) == ("approved", "passed")


def test_a_copy_that_fails_is_shown_and_left_alone_until_the_card_moves(
    product: Product, bare: Shop
) -> None:
    hand_in(bare)
    sweep(product)
    sweep(product)
    card_id = bare.claim("o-lin")
    wechat_membership.added(bare.deps, bare.provider_id, card_id)  # nobody took it: 40056
    for _ in range(12):
        sweep(product)
        product.simulator.advance(3601)
    (line,) = wechat_membership.behind(*bare.place)
    assert line.is_given_up
    assert line.said.startswith("40056")
    shown = product.app.test_cli_runner().invoke(args=["cards", "show", "sub02NANCHUANG5T7W2Y"])
    assert f"WeChat's copy of {line.number}: 40056" in shown.output
    assert (
        product.one("SELECT tries FROM wechat_card_copy WHERE card_id = :i", i=card_id).tries == 5
    )
    extension = wechat_membership.add_to_wallet(bare.deps, bare.provider_id, card_id)
    product.simulator.post("/sim/wechat/cards/take", {"person": "lin", **extension})
    adjust(bare, card_id, 700, "again")
    sweep(product)
    assert wechat_membership.behind(*bare.place) == []
    (held,) = there(product)["held"].values()
    assert held["shown"] == {"custom_field_value1": "¥7.00"}


def test_a_movement_while_the_copy_is_written_is_not_lost(product: Product, bare: Shop) -> None:
    hand_in(bare)
    sweep(product)
    sweep(product)
    card_id = in_wallet(product, bare)
    sweep(product)
    adjust(bare, card_id, 500, "first")
    (claim,) = wechat_membership.claim_due(product.deps, 20)
    adjust(bare, card_id, 500, "meanwhile")
    # the answer of the call that was made before the second movement comes only now
    product.deps.transact(lambda s: wechat_membership._shown(s, product.deps, claim, 1))
    assert sweep(product) == 1
    (held,) = there(product)["held"].values()
    assert held["shown"] == {"custom_field_value1": "¥10.00"}


def test_wechat_s_wallet_needs_a_number_and_a_logo(product: Product, bare: Shop) -> None:
    programs.create(*bare.place, {"title": "南窗会员"}, actor=ACTOR)
    terms.publish(*bare.place, TERMS, actor=ACTOR)
    with pytest.raises(ProgramIncomplete):
        programs.submit(*bare.place, in_wechat=True, actor=ACTOR)
    programs.change(*bare.place, {"card_sub_mchid": "1900009001"}, actor=ACTOR)
    with pytest.raises(ProgramIncomplete):
        programs.submit(*bare.place, in_wechat=True, actor=ACTOR)
