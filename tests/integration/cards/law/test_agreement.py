"""Wallets' bills, orders and refunds, and the ledger: the third side is matched every day, too."""

from __future__ import annotations

from typing import Any

import pytest

from errors import Conflict
from services.bills import cases as bill_cases
from services.bills import healing, planning, sweep, voiding
from services.bills.days import china_date
from services.bills.matching import match_bill
from services.cards.adjusting import adjust
from services.cards.spending import pay_by_card
from services.checkout import Purchase
from services.refunds.asking import Ask, ask_for
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.bills.helping import Days, paid
from tests.integration.bills.helping import days as days
from tests.integration.cards.law.helping import (
    DAY,
    allow,
    ask,
    by_hand,
    part_ids,
    parts,
    recharge,
    wallets_answer,
)
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop, settled
from tests.integration.cards.recharge.test_late import late
from tests.integration.losing import as_owner
from tests.integration.refunds.helping import refund

TABLES = ("ledger_entry", "member_card")
FREE = tuple(f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in TABLES)
GUARDED = tuple(f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in TABLES)


def behind(product: Product, *statements: str, **values: object) -> None:
    """By somebody with full rights in the database."""
    as_owner(product, *FREE, *statements, *GUARDED, **values)


def ledger_bill(days: Days) -> Any:
    planning.want_bills(days.product.deps, days.on)
    return days.product.one(
        "SELECT * FROM bill WHERE channel = 'balance' AND bill_on = :on", on=days.on
    )


def matched(days: Days) -> Any:
    """The morning after: all bills of the day, as the worker does them; the ledger's row."""
    days.morning_after()
    planning.want_bills(days.product.deps, days.on)
    while claims := sweep.claim_due(days.product.deps, 5):
        for claim in claims:
            sweep.pursue(days.product.deps, claim)
    return ledger_bill(days)


def again(days: Days) -> None:
    match_bill(days.product.deps, ledger_bill(days).id)


def a_day_of_trade(days: Days, phone: MakePhone) -> Shop:
    """A recharge, two payments from the card, refunds of both kinds, and an ordinary payment."""
    product = days.product
    shop = open_shop(product, phone)
    order = recharge(shop, 20_000)
    assert shop.payer.person_id is not None
    for fen in (5_000, 700):
        pay_by_card(
            product.deps, shop.scan, shop.payer.person_id, Purchase(fen), intent_key=f"day{fen}"
        )
    spent = product.one("SELECT * FROM pay_order WHERE intent_key = 'day5000'")
    ask_for(product.deps, Ask(spent.provider_id, spent.out_trade_no, 1_200, "退", "t:a", "t:b"))
    refund(product, order, 1_000, bonus_fen=0)
    wallets_answer(shop)
    paid(days, phone, "alipay", person="zhou")
    return shop


def test_a_whole_day_agrees_on_three_sides_and_the_report_shows_it(
    days: Days, phone: MakePhone
) -> None:
    a_day_of_trade(days, phone)
    row = matched(days)
    assert days.told() == []
    assert (row.status, row.trades, row.trade_fen, row.refunds, row.refund_fen) == (
        "matched", 3, 25_700, 2, 2_200,
    )  # fmt: skip
    told = days.product.app.test_cli_runner().invoke(
        args=["bills", "report", "--on", days.on.isoformat()]
    )
    assert "balance ledger  matched  payments 3 ¥257.00  refunds 2 ¥22.00" in told.output


def test_without_cards_there_is_no_such_bill(days: Days, phone: MakePhone) -> None:
    paid(days, phone, "wechat")
    days.morning_after()
    planning.want_bills(days.product.deps, days.on)
    assert days.product.sql("SELECT 1 FROM bill WHERE channel = 'balance'") == []


MOVEMENT = "(SELECT key FROM ledger_entry WHERE kind = '{}' ORDER BY id LIMIT 1)"
WRONG = {
    "a recharge without its movement": (
        f"DELETE FROM ledger_entry WHERE key = {MOVEMENT.format('recharge')}",
        ("missing_there", "trade"),
    ),
    "a payment without its movement": (
        f"DELETE FROM ledger_entry WHERE key = {MOVEMENT.format('pay')}",
        ("missing_there", "trade"),
    ),
    "a payment of one fen more": (
        "UPDATE ledger_entry SET delta_fen = delta_fen + 1"
        f" WHERE account = 'sales' AND key = {MOVEMENT.format('pay')}",
        ("amount", "trade"),
    ),
    "a recharge of another amount": (
        "UPDATE ledger_entry SET delta_fen = delta_fen - 1"
        f" WHERE account = 'funds' AND key = {MOVEMENT.format('recharge')}",
        ("amount", "trade"),
    ),
    "a refund to the card without its movement": (
        f"DELETE FROM ledger_entry WHERE key = {MOVEMENT.format('pay_back')}",
        ("missing_there", "refund"),
    ),
    "a refund of a recharge without its movement": (
        f"DELETE FROM ledger_entry WHERE key = {MOVEMENT.format('returned')}",
        ("missing_there", "refund"),
    ),
    "a recharge credited a second time": (
        "INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,"
        " balance_after_fen, key, order_id, actor, reason, recorded_at, day_on)"
        " SELECT provider_id, merchant_id, card_id, kind, account, delta_fen, balance_after_fen,"
        " key || 'again', order_id, actor, reason, recorded_at, day_on FROM ledger_entry"
        f" WHERE key = {MOVEMENT.format('recharge')}",
        ("duplicate", "trade"),
    ),
    "a recharge that its row does not know": (
        "UPDATE recharge SET status = 'freed'",
        ("state", "trade"),
    ),
    "money on its way back that nobody is at": (
        "UPDATE card_taking SET ended_at = NULL",
        ("state", "refund"),
    ),
}


@pytest.mark.books_differ
@pytest.mark.parametrize(("statement", "found"), WRONG.values(), ids=WRONG.keys())
def test_each_kind_of_difference_is_one_case(
    days: Days, phone: MakePhone, statement: str, found: tuple[str, str]
) -> None:
    a_day_of_trade(days, phone)
    behind(days.product, statement)
    assert matched(days).differences >= 1
    told = [(kind, subject) for kind, subject, number, _ in days.told() if "card:" not in number]
    assert told == [found]
    before = days.told()
    again(days)
    assert days.told() == before


@pytest.mark.books_differ
def test_a_movement_without_an_order_is_found_from_the_other_side(
    days: Days, phone: MakePhone
) -> None:
    shop = a_day_of_trade(days, phone)
    behind(
        days.product,
        "INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,"
        " key, actor, reason, recorded_at, day_on, order_id)"
        " SELECT provider_id, merchant_id, card_id, kind, account, delta_fen, 'pay:9999', actor,"
        " reason, recorded_at, day_on, 9999 FROM ledger_entry"
        " WHERE kind = 'pay' AND account = 'sales' LIMIT 1",
    )
    assert shop.card_id
    matched(days)
    assert days.told() == [("missing_here", "trade", "pay:9999", "found")]


@pytest.mark.books_differ
def test_a_case_has_the_same_life_as_a_wallet_s(days: Days, phone: MakePhone) -> None:
    """Looked at again it stays, comes right by itself, is explained by a person, never void."""
    a_day_of_trade(days, phone)
    behind(days.product, "UPDATE recharge SET status = 'freed'")
    matched(days)
    (case,) = days.cases()
    deps = days.product.deps
    assert healing.heal(deps, case.id, "test:c") == "found"
    with pytest.raises(Conflict):
        voiding.void(deps, case.id, actor="test:c", reason="x")
    days.product.do("UPDATE recharge SET status = 'credited'")
    assert healing.heal(deps, case.id, "test:c") == "healed"
    days.product.do("UPDATE recharge SET status = 'freed'")
    again(days)
    assert [status for *_, status in days.told()] == ["found"]
    bill_cases.explain(deps, case.id, actor="test:c", reason="手工更正")
    bill_cases.close(deps, case.id, actor="test:c")
    again(days)
    assert [status for *_, status in days.told()] == ["closed"]


def test_money_on_its_way_back_is_no_difference(
    days: Days, phone: MakePhone, simulator: Simulator
) -> None:
    """An open refund, a rest that waits for a person's hand, a payment that found no room."""
    shop = open_shop(days.product, phone, card_cap_fen=12_000)
    made = late(shop)
    recharge(shop)
    shop.confirm(made)
    settled(shop, "credited")
    adjust(
        days.product.deps, shop.scan.provider_id, shop.card_id, 500,
        reason="旧卡余额", actor="test:owner", key="old",
    )  # fmt: skip
    simulator.switch("wechat.merchant_funds", "short")
    allow(shop, ask(shop))
    days.product.sweep()
    assert parts(shop) == [("wallet", "open", 10_000, 1_000, 0), ("hand", "open", 500, 0, 0)]
    assert shop.account("in_transit") == 20_500
    matched(days)
    assert days.told() == []
    by_hand(shop, part_ids(shop)[1])
    again(days)
    assert days.told() == []


def test_the_day_of_a_movement_is_china_s(days: Days, phone: MakePhone) -> None:
    shop = a_day_of_trade(days, phone)
    matched(days)
    assert china_date(shop.card.moved_at) == days.on
    days.product.simulator.advance(DAY)
    assert days.told() == []
