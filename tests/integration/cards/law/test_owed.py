"""What is owed to members as of any day; bonus that lapses, cards that end and are renewed."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from errors import BadInput, Conflict
from models.card import CardStatus, Member, MemberCard
from services.bills.days import china_date, ends
from services.cards import bonus_expiry, caps, liability, members, people, renewing
from services.cards.member_problems import CardUnknown
from services.cards.problems import BalanceLow
from services.cards.spend_problems import CardExpired
from services.cards.spending import pay_by_card
from services.checkout import Purchase
from services.deps import Deps
from services.refunds.asking import Ask, ask_for
from tests.harness.product import Product
from tests.integration.cards.law.helping import (
    COOLING,
    DAY,
    allow,
    ask,
    recharge,
    wallets_answer,
)
from tests.integration.cards.recharge.helping import MakePhone, open_shop
from tests.integration.cards.spend.helping import Held, give_card, merchants
from tests.integration.cards.spend.helping import shop as any_shop

_BUYS = iter(range(1, 10_000))


def buy(deps: Deps, held: Held, fen: int) -> None:
    pay_by_card(deps, held.scan, held.person_id, Purchase(fen), intent_key=f"owed{next(_BUYS)}")


def years_on(deps: Deps, years: int = 20) -> Deps:
    """The same collaborators, so many years later."""
    return replace(deps, now=lambda: deps.now() + timedelta(days=365 * years))


def owed(product: Product, held: Held, on: date | None = None) -> tuple[int, int, int]:
    """(paid, bonus, cards) of the report."""
    found = liability.report(product.deps, held.provider_id, held.merchant_id, on)
    return found.paid_fen, found.bonus_fen, found.cards


def test_any_day_is_what_it_was_at_its_end_in_china(product: Product) -> None:
    """Three cards over four days; every day's sums, and those of days without a movement."""
    deps = product.deps
    first = give_card(deps, 5_000, 500)
    second = give_card(deps, 3_000, scan=first.scan)
    day0 = china_date(deps.now())
    seen = {day0: owed(product, first)}
    assert seen[day0] == (8_000, 500, 2)
    product.simulator.advance(2 * DAY)
    buy(deps, first, 700)
    give_card(deps, 1_000, scan=first.scan)
    seen[day0 + timedelta(days=2)] = owed(product, first)
    product.simulator.advance(3 * DAY)
    buy(deps, second, 3_000)
    buy(deps, first, 100)
    seen[day0 + timedelta(days=5)] = owed(product, first)
    assert list(seen.values()) == [(8_000, 500, 2), (8_800, 0, 3), (5_700, 0, 2)]
    for on, sums in seen.items():
        assert owed(product, first, on) == sums
        assert owed(product, first, on) == _by_hand(product, on)
    assert owed(product, first, day0 + timedelta(days=1)) == seen[day0]
    assert owed(product, first, day0 + timedelta(days=4)) == seen[day0 + timedelta(days=2)]
    assert owed(product, first, day0 - timedelta(days=1)) == (0, 0, 0)
    with pytest.raises(BadInput):
        owed(product, first, day0 + timedelta(days=6))


def _by_hand(product: Product, on: date) -> tuple[int, int, int]:
    row = product.one(
        "SELECT COALESCE(sum(paid), 0) AS paid, COALESCE(sum(bonus), 0) AS bonus,"
        " count(*) FILTER (WHERE paid + bonus > 0) AS cards FROM ("
        " SELECT COALESCE(sum(delta_fen) FILTER (WHERE account = 'card_paid'), 0) AS paid,"
        " COALESCE(sum(delta_fen) FILTER (WHERE account = 'card_bonus'), 0) AS bonus"
        " FROM ledger_entry WHERE day_on <= :on GROUP BY card_id) cards",
        on=on,
    )
    return int(row.paid), int(row.bonus), row.cards


def test_a_minute_before_midnight_in_china_belongs_to_the_day_before(product: Product) -> None:
    deps = product.deps
    held = give_card(deps, 5_000)
    now = deps.now().astimezone(ends(china_date(deps.now())).tzinfo)
    product.simulator.advance(int((ends(now.date()) - now).total_seconds()) - 60)
    day = china_date(deps.now())
    buy(deps, held, 100)
    product.simulator.advance(120)
    buy(deps, held, 1_000)
    assert china_date(deps.now()) == day + timedelta(days=1)
    assert owed(product, held, day) == (4_900, 0, 1)
    assert owed(product, held) == (3_900, 0, 1)


def test_another_merchants_members_are_not_in_it(product: Product) -> None:
    deps = product.deps
    mine = give_card(deps, 5_000)
    other = give_card(deps, 7_000, scan=any_shop(deps, merchants(deps)[1]))
    assert owed(product, mine) == (5_000, 0, 1)
    assert owed(product, other) == (7_000, 0, 1)


def test_the_report_names_each_member_masked_and_the_custody_shares(
    product: Product, tmp_path: Path
) -> None:
    deps = product.deps
    held = give_card(deps, 5_001, 500)
    empty = give_card(deps, scan=held.scan)
    imported = give_card(deps, 800, scan=held.scan, status=CardStatus.IMPORTED)

    def known(session) -> None:  # type: ignore[no-untyped-def]
        card = session.get_one(MemberCard, (held.provider_id, held.card_id))
        member = session.get_one(Member, (held.provider_id, card.member_id))
        for column, plain in (("phone_sealed", "13812345678"), ("name_sealed", "林晓")):
            setattr(member, column, people.seal(deps, column, held.provider_id, member.id, plain))

    deps.transact(known)
    found = list(liability.members(deps, held.provider_id, held.merchant_id))
    assert [(o.phone, o.name, o.state, o.paid_fen, o.bonus_fen) for o in found] == [
        ("138****5678", "林*", "active", 5_001, 500), ("", "", "imported", 800, 0),
    ]  # fmt: skip
    assert empty.card_id not in (held.card_id, imported.card_id)
    report = liability.report(deps, held.provider_id, held.merchant_id)
    assert report.shares == ((20, 1_161), (30, 1_741), (40, 2_321))
    file = tmp_path / "owed.csv"
    told = product.app.test_cli_runner().invoke(
        args=["cards", "liability", held.scan.out_sub_mch_id, "--csv", str(file)]
    )
    assert told.exit_code == 0, told.output
    rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    assert rows[0] == list(liability.HEADER)
    assert [row[2:] for row in rows[1:]] == [
        ["138****5678", "林*", "active", "50.01", "5.00", "55.01"],
        ["", "", "imported", "8.00", "0.00", "8.00"],
    ]
    assert "13812345678" not in file.read_text("utf-8")
    shown = product.app.test_cli_runner().invoke(
        args=["cards", "liability", held.scan.out_sub_mch_id]
    )
    assert "owed ¥63.01  paid ¥58.01  bonus ¥5.00  cards 2" in shown.output
    assert "custody 20 %  ¥11.61" in shown.output
    assert "138****5678" in shown.output


def test_what_is_on_its_way_back_is_owed_until_it_is_there(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    recharge(shop)
    ask(shop, COOLING)
    where = (product.deps, shop.scan.provider_id, shop.scan.merchant_id)
    assert (liability.report(*where).balance_fen, liability.report(*where).returning_fen) == (
        0, 10_000,
    )  # fmt: skip
    day = china_date(product.deps.now())
    product.simulator.advance(DAY)
    wallets_answer(shop)
    assert liability.report(*where).returning_fen == 0
    assert liability.report(*where, day).returning_fen == 10_000


def test_a_suspended_card_takes_no_recharge_and_goes_on_spending_and_giving_back(
    product: Product, phone: MakePhone
) -> None:
    """A merchant that closes: recharge stops, the rest goes on, everyone owed is named."""
    shop = open_shop(product, phone)
    recharge(shop)
    deps, scan = product.deps, shop.scan
    product.do("UPDATE card_program SET status = 'suspended'")
    with pytest.raises(Exception, match="CARD_SUSPENDED"):
        shop.start()
    assert shop.payer.person_id is not None
    pay_by_card(deps, scan, shop.payer.person_id, Purchase(3_000), intent_key="still")
    order = product.one("SELECT * FROM pay_order WHERE intent_key = 'still'")
    ask_for(deps, Ask(scan.provider_id, order.out_trade_no, 500, "退", "test:a", "test:b"))
    found = liability.report(deps, scan.provider_id, scan.merchant_id)
    assert (found.standing, found.paid_fen) == ("card suspended", 8_500)
    assert len(list(liability.members(deps, scan.provider_id, scan.merchant_id))) == 1
    made = ask(shop)
    allow(shop, made)
    wallets_answer(shop)
    assert shop.money == (0, 0, 0)
    assert liability.report(deps, scan.provider_id, scan.merchant_id).balance_fen == 0


def test_of_a_suspended_merchant_the_money_still_goes_back(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    recharge(shop)
    product.do("UPDATE merchant SET is_active = false WHERE id = :m", m=shop.scan.merchant_id)
    found = liability.report(product.deps, shop.scan.provider_id, shop.scan.merchant_id)
    assert (found.standing, found.balance_fen) == ("merchant suspended", 11_000)
    ask(shop, COOLING)
    wallets_answer(shop)
    assert shop.money == (0, 0, 0)


# --- bonus ----------------------------------------------------------------------------------------


def test_a_bonus_lapses_by_night_and_paid_money_never(product: Product) -> None:
    deps = product.deps
    today = china_date(deps.now())
    held = give_card(deps, 5_000, 500, bonus_expires_on=today)
    kept = give_card(deps, 300, 30, scan=held.scan)
    assert bonus_expiry.expire(deps) == bonus_expiry.Lapsed(0, 0)
    product.simulator.advance(DAY)
    with pytest.raises(BalanceLow):
        buy(deps, held, 5_001)
    assert bonus_expiry.expire(deps) == bonus_expiry.Lapsed(1, 500)
    assert bonus_expiry.expire(deps) == bonus_expiry.Lapsed(0, 0)
    assert owed(product, held) == (5_300, 30, 2)
    row = product.one(
        "SELECT * FROM ledger_entry WHERE kind = 'bonus_expired' AND account = 'bonus'"
    )
    assert (row.delta_fen, row.key) == (500, f"expired:{held.card_id}:{today + timedelta(days=1)}")
    bonus_expiry.expire(years_on(deps))
    assert owed(product, held) == (5_300, 30, 2)
    assert kept.card_id != held.card_id


def test_a_bonus_that_comes_back_after_its_last_day_goes_the_next_night(product: Product) -> None:
    deps = product.deps
    held = give_card(deps, 1_000, 500, bonus_expires_on=china_date(deps.now()))
    buy(deps, held, 400)
    order = product.one("SELECT * FROM pay_order WHERE channel = 'balance'")
    product.simulator.advance(DAY)
    assert bonus_expiry.expire(deps).bonus_fen == 100
    ask_for(deps, Ask(held.provider_id, order.out_trade_no, 400, "退", "test:a", "test:b"))
    assert bonus_expiry.expire(deps).bonus_fen == 0
    product.simulator.advance(DAY)
    assert bonus_expiry.expire(deps).bonus_fen == 400
    assert owed(product, held) == (1_000, 0, 1)


# --- cards that end -------------------------------------------------------------------------------


def test_an_expired_card_says_how_and_is_renewed_with_its_balance(product: Product) -> None:
    deps = product.deps
    last = china_date(deps.now())
    held = give_card(deps, 5_000, registered=False, expires_on=last)
    buy(deps, held, 100)
    product.simulator.advance(DAY)
    with pytest.raises(CardExpired) as said:
        buy(deps, held, 100)
    assert "验证手机号" in said.value.steps[0]
    assert owed(product, held) == (4_900, 0, 1)
    number = product.one("SELECT number FROM member_card").number
    told = product.app.test_cli_runner().invoke(
        args=["cards", "renew", held.scan.out_sub_mch_id, number]
    )
    assert told.exit_code == 0, told.output
    row = product.one("SELECT expires_on FROM member_card")
    assert row.expires_on >= last + timedelta(days=3 * 365)
    buy(deps, held, 100)
    where = (deps, held.provider_id, held.merchant_id, number)
    assert renewing.renew(*where, actor="test:c") == row.expires_on
    actions = product.sql("SELECT 1 FROM audit_entry WHERE action = 'card_renewed'")
    assert len(actions) == 1


def test_a_registered_card_never_ends_and_nobody_elses_is_renewed(product: Product) -> None:
    deps = product.deps
    held = give_card(deps, 5_000)
    number = product.one("SELECT number FROM member_card").number
    with pytest.raises(Conflict):
        renewing.renew(deps, held.provider_id, held.merchant_id, number, actor="test:c")
    with pytest.raises(CardUnknown):
        renewing.renew(deps, held.provider_id, held.merchant_id + 1, number, actor="test:c")
    buy(years_on(deps), held, 100)


def test_a_new_card_without_a_phone_lives_at_least_three_years(product: Product) -> None:
    deps = product.deps
    held = give_card(deps)
    other = give_card(deps, scan=any_shop(deps, merchants(deps)[1]))
    made = members.claim(deps, held.provider_id, held.merchant_id, other.person_id)
    card = product.one("SELECT * FROM member_card WHERE id = :i", i=made)
    assert card.expires_on >= china_date(deps.now()) + timedelta(days=3 * 365 + 1)
    assert card.cap_fen == caps.card_cap(deps.settings, registered=False) == 100_000
    assert caps.card_cap(deps.settings, registered=True) == 500_000
