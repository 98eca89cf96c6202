"""The unused paid balance goes back: over its recharges, the rest by hand, never too much."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from models.bill import Bill
from models.card import RechargeMode
from models.payout import PayoutGround
from services import ledger_verify
from services.bills import voiding
from services.bills.days import SHANGHAI
from services.cards import payout_rights, payout_sweep, payouts
from services.cards.adjusting import adjust
from services.cards.member_problems import NoRight
from services.cards.payout_begin import Wish
from services.cards.payout_parts import working_days_after
from services.cards.payout_problems import (
    PayoutNoCooling,
    PayoutNothing,
    PayoutOpen,
    PayoutReference,
    PayoutState,
)
from services.cards.problems import BalanceLow
from services.cards.spending import pay_by_card
from services.checkout import Purchase
from services.refunds import people
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.law.helping import (
    COOLING,
    DAY,
    TERMS,
    allow,
    ask,
    audited,
    by_hand,
    part_ids,
    parts,
    payout,
    recharge,
    wallets_answer,
)
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop
from tests.integration.looking import cases
from tests.integration.refunds.helping import refunds


@pytest.fixture
def shop(product: Product, phone: MakePhone) -> Shop:
    return open_shop(product, phone)


_BUYS = iter(range(1, 10_000))


def buy(shop: Shop, fen: int) -> None:
    """Something is paid for with the card."""
    person = shop.payer.person_id
    assert person is not None
    pay_by_card(shop.product.deps, shop.scan, person, Purchase(fen), intent_key=f"law{next(_BUYS)}")


def fits(shop: Shop) -> None:
    """The ledger, what is reserved and every sum are what they must be."""
    assert [one.words for one in ledger_verify.verify(shop.product.deps).findings] == []


def test_within_the_cooling_days_money_and_bonus_leave_the_card_at_once(shop: Shop) -> None:
    recharge(shop)
    ask(shop, COOLING)
    assert shop.money == (0, 0, 11_000)  # its room is kept, should the wallet refuse
    assert payout(shop).status == "returning"
    wallets_answer(shop)
    assert parts(shop) == [("wallet", "returned", 10_000, 1_000, 0)]
    assert payout(shop).status == "done"
    assert shop.money == (0, 0, 0)
    assert shop.account("in_transit") == 0
    assert (refunds(shop.product)[0].reason, refunds(shop.product)[0].status) == (
        "会员卡余额退还", "success",
    )  # fmt: skip
    assert audited(shop) == ["payout_asked", "payout_begun", "payout_done"]
    fits(shop)


@pytest.mark.parametrize(
    ("spent", "back", "bonus", "deducted"),
    [
        (0, 10_000, 1_000, 0),
        (400, 9_600, 600, 400),
        (1_000, 9_000, 0, 1_000),
        (4_000, 6_000, 0, 1_000),
    ],
)
def test_what_was_used_is_deducted_by_the_shown_rule(
    shop: Shop, spent: int, back: int, bonus: int, deducted: int
) -> None:
    """Whoever paid 100.00 and bought for 40.00 gets 60.00, whatever came out of the bonus."""
    recharge(shop)
    if spent:
        buy(shop, spent)
    ask(shop, COOLING)
    wallets_answer(shop)
    assert parts(shop) == [("wallet", "returned", back, bonus, deducted)]
    assert shop.money == (0, 0, 0)
    assert spent + back == 10_000
    fits(shop)


def test_after_the_cooling_days_it_takes_the_merchant(shop: Shop) -> None:
    recharge(shop)
    shop.product.simulator.advance(7 * DAY + 60)
    with pytest.raises(PayoutNoCooling):
        ask(shop, COOLING)
    ask(shop, TERMS)
    assert (payout(shop).status, shop.money) == ("asked", (10_000, 1_000, 0))


def test_of_two_recharges_the_cooling_one_alone_goes_back(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    recharge(shop, 20_000)
    product.simulator.advance(8 * DAY)
    order = recharge(shop, 10_000)
    buy(shop, 5_000)  # 4,000 of bonus and 1,000 of the older money
    ask(shop, Wish(PayoutGround.COOLING, out_trade_no=order.out_trade_no))
    wallets_answer(shop)
    assert parts(shop) == [("wallet", "returned", 9_000, 0, 1_000)]
    assert shop.money == (19_000, 0, 0)
    assert [row.order_id for row in refunds(product)] == [order.id]


def test_by_the_terms_the_newest_recharges_go_first_and_the_rest_by_hand(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    shop = open_shop(product, phone, mode=RechargeMode.ANY)
    oldest = recharge(shop, 5_000)
    simulator.advance(366 * DAY)  # beyond the wallet's days
    newer = recharge(shop, 3_000)
    newest = recharge(shop, 2_000)
    buy(shop, 1_500)
    made = ask(shop)
    assert allow(shop, made) == "returning"
    assert shop.money == (0, 0, 8_500)
    assert parts(shop) == [
        ("wallet", "open", 2_000, 0, 0),
        ("wallet", "open", 3_000, 0, 0),
        ("hand", "open", 3_500, 0, 0),
    ]
    assert [(r.order_id, r.amount_fen) for r in refunds(product)] == [
        (newest.id, 2_000), (newer.id, 3_000),
    ]  # fmt: skip
    assert oldest.id not in {r.order_id for r in refunds(product)}
    fits(shop)
    wallets_answer(shop)
    assert payout(shop).status == "returning"
    assert by_hand(shop, part_ids(shop)[2]) == "done"
    assert shop.money == (0, 0, 0)
    assert (shop.account("in_transit"), shop.account("paid_out")) == (0, 3_500)
    fits(shop)


def test_a_payment_by_hand_is_written_down_once_with_what_shows_it(
    product: Product, phone: MakePhone
) -> None:
    shop = _imported(product, phone)
    allow(shop, ask(shop))
    (part,) = part_ids(shop)
    for how, reference in (("", "B-1"), ("cash", " "), ("x" * 33, "B-1"), ("cash", "x" * 65)):
        with pytest.raises(PayoutReference):
            by_hand(shop, part, reference, how)
    assert by_hand(shop, part) == "done"
    assert by_hand(shop, part) == "done"
    with pytest.raises(PayoutReference):
        by_hand(shop, part, "B-2")
    assert shop.account("paid_out") == 700
    row = product.one("SELECT how, reference, paid_by FROM card_payout_part")
    assert tuple(row) == ("transfer", "B-1", "test:owner")


def _imported(product: Product, phone: MakePhone, fen: int = 700) -> Shop:
    """A card that holds what no wallet ever saw."""
    shop = open_shop(product, phone)
    adjust(
        product.deps, shop.scan.provider_id, shop.card_id, fen,
        reason="旧卡余额", actor="test:owner", key="old",
    )  # fmt: skip
    return shop


def test_a_wallets_part_is_never_paid_by_hand(shop: Shop) -> None:
    recharge(shop)
    ask(shop, COOLING)
    with pytest.raises(PayoutState):
        by_hand(shop, part_ids(shop)[0])
    wallets_answer(shop)


@pytest.mark.parametrize("spent", [0, 400])
def test_a_part_that_fails_is_on_the_card_again_and_goes_by_hand_next_time(
    shop: Shop, simulator: Simulator, spent: int
) -> None:
    recharge(shop)
    if spent:
        buy(shop, spent)
    before = shop.money
    simulator.fault("wechat.refund", "error", code="USER_ACCOUNT_ABNORMAL")
    ask(shop, COOLING)
    wallets_answer(shop)
    assert parts(shop) == [("wallet", "kept", 10_000 - spent, 1_000 - spent, spent)]
    assert payout(shop).status == "done"
    assert shop.money == before
    assert "payout_part_kept" in audited(shop)
    fits(shop)
    ask(shop, COOLING)
    assert parts(shop)[1:] == [("hand", "open", 10_000 - spent, 1_000 - spent, spent)]
    fits(shop)
    assert by_hand(shop, part_ids(shop)[1]) == "done"
    assert shop.money == (0, 0, 0)
    fits(shop)


def test_a_refund_that_waits_for_the_merchants_money_keeps_the_payout_open(
    shop: Shop, simulator: Simulator
) -> None:
    recharge(shop)
    simulator.switch("wechat.merchant_funds", "short")
    ask(shop, COOLING)
    wallets_answer(shop)
    assert (payout(shop).status, [r.status for r in refunds(shop.product)]) == (
        "returning", ["waiting"],
    )  # fmt: skip
    with pytest.raises(PayoutState):
        cancel(shop)
    people.cancel(shop.product.deps, refunds(shop.product)[0].out_refund_no, actor="test:c")
    assert payout(shop).status == "done"
    assert shop.money == (10_000, 1_000, 0)
    simulator.switch("wechat.merchant_funds", "enough")
    simulator.advance(70)
    ask(shop, COOLING)
    wallets_answer(shop)
    assert parts(shop)[1] == ("wallet", "returned", 10_000, 1_000, 0)


def cancel(shop: Shop) -> None:
    deps, provider = shop.product.deps, shop.scan.provider_id
    payouts.cancel(deps, provider, payout(shop).id, actor="test:member")


@pytest.mark.parametrize("state", ["asked", "returning"])
def test_taken_back_what_was_to_go_by_hand_is_on_the_card_again(
    product: Product, phone: MakePhone, state: str
) -> None:
    shop = _imported(product, phone)
    made = ask(shop)
    if state == "returning":
        allow(shop, made)
        assert shop.money == (0, 0, 700)
    cancel(shop)
    assert payout(shop).status == ("cancelled" if state == "asked" else "done")
    assert shop.money == (700, 0, 0)
    fits(shop)


def test_the_owner_refuses_with_a_reason_and_nothing_moves(shop: Shop) -> None:
    recharge(shop)
    made = ask(shop)
    deps, provider = shop.product.deps, shop.scan.provider_id
    with pytest.raises(Exception, match="reason"):
        payouts.refuse(deps, provider, made, actor="test:owner", reason=" ")
    payouts.refuse(deps, provider, made, actor="test:owner", reason="章程：一年内不退")
    assert (payout(shop).status, payout(shop).refusal) == ("refused", "章程：一年内不退")
    with pytest.raises(PayoutState):
        allow(shop, made)
    assert shop.money == (10_000, 1_000, 0)


def test_nobody_refuses_within_the_cooling_days(shop: Shop) -> None:
    recharge(shop)
    made = ask(shop, COOLING)
    with pytest.raises(PayoutState):
        payouts.refuse(
            shop.product.deps, shop.scan.provider_id, made, actor="test:owner", reason="不退"
        )
    wallets_answer(shop)


def test_only_the_owner_of_the_card_s_merchant_decides_and_a_denial_is_remembered(
    shop: Shop,
) -> None:
    recharge(shop)
    made = ask(shop)
    deps, provider = shop.product.deps, shop.scan.provider_id
    people_of = "SELECT public_id FROM staff WHERE provider_id = :p AND {} ORDER BY id"
    others = shop.product.sql(
        people_of.format("(merchant_id <> :m OR role <> 'owner')"), p=provider,
        m=shop.scan.merchant_id,
    )  # fmt: skip
    assert len(others) >= 2
    for row in others:
        with pytest.raises(NoRight):
            payout_rights.allow_as_staff(deps, provider, row.public_id, made)
    assert payout(shop).status == "asked"
    assert audited(shop).count("payout_denied") == len(others)
    owner = shop.product.sql(
        people_of.format("merchant_id = :m AND role = 'owner'"), p=provider,
        m=shop.scan.merchant_id,
    )[0]  # fmt: skip
    payout_rights.allow_as_staff(deps, provider, owner.public_id, made)
    wallets_answer(shop)
    assert payout(shop).status == "done"


def test_a_card_has_one_payout_at_a_time_and_the_same_wish_is_the_same_one(shop: Shop) -> None:
    recharge(shop)
    made = ask(shop)
    assert ask(shop) == made
    with pytest.raises(PayoutOpen):
        ask(shop, Wish(closes_card=True))
    payouts.cancel(shop.product.deps, shop.scan.provider_id, made, actor="test:member")
    assert ask(shop, Wish(closes_card=True)) != made


def test_an_empty_card_has_nothing_to_give_back(shop: Shop) -> None:
    with pytest.raises(PayoutNothing):
        ask(shop)


def test_a_bonus_alone_is_never_paid_out(shop: Shop) -> None:
    """What is left of a recharge is its bonus when everything paid for has been taken off."""
    recharge(shop)
    adjust(
        shop.product.deps, shop.scan.provider_id, shop.card_id, -10_000,
        reason="更正", actor="test:owner", key="down",
    )  # fmt: skip
    assert shop.money == (0, 1_000, 0)
    for wish in (TERMS, COOLING):
        with pytest.raises((PayoutNothing, PayoutNoCooling)):
            ask(shop, wish)


@pytest.mark.parametrize("wish", [Wish(closes_card=True), Wish(PayoutGround.COOLING, True)])
def test_the_card_closes_when_it_is_empty_and_that_was_asked_for(shop: Shop, wish: Wish) -> None:
    recharge(shop)
    made = ask(shop, wish)
    allow(shop, made)
    assert shop.card.status == "active"
    wallets_answer(shop)
    assert (payout(shop).status, shop.card.status) == ("done", "closed")
    assert "card_closed" in audited(shop)
    with pytest.raises(Exception, match="注销"):
        buy(shop, 1)


def test_a_card_that_is_not_empty_again_stays_open(shop: Shop, simulator: Simulator) -> None:
    recharge(shop)
    simulator.fault("wechat.refund", "error", code="USER_ACCOUNT_ABNORMAL")
    ask(shop, Wish(PayoutGround.COOLING, closes_card=True))
    wallets_answer(shop)
    assert (payout(shop).status, shop.card.status) == ("done", "active")


def test_closing_waits_for_a_recharge_that_is_under_way(shop: Shop, simulator: Simulator) -> None:
    recharge(shop)
    made = shop.start(10_000)
    ask(shop, Wish(PayoutGround.COOLING, closes_card=True))
    wallets_answer(shop)
    assert (payout(shop).status, shop.card.status) == ("returning", "active")
    assert made.bridge is not None
    shop.expire()
    simulator.advance(601)
    shop.product.sweep()
    _meet(shop)
    assert (payout(shop).status, shop.card.status) == ("done", "closed")


def _meet(shop: Shop) -> None:
    for claim in payout_sweep.claim_due(shop.product.deps, 9):
        payout_sweep.look(shop.product.deps, claim)


def test_what_was_allowed_begins_again_by_itself(shop: Shop) -> None:
    """Killed between allowing and beginning: nothing has left the card, and its due time is set."""
    recharge(shop)
    made = ask(shop)
    shop.product.do(
        "UPDATE card_payout SET status = 'allowed', decided_by = 'test:owner',"
        " due_at = due_at - interval '30 days'"
    )
    assert shop.money == (10_000, 1_000, 0)
    _meet(shop)
    wallets_answer(shop)
    assert (payout(shop).id, payout(shop).status, shop.money) == (made, "done", (0, 0, 0))


def test_past_its_day_a_person_is_told_until_it_is_done(shop: Shop, simulator: Simulator) -> None:
    recharge(shop)
    made = ask(shop)
    assert payout(shop).due_on == working_days_after(
        payout(shop).asked_at.astimezone(SHANGHAI).date(), 7
    )
    _meet(shop)
    assert cases(shop.product) == []
    simulator.advance(12 * DAY)
    _meet(shop)
    _meet(shop)
    assert cases(shop.product) == ["payout_overdue"]
    allow(shop, made)
    wallets_answer(shop)
    row = shop.product.one("SELECT closed_at, healed FROM money_case")
    assert row.closed_at is not None
    assert row.healed


def test_working_days_leave_the_weekend_out() -> None:
    assert working_days_after(date(2026, 11, 26), 7) == date(2026, 12, 7)  # a Thursday
    assert working_days_after(date(2026, 11, 28), 1) == date(2026, 11, 30)  # a Saturday


def test_many_who_allow_and_spend_at_once_never_pay_out_more_than_there_is(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone, mode=RechargeMode.ANY)
    for fen in (5_000, 3_000, 2_000):
        recharge(shop, fen)
    made = ask(shop)
    gate = threading.Barrier(8)
    spent = []

    def work(n: int) -> None:
        gate.wait()
        if n % 2:
            allow(shop, made)
            return
        with contextlib.suppress(BalanceLow):
            buy(shop, 1_000)
            spent.append(1_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    wallets_answer(shop)
    assert payout(shop).status == "done"
    assert sum(part[2] for part in parts(shop)) + sum(spent) + shop.money[0] == 10_000
    assert sum(r.amount_fen for r in refunds(product)) == sum(part[2] for part in parts(shop))
    fits(shop)


def test_the_commands_go_the_whole_way(product: Product, phone: MakePhone) -> None:
    shop = _imported(product, phone)
    recharge(shop)
    merchant, number = shop.scan.out_sub_mch_id, shop.card.number

    def run(*args: str, code: int = 0) -> str:
        told = product.app.test_cli_runner().invoke(args=["cards", "payout", *args])
        assert told.exit_code == code, told.output
        return told.output

    shown = run("ask", merchant, number, "--show-only")
    assert "¥100.00  over its wallet" in shown
    assert "¥7.00  by hand  no recharge" in shown
    assert "no payout is under way" in run("list", merchant)
    asked = run("ask", merchant, number, "--close", "--reason", "搬家", "--by", "merchant")
    assert "terms  asked  back by" in asked
    made = str(payout(shop).id)
    run("allow", made)
    wallet, hand = map(str, part_ids(shop))
    wallets_answer(shop)
    assert "hand  open  ¥7.00" in run("show", made)
    assert "Error" in run("pay-by-hand", wallet, "--how", "cash", "--reference", "1", code=1)
    done = run("pay-by-hand", hand, "--how", "cash", "--reference", "收据 17")
    assert "done" in done
    assert "cash 收据 17 by cli:" in done
    assert shop.card.status == "closed"
    assert "Error" in run("cancel", made, code=1)
    assert "Error" in run("refuse", made, "--reason", "x", code=1)
    assert "Error" in run("show", "999", code=1)
    assert made in run("list", merchant, "--all")


@pytest.mark.books_differ
def test_a_part_whose_refund_the_wallet_never_had_is_on_the_card_again(
    shop: Shop, simulator: Simulator
) -> None:
    """A person voids it after the bill; the payout ends with it."""
    recharge(shop)
    simulator.fault("wechat.refund", "drop", times=9)
    simulator.fault("wechat.refund_query", "drop", times=9)
    ask(shop, COOLING)
    (row,) = refunds(shop.product)
    assert row.status == "unknown"
    bill = Bill(provider_id=row.provider_id, channel="wechat", account="x", bill_on=None)
    shop.product.deps.transact(lambda s: voiding._void_refund(s, shop.product.deps, bill, row.id))
    assert parts(shop) == [("wallet", "kept", 10_000, 1_000, 0)]
    assert (payout(shop).status, shop.money) == ("done", (10_000, 1_000, 0))
    fits(shop)
