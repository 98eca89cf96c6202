"""What speaks against a recharge is said before payment: nothing is written, no wallet is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.settings import Settings
from errors import AppError, Conflict, NotFound
from models.card import RechargeMode
from services.cards import caps, recharging
from services.cards.caps_listing import rooms
from services.cards.problems import BalanceCap, TotalCap
from services.deps import Deps
from tests.harness.product import Product
from tests.integration.cards.recharge.helping import (
    MakePhone,
    Shop,
    make_card,
    open_shop,
    payer_of,
    settled,
)
from tests.integration.looking import attempts, orders
from web.problems import problem


def refused(shop: Shop, code: str, pay_fen: int = 10_000, **more: Any) -> AppError:
    """Starting is refused with this code and leaves nothing behind."""
    before, held = len(orders(shop.product)), shop.money
    with pytest.raises(AppError) as said:
        shop.start(pay_fen, **more)
    assert said.value.code == code
    assert len(orders(shop.product)) == before
    assert shop.money == held
    assert problem(code).title != problem("SYS_ERROR").title
    return said.value


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE card_program SET status = 'suspended'", "CARD_SUSPENDED"),
        ("UPDATE card_program SET status = 'auditing'", "CARD_SUSPENDED"),
        ("UPDATE member_card SET status = 'closed'", "CARD_SUSPENDED"),
        ("UPDATE merchant SET is_active = false", "MERCHANT_DISABLED"),
        ("UPDATE store SET disable_membership_card = true", "CARD_DISABLED_STORE"),
    ],
)
def test_a_card_that_takes_nothing_now_says_so(
    product: Product, phone: MakePhone, statement: str, code: str
) -> None:
    shop = open_shop(product, phone)
    product.do(statement)
    shop.scan = replace(shop.scan, merchant_active=code != "MERCHANT_DISABLED")
    refused(shop, code)
    assert product.simulator.books() == []


def test_terms_that_are_not_the_newest_and_sums_that_are_not_offered(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    refused(shop, "CARD_TERMS_CHANGED", terms_version=0)
    refused(shop, "CARD_TERMS_CHANGED", terms_version=2)
    refused(shop, "CARD_TIER", 10_001)
    refused(shop, "AMOUNT_TOO_SMALL", 0)
    refused(shop, "AMOUNT_TOO_SMALL", -10_000)
    product.do("UPDATE card_tier SET is_active = false WHERE pay_fen = 10000")
    refused(shop, "CARD_TIER", 10_000)
    shop.start(20_000)


def test_only_the_payer_s_own_card_and_only_in_wechat(product: Product, phone: MakePhone) -> None:
    shop = open_shop(product, phone)
    other = make_card(product, shop.scan, None)
    with pytest.raises(NotFound):
        shop.start(card_id=other)
    with pytest.raises(NotFound):
        shop.start(card_id=999)
    zhou = phone("wechat", "zhou")
    zhou.scan("8K3FQ2")
    with pytest.raises(NotFound):
        shop.start(payer=payer_of(product, zhou, shop.scan))
    alipay = phone("alipay", "lin")
    alipay.scan("8K3FQ2")
    in_alipay = payer_of(product, alipay, shop.scan, "alipay")
    refused(shop, "CARD_WECHAT_ONLY", payer=in_alipay)
    assert orders(product) == []


def test_a_card_of_another_merchant_is_not_recharged(product: Product, phone: MakePhone) -> None:
    """architecture.md 6.9: no road crosses merchants."""
    shop = open_shop(product, phone)
    other = product.one(
        "SELECT m.id, s.id AS store_id, m.wechat_sub_mchid FROM merchant m JOIN store s ON"
        " s.merchant_id = m.id WHERE m.provider_id = :p AND m.id <> :m AND"
        " m.wechat_sub_mchid IS NOT NULL ORDER BY s.id LIMIT 1",
        p=shop.scan.provider_id,
        m=shop.scan.merchant_id,
    )
    shop.scan = replace(
        shop.scan,
        merchant_id=other.id,
        store_id=other.store_id,
        wechat_sub_mchid=other.wechat_sub_mchid,
    )
    with pytest.raises(NotFound):
        shop.start()
    assert orders(product) == []


def test_the_card_s_cap_is_reached_exactly_and_not_passed_by_one_fen(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, card_cap_fen=30_000, mode=RechargeMode.ANY)
    said = refused(shop, "CARD_BALANCE_CAP", 30_001)
    assert isinstance(said, BalanceCap)
    assert said.facts["room_fen"] == 30_000
    assert "300.00" in str(said)
    shop.confirm(shop.start(30_000))
    settled(shop, "credited")
    assert shop.money == (30_000, 0, 0)
    assert refused(shop, "CARD_BALANCE_CAP", 1).facts["room_fen"] == 0


def test_the_bonus_counts_against_the_cap(product: Product, phone: MakePhone) -> None:
    shop = open_shop(product, phone, card_cap_fen=10_999)
    refused(shop, "CARD_BALANCE_CAP", 10_000)
    product.do("UPDATE member_card SET cap_fen = 11000")
    shop.start(10_000)
    assert shop.money == (0, 0, 11_000)


def test_the_merchant_s_total_cap_counts_every_member_and_every_reservation(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, total_cap_fen=20_000, mode=RechargeMode.ANY)
    zhou = phone("wechat", "zhou")
    zhou.scan("8K3FQ2")
    payer = payer_of(product, zhou, shop.scan)
    other = make_card(product, shop.scan, payer)
    shop.start(15_000)
    said = refused(shop, "CARD_TOTAL_CAP", 5_001, payer=payer, card_id=other, intent="z1")
    assert isinstance(said, TotalCap)
    assert said.facts["room_fen"] == 5_000
    shop.start(5_000, payer=payer, card_id=other, intent="z2")
    assert shop.room == (0, 20_000)
    shop.expire()
    assert shop.room == (0, 0)


def test_a_raised_sum_of_one_intention_sees_its_own_room_as_free(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, card_cap_fen=30_000, mode=RechargeMode.ANY)
    shop.start(25_000, intent="one")
    shop.start(30_000, intent="one")
    assert shop.money == (0, 0, 30_000)
    with pytest.raises(BalanceCap) as said:
        shop.start(30_001, intent="one")
    assert said.value.facts["room_fen"] == 30_000
    assert shop.money == (0, 0, 30_000)
    assert [status for _, status in attempts(product)] == ["closed", "closed"]
    shop.start(10_000, intent="one")
    assert shop.money == (0, 0, 10_000)


def test_a_purchase_of_ten_thousand_yuan_is_refused_with_the_road(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, card_cap_fen=9_000_000, mode=RechargeMode.ANY)
    refused(shop, "CARD_PURCHASE_LIMIT", 1_000_000)
    assert "身份证件" in "".join(problem("CARD_PURCHASE_LIMIT").steps)
    shop.start(999_999)


@pytest.fixture
def narrow(settings_for: Callable[..., Settings], product: Product) -> Deps:
    """The same installation, where one person may buy for less than 300 yuan in 30 days."""
    settings = product.deps.settings.model_copy(
        update={"card_person_limit_fen": 30_000, "card_person_limit_days": 30}
    )
    return replace(product.deps, settings=settings)


def test_one_person_s_recharges_together_stay_below_the_limit(
    product: Product, phone: MakePhone, narrow: Deps
) -> None:
    shop = open_shop(product, phone, mode=RechargeMode.ANY)
    shop.pay(20_000)
    product.deps = narrow
    refused(shop, "CARD_PERSON_LIMIT", 10_000)
    shop.start(9_000)  # under way counts
    refused(shop, "CARD_PERSON_LIMIT", 1_000)
    shop.expire()  # freed does not
    refused(shop, "CARD_PERSON_LIMIT", 10_000)
    product.simulator.advance(30 * 86400)
    product.sweep()
    shop.start(10_000)


def test_the_offer_says_what_fits_and_never_the_merchant_s_total(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, total_cap_fen=20_000)

    def now() -> recharging.Offer:
        def unit(session: Any) -> recharging.Offer:
            from models.card import MemberCard

            card = session.get_one(MemberCard, (shop.scan.provider_id, shop.card_id))
            return recharging.offer(session, product.deps, card)

        return product.deps.transact(unit)

    found = now()
    assert [(t.pay_fen, t.bonus_fen, t.fits) for t in found.tiers] == [
        (10_000, 1_000, True),
        (20_000, 3_000, False),
    ]
    assert (found.room_fen, found.balance_fen, found.refusal) == (20_000, 0, None)
    assert found.terms is not None
    assert found.terms.version == 1
    shop.pay(10_000)
    settled(shop, "credited")
    found = now()
    assert (found.paid_fen, found.bonus_fen, found.room_fen) == (10_000, 1_000, 9_000)
    assert not any(tier.fits for tier in found.tiers)
    product.do("UPDATE card_program SET status = 'suspended'")
    assert now().refusal == "CARD_SUSPENDED"


def test_the_deployer_s_cap_is_never_below_what_is_owed(product: Product, phone: MakePhone) -> None:
    shop = open_shop(product, phone)
    shop.pay(10_000)
    settled(shop, "credited")
    shop.start(20_000)
    keys = (shop.scan.provider_id, shop.scan.merchant_id)
    with pytest.raises(Conflict):
        caps.set_cap(product.deps, *keys, 33_999, actor="cli:test")
    assert caps.set_cap(product.deps, *keys, 34_000, actor="cli:test").left_fen == 0
    (line,) = rooms(product.deps, shop.scan.out_sub_mch_id)
    assert (line.cap_fen, line.balance_fen, line.held_fen, line.recharges) == (
        34_000, 11_000, 23_000, 1,
    )  # fmt: skip
    said = product.one("SELECT facts FROM audit_entry WHERE action = 'card_cap_set'").facts
    assert (said["before_fen"], said["after_fen"]) == (10_000_000, 34_000)
    runner = product.app.test_cli_runner()
    shown = runner.invoke(args=["cards", "room", shop.scan.out_sub_mch_id])
    assert "cap ¥340.00  balance ¥110.00  held ¥230.00 of 1  left ¥0.00" in shown.output
    low = runner.invoke(args=["cards", "cap", shop.scan.out_sub_mch_id, "1"])
    assert low.exit_code == 1
    assert "cannot be below" in low.output
    assert runner.invoke(args=["cards", "caps"]).exit_code == 0
