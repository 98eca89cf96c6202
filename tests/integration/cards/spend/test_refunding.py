"""A refund of a card payment: to the parts that it came from, at once, or not at all."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from services import order_explained
from services.cards.spend_problems import RefundCardCap, RefundCardClosed
from services.refunds import listing, sending
from services.refunds.asking import Ask, ask_for
from services.refunds.refusals import RefundAmount
from services.totals_check import differences
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.spend.helping import (
    Held,
    count,
    give_card,
    order,
    parts,
    pay,
    refund,
)


def paid(product: Product, held: Held, fen: int) -> Any:
    return order(product, pay(product.deps, held, fen))


def test_the_paid_part_goes_back_first_then_the_bonus(product: Product) -> None:
    """Case 35: 500 of bonus and 734 of paid money were spent; three refunds give back the same."""
    held = give_card(product.deps, 10_000, 500)
    row = paid(product, held, 1234)
    assert parts(product, held) == (9_266, 0)
    refund(product, row, 700)
    assert parts(product, held) == (9_966, 0)
    refund(product, row, 100)
    assert parts(product, held) == (10_000, 66)
    refund(product, row, 434)
    assert parts(product, held) == (10_000, 500)
    with pytest.raises(RefundAmount):
        refund(product, row, 1)
    spend = product.one("SELECT * FROM card_spend WHERE order_id = :o", o=row.id)
    assert (spend.back_paid_fen, spend.back_bonus_fen) == (734, 500)
    kinds = product.sql(
        "SELECT kind, sum(delta_fen) AS fen FROM ledger_entry GROUP BY 1 ORDER BY 1"
    )
    assert [(k.kind, k.fen) for k in kinds] == [("pay", 0), ("pay_back", 0), ("recharge", 0)]


def test_it_is_done_at_once_and_told_as_any_refund(product: Product, simulator: Simulator) -> None:
    held = give_card(product.deps, 10_000)
    row = paid(product, held, 1234)
    made = ask_for(product.deps, Ask(1, row.out_trade_no, 234, "缺一份小菜", "test:a", "test:b"))
    sending.send(product.deps, row.provider_id, made)  # as pages and commands do: nothing is left
    line = listing.read(product.deps, row.provider_id, made)
    assert (line.status, line.words, line.due_at) == ("success", "已退款", None)
    after = product.one("SELECT * FROM pay_order WHERE id = :o", o=row.id)
    assert after.refunded_fen == 234
    attempt = product.one("SELECT * FROM pay_attempt WHERE order_id = :o", o=row.id)
    assert (attempt.held_fen, attempt.refunded_fen) == (234, 234)
    said = product.sql(
        "SELECT action, actor FROM audit_entry WHERE subject = :s ORDER BY id",
        s=f"order:{row.out_trade_no}",
    )
    assert [entry.action for entry in said] == ["order_paid", "refund_asked", "refund_succeeded"]
    assert product.deps.transact(differences) == []
    assert simulator.books() == []
    assert "已退回会员卡" in order_explained.explain(product.deps, row.out_trade_no)[-1]


def test_the_same_number_again_is_the_same_refund(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    row = paid(product, held, 1000)
    first = refund(product, row, 300, out_refund_no="sz01back0001")
    assert refund(product, row, 300, out_refund_no="sz01back0001").id == first.id
    assert parts(product, held) == (9_300, 0)


def test_above_the_cards_own_cap_nothing_moves_and_the_room_is_named(product: Product) -> None:
    held = give_card(product.deps, 1000, cap_fen=1000)
    row = paid(product, held, 1000)
    top_up(product, held, 400)
    with pytest.raises(RefundCardCap, match=r"本卡余额上限，现在最多可退 6\.00 元") as said:
        refund(product, row, 601)
    assert said.value.facts == {"room_fen": 600}
    assert count(product, "refund") == 0
    assert parts(product, held) == (400, 0)
    refund(product, row, 600)  # equal is allowed
    assert parts(product, held) == (1000, 0)


def test_above_the_merchants_cap_nothing_moves_and_the_room_is_named(product: Product) -> None:
    held = give_card(product.deps, 1000, total_cap_fen=1000)
    row = paid(product, held, 1000)
    other = give_card(product.deps, 0, total_cap_fen=1000)
    top_up(product, other, 400)
    with pytest.raises(RefundCardCap, match=r"商户会员卡总余额上限，现在最多可退 6\.00 元"):
        refund(product, row, 601)
    assert parts(product, held) == (0, 0)
    refund(product, row, 600)
    assert parts(product, held) == (600, 0)


def top_up(product: Product, held: Held, fen: int) -> None:
    """Money put on the card by another road."""
    from models.ledger import LedgerAccount, MovementKind
    from services.ledger import Movement, lock_with_room, post

    def unit(session: Any) -> None:
        room, card = lock_with_room(session, held.provider_id, held.merchant_id, held.card_id)
        legs = ((LedgerAccount.CARD_PAID, fen), (LedgerAccount.ADJUSTMENTS, -fen))
        key = f"adjust:{held.card_id}:{fen}"
        made = Movement(MovementKind.ADJUST, key, legs, product.deps.now(), "test:a")
        assert post(session, card, made, room)

    product.deps.transact(unit)


def test_a_card_closed_meanwhile_says_what_to_do(product: Product) -> None:
    held = give_card(product.deps, 1000)
    row = paid(product, held, 1000)
    product.do("UPDATE member_card SET status = 'closed' WHERE id = :c", c=held.card_id)
    with pytest.raises(RefundCardClosed) as said:
        refund(product, row, 1000)
    assert "转账或现金" in said.value.steps[0]
    assert count(product, "refund") == 0


def test_a_suspended_program_stops_no_refund_nor_does_time(
    product: Product, simulator: Simulator
) -> None:
    held = give_card(product.deps, 1000)
    row = paid(product, held, 1000)
    product.do("UPDATE card_program SET status = 'suspended'")
    simulator.advance(timedelta(days=400).total_seconds())
    refund(product, row, 1000)
    assert parts(product, held) == (1000, 0)


def test_fifty_refunds_at_once_give_back_no_more_than_was_paid(product: Product) -> None:
    held = give_card(product.deps, 50, 50)
    row = paid(product, held, 100)
    together = Barrier(20)

    def one(_: int) -> int:
        together.wait(30)
        with contextlib.suppress(RefundAmount):
            refund(product, row, 60)
            return 1
        return 0

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 1
    assert parts(product, held) == (50, 10)


def test_the_command_refunds_a_card_payment(product: Product) -> None:
    held = give_card(product.deps, 10_000)
    row = paid(product, held, 1234)
    done = product.app.test_cli_runner().invoke(
        args=["refunds", "ask", row.out_trade_no, "12.34", "--reason", "退货"]
    )
    assert done.exit_code == 0, done.output
    assert "已退款" in done.stdout
    assert parts(product, held) == (10_000, 0)
