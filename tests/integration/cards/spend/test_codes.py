"""A card's one-time bar code at a till (99…)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from errors import BadInput
from models.card import CardStatus
from services.cards.codes import issue
from services.cards.problems import BalanceLow, CardRefused
from services.cards.spend_problems import (
    CardClosed,
    CardCodeExpired,
    CardCodeUnknown,
    CardCodeUsed,
    CardDisabledStore,
    CardOtherMerchant,
    CardUnclaimed,
)
from services.cards.store_switch import set_cards
from services.codepay.people import cancel
from services.codepay.refusals import CodePayNotOpen, ReentryBlocked
from services.problems import PayProblem
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.spend.helping import (
    Held,
    give_card,
    merchants,
    parts,
    refund,
    shop,
    till,
)
from tests.integration.looking import orders


def shown(product: Product, held: Held) -> str:
    """What the member's phone shows."""
    return issue(product.deps, held.provider_id, held.card_id).text


def test_a_code_is_charged_once_and_the_order_is_the_members(product: Product) -> None:
    held = give_card(product.deps, 10_000, 100)
    code = shown(product, held)
    assert len(code) == 18
    assert code.isdigit()
    assert code.startswith("99")
    found = till(product.deps, held, 1234, code)
    assert (found.state, found.channel, found.words) == ("paid", "balance", "收款成功")
    assert parts(product, held) == (10_000 - 1134, 0)
    (row,) = orders(product)
    assert (row.person_id, row.channel) == (held.person_id, "balance")
    used = product.one("SELECT used_at, order_id FROM card_code")
    assert used.order_id == row.id
    assert used.used_at is not None
    with pytest.raises(CardCodeUsed):
        till(product.deps, held, 1, code)
    assert len(orders(product)) == 1
    with pytest.raises(CodePayNotOpen):
        cancel(product.deps, held.provider_id, found.out_trade_no, actor="test:till")


def test_the_code_itself_is_kept_nowhere(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    made = issue(product.deps, held.provider_id, held.card_id)
    till(product.deps, held, 1234, made.text)
    tables = ("card_code", "pay_order", "pay_attempt", "audit_entry", "ledger_entry")
    for table in tables:
        kept = product.sql(f"SELECT row_to_json(t)::text AS words FROM {table} t")
        assert kept, table
        assert not [row for row in kept if made.text in row.words], table
    assert made.text not in repr(made)


def test_it_lives_a_minute(product: Product, simulator: Simulator) -> None:
    held = give_card(product.deps, 10_000)
    first = shown(product, held)
    simulator.advance(58)
    till(product.deps, held, 1, first)
    code = shown(product, held)
    simulator.advance(61)
    with pytest.raises(CardCodeExpired):
        till(product.deps, held, 1, code)
    assert parts(product, held) == (9_999, 0)


def test_a_newer_code_voids_the_older(product: Product) -> None:
    held, other = give_card(product.deps, 10_000), give_card(product.deps, 10_000)
    theirs, first = shown(product, other), shown(product, held)
    second = shown(product, held)
    with pytest.raises(CardCodeExpired):
        till(product.deps, held, 1, first)
    till(product.deps, held, 1, second)
    till(product.deps, other, 1, theirs)  # another card's code is its own


@pytest.mark.parametrize("code", ["990000000000000000", "999999999999999999"])
def test_digits_that_no_card_has_shown_are_unknown(product: Product, code: str) -> None:
    held = give_card(product.deps, 10_000)
    with pytest.raises(CardCodeUnknown):
        till(product.deps, held, 1, code)
    assert orders(product) == []


def test_a_code_of_another_merchants_card_is_refused(product: Product) -> None:
    own, other = merchants(product.deps)[:2]
    held = give_card(product.deps, 10_000, scan=shop(product.deps, own))
    theirs = give_card(product.deps, 10_000, scan=shop(product.deps, other))
    with pytest.raises(CardOtherMerchant):
        till(product.deps, held, 1, shown(product, theirs))
    assert orders(product) == []
    assert (parts(product, held), parts(product, theirs)) == ((10_000, 0), (10_000, 0))


def test_a_store_that_is_switched_off_refuses_codes(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    set_cards(product.deps, held.scan.out_shop_id, is_on=False, actor="test:a")
    code = shown(product, held)
    with pytest.raises(CardDisabledStore) as said:
        till(product.deps, held, 1, code)
    assert "「本门店启用会员卡」" in "".join(said.value.steps)
    set_cards(product.deps, held.scan.out_shop_id, is_on=True, actor="test:a")
    till(product.deps, held, 1, code)  # a refusal has not used it


def test_not_enough_leaves_the_code_and_no_order(product: Product) -> None:
    held = give_card(product.deps, 100)
    code = shown(product, held)
    with pytest.raises(BalanceLow, match=r"余额 1\.00 元"):
        till(product.deps, held, 101, code)
    assert orders(product) == []
    assert till(product.deps, held, 100, code).state == "paid"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(CardStatus.CLOSED, CardClosed), (CardStatus.IMPORTED, CardUnclaimed)],
)
def test_a_card_that_may_not_be_spent_shows_no_code(
    product: Product, status: CardStatus, refusal: type[CardRefused]
) -> None:
    held = give_card(product.deps, 100, status=status)
    with pytest.raises(refusal):
        shown(product, held)


def test_a_card_closed_after_its_code_was_shown_is_refused(product: Product) -> None:
    held = give_card(product.deps, 0)
    code = shown(product, held)
    product.do("UPDATE member_card SET status = 'closed' WHERE id = :c", c=held.card_id)
    with pytest.raises(CardClosed):
        till(product.deps, held, 1, code)


def test_the_same_number_again_is_the_first_charge(product: Product, simulator: Simulator) -> None:
    held = give_card(product.deps, 10_000)
    code, number = shown(product, held), f"{held.scan.order_prefix}till0001"
    first = till(product.deps, held, 500, code, out_trade_no=number)
    simulator.advance(600)  # long after the code is over
    assert till(product.deps, held, 500, code, out_trade_no=number) == first
    assert parts(product, held) == (9_500, 0)
    for more in ({"amount_fen": 501}, {"auth_code": shown(product, held)}):
        with pytest.raises(ReentryBlocked):
            till(product.deps, held, 500, code, out_trade_no=number, **more)
    assert parts(product, held) == (9_500, 0)


def test_a_number_of_an_order_that_no_code_paid_is_left_alone(product: Product, phone: Any) -> None:
    held = give_card(product.deps, 10_000)
    phone("wechat", "lin").pay(amount="1.00")
    number = orders(product)[-1].out_trade_no
    product.wait_paid(number)
    with pytest.raises(ReentryBlocked):
        till(product.deps, held, 100, shown(product, held), out_trade_no=number)
    assert parts(product, held) == (10_000, 0)


def test_the_till_s_own_rules_hold(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    for more in ({"amount_fen": 0}, {"out_trade_no": "another0001"}):
        with pytest.raises(BadInput):
            till(product.deps, held, 100, shown(product, held), **more)


def test_two_tills_scan_the_same_code_and_one_is_paid(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    for _ in range(5):
        code, together = shown(product, held), Barrier(8)
        before = parts(product, held)[0]

        def scan(_: int, code: str = code, together: Barrier = together) -> str:
            together.wait(30)
            try:
                return str(till(product.deps, held, 100, code).state)
            except CardCodeUsed:
                return "used"

        with ThreadPoolExecutor(8) as pool:
            said = sorted(pool.map(scan, range(8)))
        assert said == ["paid", *["used"] * 7]
        assert parts(product, held)[0] == before - 100


def test_a_refund_of_a_scanned_payment_goes_back_to_the_card(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    till(product.deps, held, 500, shown(product, held))
    refund(product, orders(product)[-1], 500)
    assert parts(product, held) == (10_000, 0)


def test_the_command_says_each_refusal_in_words(product: Product) -> None:
    held = give_card(product.deps, 10_000)

    def run(*words: str) -> Any:
        return product.app.test_cli_runner().invoke(args=["codepay", "charge", *words])

    code = shown(product, held)
    done = run(held.scan.out_shop_id, "12.34", code)
    assert done.exit_code == 0, done.output
    assert "paid  收款成功  ¥12.34  balance" in done.stdout
    again = run(held.scan.out_shop_id, "12.34", code)
    assert again.exit_code == 1
    assert "会员卡付款码已使用过" in again.output
    low = run(held.scan.out_shop_id, "999", shown(product, held))
    assert "会员卡余额不足（余额 87.66 元）" in low.output
    off = product.app.test_cli_runner().invoke(
        args=["store", "cards", "off", held.scan.out_shop_id]
    )
    assert "本门店启用会员卡  off" in off.output
    refused = run(held.scan.out_shop_id, "1", shown(product, held))
    assert "本门店未启用会员卡" in refused.output
    assert "Traceback" not in refused.output


def test_with_the_merchant_switched_off_what_members_paid_for_is_still_theirs(
    product: Product,
) -> None:
    """No new money is taken at its stores; a member's balance is spent and can be given back."""
    held = give_card(product.deps, 10_000)
    product.do("UPDATE merchant SET is_active = false WHERE id = :m", m=held.merchant_id)
    with pytest.raises(PayProblem, match="MERCHANT_DISABLED"):
        till(product.deps, held, 1234, "130000000000000001")
    found = till(product.deps, held, 1234, shown(product, held))
    assert found.state == "paid"
    assert parts(product, held) == (10_000 - 1234, 0)
    (row,) = orders(product)
    refund(product, row, 1234)
    assert parts(product, held) == (10_000, 0)
