"""Who of the people around a payout may do what, and when it is too late to take it back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.cards import code_figures, payout_listing, payout_rights, payouts
from services.cards.adjusting import adjust
from services.cards.member_problems import NoRight
from services.cards.payout_problems import PayoutReference, PayoutState
from services.totals import china_day
from tests.harness.product import Product
from tests.integration.cards.law.helping import (
    DAY,
    TERMS,
    allow,
    ask,
    audited,
    part_ids,
    parts,
    payout,
    recharge,
    wallets_answer,
)
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop


@pytest.fixture
def shop(product: Product, phone: MakePhone) -> Shop:
    return open_shop(product, phone)


def staff_of(shop: Shop, wanted: str) -> list[str]:
    rows = shop.product.sql(
        f"SELECT public_id FROM staff WHERE provider_id = :p AND ({wanted}) ORDER BY id",
        p=shop.scan.provider_id, m=shop.scan.merchant_id,
    )  # fmt: skip
    return [row.public_id for row in rows]


def test_only_the_owner_asks_for_a_member_and_writes_down_what_was_handed_over(
    shop: Shop,
) -> None:
    """A denied person changes nothing, and it is remembered."""
    deps, provider = shop.product.deps, shop.scan.provider_id
    adjust(deps, provider, shop.card_id, 5_000, reason="旧系统", actor="test", key="old")
    (owner,) = staff_of(shop, "merchant_id = :m AND role = 'owner'")
    others = staff_of(shop, "merchant_id <> :m OR role <> 'owner'")
    assert len(others) >= 2
    for one in others:
        with pytest.raises(NoRight):
            payout_rights.ask_as_staff(deps, provider, one, shop.card_id, TERMS)
    assert shop.product.sql("SELECT id FROM card_payout") == []
    made = payout_rights.ask_as_staff(deps, provider, owner, shop.card_id, TERMS)
    payout_rights.allow_as_staff(deps, provider, owner, made)
    (part,) = part_ids(shop)
    for one in others:
        with pytest.raises(NoRight):
            payout_rights.pay_by_hand_as_staff(deps, provider, one, part, how="现金", reference="1")
    assert audited(shop).count("payout_denied") == 2 * len(others)
    with pytest.raises(PayoutReference):
        payout_rights.pay_by_hand_as_staff(deps, provider, owner, part, how="现金", reference=" ")
    assert parts(shop) == [("hand", "open", 5_000, 0, 0)]
    payout_rights.pay_by_hand_as_staff(deps, provider, owner, part, how="现金", reference="1")
    row = shop.product.one("SELECT paid_by FROM card_payout_part")
    assert row.paid_by == payout(shop).asked_by
    assert row.paid_by.startswith("staff:")


def test_a_member_takes_back_only_what_nobody_has_decided(shop: Shop) -> None:
    """Once allowed, the money may be in somebody's hand already."""
    deps, provider = shop.product.deps, shop.scan.provider_id
    adjust(deps, provider, shop.card_id, 5_000, reason="旧系统", actor="test", key="old")
    first = ask(shop)
    for _ in range(2):
        payouts.cancel(deps, provider, first, actor="member:1", only_asked=True)
    assert payout(shop).status == "cancelled"
    second = ask(shop)
    allow(shop, second)
    with pytest.raises(PayoutState):
        payouts.cancel(deps, provider, second, actor="member:1", only_asked=True)
    assert parts(shop) == [("hand", "open", 5_000, 0, 0)]


def test_the_most_urgent_stand_first_and_ended_ones_page_without_loss(shop: Shop) -> None:
    deps, place = shop.product.deps, (shop.scan.provider_id, shop.scan.merchant_id)
    made = []
    for nth in range(3):
        adjust(deps, place[0], shop.card_id, 100, reason="x", actor="t", key=f"k{nth}")
        made.append(ask(shop))
        payouts.cancel(deps, place[0], made[-1], actor="t")
    under_way = ask(shop)
    shop.product.simulator.advance(30 * DAY)
    (line,) = deps.transact(lambda s: payout_listing.open_ones(s, deps, *place))
    assert (line.payout.id, line.is_overdue) == (under_way, True)
    seen: list[int] = []
    while True:
        before = seen[-1] if seen else None
        page = deps.transact(
            lambda s, b=before: payout_listing.ended_ones(  # type: ignore[misc]
                s, deps, *place, before_id=b, most=2
            )
        )
        if not page:
            break
        seen += [one.payout.id for one in page]
    assert seen == made[::-1]
    other = (place[0], place[1] + 1)
    assert deps.transact(lambda s: payout_listing.open_ones(s, deps, *other)) == []


def test_figures_by_code_count_what_was_paid_in_the_span_and_what_of_it_went_back(
    shop: Shop,
) -> None:
    deps, place = shop.product.deps, (shop.scan.provider_id, shop.scan.merchant_id)
    recharge(shop)
    today = china_day(deps.now())
    allow(shop, ask(shop))
    wallets_answer(shop)
    (row,) = deps.transact(lambda s: code_figures.by_code(s, *place, today, today))
    assert (row.code, row.recharges, row.recharged_fen, row.recharge_back_fen) == (
        "8K3FQ2", 1, 10_000, 10_000,
    )  # fmt: skip
    assert (row.payments, row.spent_fen) == (0, 0)
    for since, until in ((-1, -1), (1, 1)):
        span = (today + timedelta(days=since), today + timedelta(days=until))
        assert deps.transact(lambda s, d=span: code_figures.by_code(s, *place, *d)) == []  # type: ignore[misc]
    elsewhere = shop.scan.store_id + 1
    assert (
        deps.transact(lambda s: code_figures.by_code(s, *place, today, today, store_id=elsewhere))
        == []
    )
