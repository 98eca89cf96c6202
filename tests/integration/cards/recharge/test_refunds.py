"""Refunds of recharges: amount and bonus leave the card first, and return if the money does not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gateways.base import RefundState, RefundWord
from models.card import RechargeMode
from models.ledger import LedgerAccount, MovementKind
from services import adopted_refunds, ledger
from services.cards.problems import BalanceLow
from services.refunds import people, sending
from services.refunds.asking import ask_for
from services.refunds.refusals import RefundAmount
from services.refunds.settling import apply_refund, lock_refund
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop, settled
from tests.integration.looking import cases, until
from tests.integration.losing import as_owner, lose_refunds
from tests.integration.refunds.helping import asked, refund, refunds


@pytest.fixture
def shop(product: Product, phone: MakePhone) -> Shop:
    return open_shop(product, phone)


def paid(shop: Shop, pay_fen: int = 10_000) -> Any:
    order = shop.pay(pay_fen)
    settled(shop, "credited")
    return order


def spend(shop: Shop, bonus_fen: int, paid_fen: int) -> None:
    """Something is bought with the card: bonus first, as the ledger's document says."""

    def unit(session: Session) -> None:
        card = ledger.lock_card(session, shop.scan.provider_id, shop.card_id)
        legs = (
            (LedgerAccount.CARD_BONUS, -bonus_fen),
            (LedgerAccount.CARD_PAID, -paid_fen),
            (LedgerAccount.ADJUSTMENTS, bonus_fen + paid_fen),
        )
        movement = ledger.Movement(
            kind=MovementKind.ADJUST,
            key=f"adjust:test{card.version}",
            legs=tuple(leg for leg in legs if leg[1]),
            at=shop.product.deps.now(),
            actor="test",
        )
        ledger.post(session, card, movement)

    shop.product.deps.transact(unit)


def done(shop: Shop) -> None:
    shop.product.simulator.advance(15)
    shop.product.sweep()


def test_a_whole_refund_takes_amount_and_bonus_before_the_wallet_is_asked(shop: Shop) -> None:
    order = paid(shop)
    made = ask_for(shop.product.deps, asked(order, 10_000))
    assert shop.money == (0, 0, 11_000)  # its room is kept until the wallet is final
    assert shop.account("in_transit") == 10_000
    assert shop.room == (0, 11_000)
    sending.send(shop.product.deps, order.provider_id, made)
    done(shop)
    assert [r.status for r in refunds(shop.product)] == ["success"]
    assert shop.money == (0, 0, 0)
    assert shop.room == (0, 0)
    assert [kind for kind, _ in shop.movements()] == ["recharge", "recharge_back", "returned"]
    assert {a: shop.account(a) for a in ("in_transit", "funds", "bonus")} == {
        "in_transit": 0, "funds": 0, "bonus": 0,
    }  # fmt: skip


def test_partial_refunds_take_the_bonus_in_proportion_rounded_up(
    product: Product, phone: MakePhone
) -> None:
    """1,000 of bonus on 10,000: 3,333 takes 334, the same again 333, and the rest all of it."""
    shop = open_shop(product, phone)
    order = paid(shop)
    taken: list[tuple[int, int]] = []
    for fen in (3_333, 3_333, 3_334):
        refund(product, order, fen)
        product.simulator.advance(66)
        product.sweep()
        taken.append((fen, 1_000 - shop.money[1] - sum(b for _, b in taken)))
    assert taken == [(3_333, 334), (3_333, 333), (3_334, 333)]
    assert shop.money == (0, 0, 0)
    with pytest.raises(RefundAmount):
        ask_for(product.deps, asked(order, 1))


@pytest.mark.parametrize(("bonus", "own"), [(1, 0), (1_000, 0), (1_000, 1)])
def test_what_was_spent_is_not_refunded_and_nothing_moves(shop: Shop, bonus: int, own: int) -> None:
    order = paid(shop)
    spend(shop, bonus, own)
    before = shop.movements()
    with pytest.raises(BalanceLow) as said:
        ask_for(shop.product.deps, asked(order, 10_000))
    assert said.value.facts["balance_fen"] == 11_000 - bonus - own
    assert refunds(shop.product) == []
    assert shop.movements() == before
    assert shop.product.one("SELECT held_fen FROM pay_attempt").held_fen == 0


def test_another_part_of_the_bonus_may_be_named(shop: Shop) -> None:
    order = paid(shop)
    spend(shop, 400, 0)
    made = ask_for(shop.product.deps, asked(order, 10_000, bonus_fen=600))
    sending.send(shop.product.deps, order.provider_id, made)
    done(shop)
    assert shop.money == (0, 0, 0)


@pytest.mark.parametrize("outcome", ["refused", "closed", "cancelled"])
def test_a_refund_that_fails_puts_amount_and_bonus_back(
    shop: Shop, simulator: Simulator, outcome: str
) -> None:
    order = paid(shop)
    if outcome == "refused":
        simulator.fault("wechat.refund", "error", code="USER_ACCOUNT_ABNORMAL")
    elif outcome == "closed":
        simulator.switch("wechat.refund_outcome", "closed")
    else:
        simulator.switch("wechat.merchant_funds", "short")
    made = refund(shop.product, order, 4_000)
    if outcome == "cancelled":
        assert made.status == "waiting"
        assert shop.money == (6_000, 600, 4_400)
        people.cancel(shop.product.deps, made.out_refund_no, actor="test:c")
    done(shop)
    assert [r.status for r in refunds(shop.product)] == ["failed"]
    assert shop.money == (10_000, 1_000, 0)
    assert shop.room == (11_000, 0)
    assert shop.account("in_transit") == 0
    row = shop.product.one("SELECT taken_paid_fen, taken_bonus_fen FROM recharge")
    assert (row.taken_paid_fen, row.taken_bonus_fen) == (0, 0)


def test_what_comes_back_finds_its_room_however_full_the_card_is(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    shop = open_shop(product, phone, card_cap_fen=10_000, mode=RechargeMode.ANY)
    order = paid(shop, 10_000)
    simulator.switch("wechat.merchant_funds", "short")
    made = refund(product, order, 4_000)
    with pytest.raises(Exception, match="超过本卡余额上限"):
        shop.start(1)
    people.cancel(product.deps, made.out_refund_no, actor="test:c")
    assert shop.money == (10_000, 0, 0)


def told(shop: Shop, row: Any) -> None:
    """The wallet says that it has given it back after all."""

    def unit(session: Session) -> None:
        locked = lock_refund(session, row.provider_id, row.id)
        word = RefundWord(
            channel="wechat",
            out_refund_no=row.out_refund_no,
            out_trade_no="",
            refund_id="50000000",
            amount_fen=row.amount_fen,
            state=RefundState.SUCCESS,
            raw_state="SUCCESS",
            succeeded_at=shop.product.deps.now(),
        )
        apply_refund(session, locked, word, shop.product.deps.now())

    shop.product.deps.transact(unit)


@pytest.mark.books_differ
@pytest.mark.parametrize(
    ("bonus", "own", "left", "short"),
    [(0, 0, (6_000, 600), 0), (1_000, 0, (6_000, 0), 400), (1_000, 7_000, (0, 0), 1_400)],
)
def test_a_success_after_a_failure_takes_what_is_there_and_never_below_zero(
    shop: Shop, simulator: Simulator, bonus: int, own: int, left: tuple[int, int], short: int
) -> None:
    order = paid(shop)
    simulator.fault("wechat.refund", "error", code="USER_ACCOUNT_ABNORMAL")
    made = refund(shop.product, order, 4_000)
    assert made.status == "failed"
    if bonus or own:
        spend(shop, bonus, own)
    told(shop, made)
    told(shop, made)
    assert shop.money == (*left, 0)
    assert shop.account("funds") == -6_000
    assert cases(shop.product) == (["refund_mismatch"] if short else [])
    if short:
        facts = shop.product.one("SELECT facts FROM money_case").facts
        assert facts["first"]["short_fen"] == short
    assert shop.account("in_transit") == -max(0, 4_000 - (10_000 - own))
    assert shop.room == (sum(left), 0)


def test_a_refund_that_a_restored_backup_had_forgotten_is_taken_from_the_card(
    shop: Shop, product: Product
) -> None:
    order = paid(shop)
    refund(product, order, 4_000)
    product.simulator.advance(15)
    product.sweep()
    (row,) = refunds(product)
    assert shop.money == (6_000, 600, 0)
    forget_taking(product, shop)
    lose_refunds(product, order.id)
    attempt = product.one("SELECT id FROM pay_attempt").id
    assert adopted_refunds.adopt_refund(
        product.deps, order.provider_id, attempt, row.out_refund_no, "test"
    )
    assert [r.status for r in refunds(product)] == ["success"]
    assert shop.money == (6_000, 600, 0)
    assert shop.account("in_transit") == 0


def forget_taking(product: Product, shop: Shop) -> None:
    """The card and its ledger as they were before the refund: only a restored backup does this."""
    as_owner(
        product,
        "DELETE FROM card_taking",
        "UPDATE recharge SET taken_paid_fen = 0, taken_bonus_fen = 0",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_keep",
        "DELETE FROM ledger_tail WHERE key NOT LIKE 'recharge:%'",
        "DELETE FROM ledger_entry WHERE kind <> 'recharge'",
        "ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_keep",
        "DELETE FROM card_release",
        "UPDATE member_card SET paid_fen = 10000, bonus_fen = 1000, held_fen = 0",
        "UPDATE card_room SET balance_fen = 11000, held_fen = 0",
    )


def test_spending_and_refunding_at_once_never_give_the_same_fen_twice(shop: Shop) -> None:
    """The refund takes everything or is refused; what is left pays, or nothing does."""
    order = paid(shop)
    gate = threading.Barrier(9)
    refused: list[str] = []

    def run(what: Any) -> None:
        gate.wait()
        try:
            what()
        except BalanceLow:
            refused.append("low")
        except RefundAmount:
            refused.append("amount")

    asks = [lambda: ask_for(shop.product.deps, asked(order, 10_000))] * 3
    spends = [lambda: spend(shop, 200, 0)] * 6
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(run, [*asks, *spends]))
    refunded = len(refunds(shop.product))
    assert refunded in (0, 1)
    assert shop.money[0] == (0 if refunded else 10_000)
    assert shop.money[1] == (0 if refunded else 1_000 - 200 * (6 - len(refused) + 3))
    if refunded:
        until(lambda: bool(refunds(shop.product)))
        shop.product.simulator.advance(31)
        shop.product.sweep()
        shop.product.simulator.advance(31)
        shop.product.sweep()
        assert shop.money == (0, 0, 0)
    assert len(refused) >= 3 - refunded
