"""A card's history: its lines, the balance after each, and pages that neither lose nor repeat."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.card import MemberCard
from models.ledger import LedgerAccount, MovementKind
from services import ledger
from services.cards import history
from services.ledger import Movement
from tests.harness.product import Product
from tests.integration.cards.spend.helping import Held, give_card

PAID, BONUS = LedgerAccount.CARD_PAID, LedgerAccount.CARD_BONUS


def move(product: Product, held: Held, nth: int, paid: int, bonus: int) -> None:
    legs = [(PAID, paid), (BONUS, bonus), (LedgerAccount.ADJUSTMENTS, -paid - bonus)]
    movement = Movement(
        MovementKind.ADJUST,
        f"h:{held.card_id}:{nth}",
        tuple(leg for leg in legs if leg[1]),
        product.deps.now() + timedelta(seconds=nth),
        "test",
        reason=f"第 {nth} 次",
    )

    def unit(session: Session) -> None:
        room, card = ledger.lock_with_room(
            session,
            held.provider_id,
            held.merchant_id,
            held.card_id,
        )
        ledger.post(session, card, movement, room)

    product.deps.transact(unit)


def test_every_page_size_tells_the_same_lines_and_balances(product: Product) -> None:
    held, other = give_card(product.deps, 1_000), give_card(product.deps, 77_700, 300)
    expected, balance = [], 1_000
    steps = [(500, 100), (-200, 0), (0, 50), (0, -150), (-300, 0), (40, 0), (0, 7), (1, 1)]
    for nth, (paid, bonus) in enumerate(steps):
        move(product, held, nth, paid, bonus)
        move(product, other, nth, paid, bonus)  # another card's lines lie between
        balance += paid + bonus
        expected.append((paid, bonus, balance))
    expected.reverse()
    for most in (1, 2, 3, 5, 100):
        lines, before = [], None
        while True:
            page = partial(
                history.page, provider_id=held.provider_id, card_id=held.card_id,
                before=before, most=most,
            )  # fmt: skip
            found = product.deps.transact(page)
            if not found:
                break
            lines += found
            before = found[-1].last_id
        told = [(line.paid_fen, line.bonus_fen, line.balance_fen) for line in lines]
        assert told[: len(expected)] == expected, most
        assert told[len(expected) :] == [(1_000, 0, 1_000)], most  # what it began with
    card = product.deps.transact(lambda s: s.get_one(MemberCard, (held.provider_id, held.card_id)))
    assert told[0][2] == card.paid_fen + card.bonus_fen


def test_a_page_reads_the_ends_of_the_card_s_index(product: Product) -> None:
    held = give_card(product.deps, 1_000)

    def unit(session: Session) -> str:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))  # an index that is no order needs one
        keys = {"p": held.provider_id, "c": held.card_id, "before": 2**62, "most": 20}
        plan = session.execute(text(f"EXPLAIN (COSTS OFF) {history._ENDS.text}"), keys)
        return "\n".join(row[0] for row in plan)

    said = product.deps.transact(unit)
    assert said.count("Index Scan using ix_ledger_entry_card on ledger_entry") == 2, said
    ends = said[: said.index("pay_order")] if "pay_order" in said else said
    assert ends.count("Limit") == 2, said
