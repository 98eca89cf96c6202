"""Paying on the pay page with a card's balance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.card import CardStatus
from services.cards.problems import BalanceLow, CardRefused
from services.cards.spend_problems import (
    CardClosed,
    CardDisabledStore,
    CardExpired,
    CardNone,
    CardOtherMerchant,
    CardUnclaimed,
)
from services.cards.store_switch import set_cards
from services.problems import PayProblem
from services.totals import china_day
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.spend.helping import (
    count,
    give_card,
    merchants,
    order,
    parts,
    pay,
    refund,
    shop,
)
from tests.integration.looking import calls, orders
from tests.integration.refunds.helping import MakePhone


def test_an_order_is_paid_from_the_bonus_first_then_from_paid_money(product: Product) -> None:
    held = give_card(product.deps, 10_000, 500)
    row = order(product, pay(product.deps, held, 1234, remark="少糖"))
    assert parts(product, held) == (10_000 - 734, 0)
    assert (row.status, row.channel, row.amount_fen, row.remark) == (
        "paid",
        "balance",
        1234,
        "少糖",
    )
    assert (row.person_id, row.purpose) == (held.person_id, "sale")
    attempt = product.one("SELECT * FROM pay_attempt WHERE order_id = :o", o=row.id)
    assert (attempt.status, attempt.due_at, attempt.app) == ("paid", None, "card")
    assert attempt.payee == held.scan.out_sub_mch_id
    spend = product.one("SELECT * FROM card_spend WHERE order_id = :o", o=row.id)
    assert (spend.paid_fen, spend.bonus_fen) == (734, 500)
    entries = product.sql(
        "SELECT account, delta_fen, actor FROM ledger_entry WHERE key = :k ORDER BY account",
        k=f"pay:{row.id}",
    )
    assert [(e.account, e.delta_fen) for e in entries] == [
        ("card_bonus", -500),
        ("card_paid", -734),
        ("sales", 1234),
    ]
    assert entries[0].actor.startswith("member:")
    product.run_jobs()
    told = product.one("SELECT followed_up_at AS at FROM pay_order WHERE id = :o", o=row.id)
    assert told.at is not None, "what follows a payment is committed with it"
    assert calls_of_wallets(product) == 0


def calls_of_wallets(product: Product) -> int:
    operations = ("wechat.prepay", "wechat.query", "wechat.close", "alipay.trade.query")
    return sum(calls(product.simulator, name) for name in operations)


def test_the_last_fen_may_be_spent_and_one_more_not(product: Product) -> None:
    held = give_card(product.deps, 1000, 34)
    with pytest.raises(BalanceLow, match=r"余额 10\.34 元") as low:
        pay(product.deps, held, 1035)
    assert low.value.facts == {"balance_fen": 1034}
    assert orders(product) == [], "a refusal leaves no order behind"
    pay(product.deps, held, 1034)
    assert parts(product, held) == (0, 0)


def test_the_same_form_again_is_the_same_order(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    first = pay(product.deps, held, 1234, "form:a")
    assert pay(product.deps, held, 1234, "form:a") == first
    assert pay(product.deps, held, 777, "form:a") == first, "what is paid is only shown"
    assert parts(product, held) == (10_000 - 1234, 0)
    pay(product.deps, held, 1234, "form:b")
    assert parts(product, held) == (10_000 - 2468, 0)


def begun(product: Product, phone: MakePhone) -> tuple[Phone, dict[str, Any], Any]:
    """A payer has begun with WeChat: the phone, what it holds, the order's row."""
    buyer = phone("wechat", "lin")
    made = buyer.start(amount="12.34")
    return buyer, made, orders(product)[-1]


def test_an_order_begun_with_a_wallet_is_closed_there_first(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    _, _, row = begun(product, phone)
    held = give_card(product.deps, 10_000, person_id=row.person_id)
    started = pay(product.deps, held, 1234, row.intent_key)
    assert started.public_id == row.public_id
    paid = order(product, started)
    assert (paid.status, paid.channel) == ("paid", "balance")
    trade = simulator.trade(row.out_trade_no)
    assert trade is not None
    assert trade["state"] == "CLOSED"
    assert parts(product, held) == (10_000 - 1234, 0)
    number = product.one(
        "SELECT out_trade_no FROM pay_attempt WHERE order_id = :o AND status = 'paid'", o=row.id
    ).out_trade_no
    assert number == f"{row.out_trade_no}_2"
    simulator.advance(70)
    product.sweep()  # the last look at the closed trade changes nothing
    assert order(product, started).channel == "balance"


def test_what_turned_out_paid_at_the_wallet_is_not_charged_from_the_card(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    buyer, made, row = begun(product, phone)
    simulator.fault("wechat.notify", "drop", times=9)
    buyer.confirm(made)
    held = give_card(product.deps, 10_000, person_id=row.person_id)
    assert pay(product.deps, held, 1234, row.intent_key).public_id == row.public_id
    assert order_of(product, row).channel == "wechat"
    assert parts(product, held) == (10_000, 0)
    simulator.clear_faults()


def order_of(product: Product, row: Any) -> Any:
    return product.one("SELECT * FROM pay_order WHERE id = :o", o=row.id)


def test_a_wallet_that_does_not_answer_keeps_the_card_untouched(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    _, _, row = begun(product, phone)
    held = give_card(product.deps, 10_000, person_id=row.person_id)
    simulator.fault("wechat.close", "error", times=1)
    with pytest.raises(PayProblem, match="PAY_PENDING"):
        pay(product.deps, held, 1234, row.intent_key)
    assert parts(product, held) == (10_000, 0)
    simulator.clear_faults()
    pay(product.deps, held, 1234, row.intent_key)
    assert parts(product, held) == (10_000 - 1234, 0)


def test_a_refusal_of_the_card_closes_nothing_at_the_wallet(
    product: Product, phone: MakePhone
) -> None:
    buyer, made, row = begun(product, phone)
    held = give_card(product.deps, 100, person_id=row.person_id)
    with pytest.raises(BalanceLow):
        pay(product.deps, held, 1234, row.intent_key)
    buyer.confirm(made)
    product.wait_paid(row.out_trade_no)


def test_a_late_success_of_the_closed_trade_goes_back_by_itself(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    """The payer finishes in the wallet in the second in which the card pays: paid twice."""
    buyer, made, row = begun(product, phone)
    held = give_card(product.deps, 10_000, person_id=row.person_id)
    simulator.fault("wechat.notify", "delay", times=1, ms=1500)
    buyer.confirm(made)
    product.do(  # what a closing that crossed the payment leaves behind
        "UPDATE pay_attempt SET status = 'closed', closed_at = created_at,"
        " due_at = created_at + interval '60 seconds' WHERE order_id = :o",
        o=row.id,
    )
    pay(product.deps, held, 1234, row.intent_key)
    simulator.advance(70)
    product.sweep(2)
    paid = order_of(product, row)
    assert (paid.channel, paid.refunded_fen) == ("balance", 0)
    back = product.one("SELECT * FROM refund WHERE order_id = :o", o=row.id)
    assert back.asked_by == "system:paid_twice"
    for _ in range(4):
        simulator.advance(60)
        product.sweep()
    assert (
        product.one("SELECT status FROM refund WHERE order_id = :o", o=row.id).status == "success"
    )
    assert parts(product, held) == (10_000 - 1234, 0)


def test_a_card_is_spent_only_in_stores_of_its_own_merchant(product: Product) -> None:
    """Invariant 9. The person has a card elsewhere, and even a row that is mixed up is refused."""
    own, other = (shop(product.deps, merchant) for merchant in merchants(product.deps)[:2])
    held = give_card(product.deps, 10_000, scan=own)
    with pytest.raises(CardNone):
        pay(product.deps, held, 100, scan=other)
    theirs = give_card(product.deps, 0, scan=other)
    held = give_card(product.deps, 10_000, scan=own)
    with pytest.raises(BalanceLow):
        pay(product.deps, held, 100, scan=other, person_id=theirs.person_id)
    product.do(  # the other merchant's member is shown as the holder of this one's card
        "UPDATE member_card SET member_id = (SELECT member_id FROM member_card WHERE id = :t)"
        " WHERE id = :c",
        t=theirs.card_id,
        c=held.card_id,
    )
    with pytest.raises(CardOtherMerchant):
        pay(product.deps, held, 100, scan=other, person_id=theirs.person_id)
    assert orders(product) == []
    assert parts(product, held) == (10_000, 0)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"status": CardStatus.CLOSED}, CardClosed),
        ({"status": CardStatus.IMPORTED}, CardUnclaimed),
        ({"registered": False, "expires_on": "yesterday"}, CardExpired),
    ],
)
def test_a_card_that_may_not_be_spent_says_why(
    product: Product, more: dict[str, Any], refusal: type[CardRefused]
) -> None:
    if "expires_on" in more:
        more = {**more, "expires_on": china_day(product.deps.now()) - timedelta(days=1)}
    held = give_card(product.deps, 10_000, **more)
    with pytest.raises(refusal) as said:
        pay(product.deps, held, 100)
    assert said.value.title != CardRefused.title
    assert said.value.steps
    assert said.value.money == "没有扣款。"
    assert orders(product) == []
    assert parts(product, held) == (10_000, 0)


def test_a_card_is_good_on_its_last_day_and_a_registered_one_for_ever(product: Product) -> None:
    today = china_day(product.deps.now())
    last = give_card(product.deps, 100, registered=False, expires_on=today)
    pay(product.deps, last, 100)
    long_ago = give_card(product.deps, 100, expires_on=today - timedelta(days=900))
    pay(product.deps, long_ago, 100)


def test_a_bonus_whose_day_is_over_is_not_spent(product: Product) -> None:
    """Whether or not the nightly job has taken it off the card yet."""
    today = china_day(product.deps.now())
    held = give_card(product.deps, 1000, 500, bonus_expires_on=today - timedelta(days=1))
    with pytest.raises(BalanceLow, match=r"余额 10\.00 元"):
        pay(product.deps, held, 1001)
    pay(product.deps, held, 400)
    assert parts(product, held) == (600, 500)
    other = give_card(product.deps, 1000, 500, bonus_expires_on=today)
    pay(product.deps, other, 400)
    assert parts(product, other) == (1000, 100)


def test_a_suspended_program_stops_no_spending(product: Product) -> None:
    held = give_card(product.deps, 1000)
    product.do("UPDATE card_program SET status = 'suspended'")
    pay(product.deps, held, 400)
    assert parts(product, held) == (600, 0)


def test_a_store_that_is_switched_off_names_its_switch(product: Product) -> None:
    held = give_card(product.deps, 1000)
    assert set_cards(product.deps, held.scan.out_shop_id, is_on=False, actor="test:a")
    with pytest.raises(CardDisabledStore) as said:
        pay(product.deps, held, 100)
    assert "「本门店启用会员卡」" in "".join(said.value.steps)
    assert shop(product.deps).disable_membership_card is True
    other = shop(product.deps, held.scan.out_sub_mch_id, 1)
    pay(product.deps, held, 100, scan=other)  # the merchant's next store still takes cards
    assert not set_cards(product.deps, held.scan.out_shop_id, is_on=False, actor="test:a")
    assert set_cards(product.deps, held.scan.out_shop_id, is_on=True, actor="test:a")
    pay(product.deps, held, 100)
    actions = product.sql("SELECT action FROM audit_entry WHERE subject LIKE 'store:%' ORDER BY id")
    assert [row.action for row in actions] == ["store_cards_off", "store_cards_on"]


def test_the_limits_of_the_store_hold_for_cards_too(product: Product) -> None:
    held = give_card(product.deps, 900_000)
    product.do("UPDATE store SET min_fen = 200, max_fen = 5000")
    scan = shop(product.deps)
    for fen, code in ((199, "AMOUNT_TOO_SMALL"), (5001, "AMOUNT_OVER_LIMIT")):
        with pytest.raises(PayProblem, match=code):
            pay(product.deps, held, fen, scan=scan)
    pay(product.deps, held, 200, scan=scan)
    pay(product.deps, held, 5000, scan=scan)


def test_nobody_else_pays_with_it(product: Product) -> None:
    held = give_card(product.deps, 1000)
    stranger = give_card(product.deps, 0)
    with pytest.raises(BalanceLow):
        pay(product.deps, held, 100, person_id=stranger.person_id)
    assert count(product, "card_spend") == 0


def test_a_one_off_number_on_a_second_phone_shows_the_first_ones_state(
    product: Product, phone: MakePhone
) -> None:
    buyer, made, row = begun(product, phone)
    other = give_card(product.deps, 10_000)
    assert pay(product.deps, other, 1234, row.intent_key).public_id == row.public_id
    assert parts(product, other) == (10_000, 0)
    buyer.confirm(made)
    product.wait_paid(row.out_trade_no)


def test_a_recharge_is_never_paid_from_a_card(product: Product, phone: MakePhone) -> None:
    _, _, row = begun(product, phone)
    product.do("UPDATE pay_order SET purpose = 'recharge' WHERE id = :o", o=row.id)
    held = give_card(product.deps, 10_000, person_id=row.person_id)
    with pytest.raises(PayProblem, match="ORDER_CONFLICT"):
        pay(product.deps, held, 1234, row.intent_key)
    assert parts(product, held) == (10_000, 0)
    product.do("UPDATE pay_order SET purpose = 'sale' WHERE id = :o", o=row.id)


def test_a_refund_of_it_is_in_the_hands_of_the_merchant(product: Product) -> None:
    """The thin road to the end: paid, and some of it back."""
    held = give_card(product.deps, 10_000)
    row = order(product, pay(product.deps, held, 1234))
    back = refund(product, row, 234)
    assert back.status == "success"
    assert parts(product, held) == (10_000 - 1000, 0)
