"""Any order of anything that happens to cards, against the model: to the fen, after each step.

The services, the ledger and PostgreSQL are the real ones, the wallets answer in the same process
(`tests/sim/stage.py`); what a wallet says later is applied as the word that it would be.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from openpyxl import Workbook

from errors import AppError
from gateways.base import RefundState, RefundWord, Trade, TradeState
from models.order import CloseReason
from services import closing, ledger_chain, ledger_verify
from services.attempts import lock_order
from services.bills.days import china_date
from services.cards import adjusting, bonus_expiry, importing, members, recharging, room
from services.cards.member_problems import AdjustLow
from services.cards.problems import BalanceCap, BalanceLow, TotalCap
from services.cards.spend_problems import RefundCardCap
from services.cards.spending import pay_by_card
from services.checkout import Purchase, Started
from services.codepay import listing
from services.refunds.asking import Ask, ask_for
from services.refunds.refusals import RefundAmount
from services.refunds.settling import apply_refund, lock_refund
from services.scan import scan_code
from services.seed import MAIN
from services.settle import apply_trade
from tests.harness import card_books
from tests.harness.database import Server
from tests.integration.cards.card_model import Bill, Card, Model, Taking, Wish
from tests.sim.issuer import SHOP, TIERS
from tests.sim.play import FIRST_DAY
from tests.sim.stage import CARD_CAP, Stage, open_theatre

PEOPLE = ("lin", "zhou", "chen")
CODE = "8K3FQ2"
EXAMPLES, STEPS = 50, 25
REACHED = (
    *("paid when held", "paid when freed", "paid when credited", "paid too late to fit"),
    *("given back when open", "given back when kept", "not given back when open"),
    *("spent of both parts", "given back of both parts", "filled to a cap", "lapsed"),
    *("imported", "not imported", "CARD_BALANCE_LOW", "CARD_BALANCE_CAP", "CARD_TOTAL_CAP"),
    *("REFUND_CARD_CAP", "REFUND_AMOUNT", "CARD_ADJUST_LOW"),
)
PERCENT = (13, 37, 71, 100, 101)  # of what there is; the last is one fen more
shares = st.sampled_from(PERCENT)
words = st.sampled_from(("", "+", "-", "-+"))


def so_much(percent: int, whole: int) -> int:
    """In fen, at least one."""
    return max(1, whole + 1 if percent > 100 else whole * percent // 100)


def the_end_of(wanted: type[AppError] | tuple[type[AppError], ...], do: Callable[[], Any]) -> Any:
    """It is refused so; the problem's facts."""
    with pytest.raises(wanted) as caught:
        do()
    CardMachine.reached[caught.value.code] += 1
    return caught.value.facts


class CardMachine(RuleBasedStateMachine):
    stage: ClassVar[Stage]
    home: ClassVar[Path]
    reached: ClassVar[Counter[str]] = Counter()

    wishes = Bundle("wishes")
    bills = Bundle("bills")
    takings = Bundle("takings")

    @initialize(
        target=wishes,
        mode=st.sampled_from(("fixed", "any")),
        bonus_days=st.sampled_from((0, 1, None)),
        total_cap=st.sampled_from((60_000, 120_000, 170_000)),
    )
    def open_shop(self, mode: str, bonus_days: int | None, total_cap: int) -> Any:
        stage, self.mode = self.stage, mode
        stage.empty()
        stage.timeline.begin(FIRST_DAY)
        stage.wire.through = stage.wallets.send
        stage.wallets.world.switches.set("wechat.mutual_tls", "off")
        stage.admin.execute(
            "UPDATE card_program SET status = 'approved', mode = %s, bonus_days = %s",
            [mode, bonus_days],
        )
        stage.admin.execute(
            "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
            " SELECT provider_id, merchant_id, %s, 0, 0 FROM card_program",
            [total_cap],
        )
        self.deps, self.scan = stage.deps, scan_code(stage.deps, MAIN, CODE)
        shop = listing.shop(self.deps, SHOP)
        self.provider_id, self.merchant_id = shop.provider_id, shop.merchant_id
        self.model = Model(CARD_CAP, total_cap, bonus_days)
        self.nth = itertools.count(1)
        self.in_transit = 0
        for person in PEOPLE:
            payer = stage.payers["wechat", person].person_id
            card_id = members.claim(self.deps, self.provider_id, self.merchant_id, payer)
            assert card_id == members.claim(self.deps, self.provider_id, self.merchant_id, payer)
            self.model.cards.append(Card(card_id, person))
        first = [self.recharge(card, 10_000, is_paid=True) for card in self.model.cards[:2]]
        return multiple(*first)

    # --- recharges --------------------------------------------------------------------------

    @rule(
        target=wishes,
        nth=st.integers(0, 2),
        share=shares,
        is_paid=st.booleans(),
    )
    def ask_to_recharge(self, nth: int, share: int, is_paid: bool) -> Any:
        card = self.model.cards[nth]
        room_left = self.model.room(card)
        if self.mode == "fixed":
            tier = TIERS[share % len(TIERS)]
            pay, bonus = tier.pay_fen, tier.bonus_fen
        else:
            pay, bonus = so_much(share, room_left), 0
        if pay + bonus <= room_left:
            return self.recharge(card, pay, is_paid=is_paid)
        facts = the_end_of((BalanceCap, TotalCap), lambda: self._start(card, pay))
        assert facts["room_fen"] == max(0, room_left)
        return multiple()

    def recharge(self, card: Card, pay: int, *, is_paid: bool) -> Wish:
        bonus = sum(tier.bonus_fen for tier in TIERS if tier.pay_fen == pay)
        bonus = bonus if self.mode == "fixed" else 0
        self.reached["filled to a cap"] += pay + bonus == self.model.room(card)
        made = Wish(card, pay, bonus, self._number(self._start(card, pay).public_id))
        card.held += pay + bonus
        if is_paid:
            self.hear_of_its_payment(made, late=False)
        return made

    def fill(self, card: Card) -> None:
        """Up to the nearer cap, by hand."""
        if (room_left := self.model.room(card)) > 0:
            self._adjust(card, room_left, f"a{next(self.nth)}")
            self.reached["filled to a cap"] += 1

    def _start(self, card: Card, pay: int) -> Started:
        return recharging.start_recharge(
            self.deps, self.scan, self.stage.payers["wechat", card.person], card.id, pay,
            terms_version=1, intent_key=f"r{card.id}:{next(self.nth)}",
        )  # fmt: skip

    @rule(wish=wishes, late=st.booleans())
    def hear(self, wish: Wish, late: bool) -> None:
        self.hear_of_its_payment(wish, late=late)

    def hear_of_its_payment(self, wish: Wish, *, late: bool) -> None:
        """In time, after its order closed, or once more."""
        if late and wish.state == "held":
            self.let_expire(wish)
        was, card = wish.state, wish.card
        self._pay(wish.number)
        self.reached[f"paid when {was}"] += 1
        if was in ("credited", "no_room"):
            return
        if was == "held":
            card.held -= wish.pay + wish.bonus
        if was == "freed" and wish.pay + wish.bonus > self.model.room(card):
            wish.state, wish.asked = "no_room", wish.pay
            self.reached["paid too late to fit"] += 1
            self.in_transit += wish.pay
            return
        wish.state = "credited"
        card.paid, card.bonus = card.paid + wish.pay, card.bonus + wish.bonus
        days = self.model.bonus_days
        card.bonus_until = None if days is None else self._today() + timedelta(days=days)

    @rule(target=wishes, nth=st.integers(0, 2), other=st.integers(0, 2), is_full=st.booleans())
    def pay_too_late(self, nth: int, other: int, is_full: bool) -> Any:
        """The order closes, others may fill the room, and only then it was paid after all."""
        card, pay = self.model.cards[nth], 10_000
        if self.model.room(card) < pay + TIERS[0].bonus_fen:
            return multiple()
        made = self.recharge(card, pay, is_paid=False)
        self.let_expire(made)
        if is_full:
            self.fill(self.model.cards[other])
        self.hear_of_its_payment(made, late=False)
        return made

    @rule(wish=wishes)
    def let_expire(self, wish: Wish) -> None:
        if wish.state != "held":
            return

        def unit(session: Any) -> None:
            row = self._row(wish.number)
            order = lock_order(session, self.provider_id, row.order_id)
            closing.end_order(session, order, CloseReason.EXPIRED, "test", self.deps.now())

        self.stage.admin.execute(
            "UPDATE pay_attempt SET status = 'closed', due_at = NULL WHERE out_trade_no = %s",
            [wish.number],
        )
        self.deps.transact(unit)
        wish.state = "freed"
        wish.card.held -= wish.pay + wish.bonus

    @rule(target=takings, wish=wishes, share=shares, words=words)
    def ask_a_recharge_back(self, wish: Wish, share: int, words: str) -> Any:
        """`words`: how its wallet goes on, in order."""
        if wish.state != "credited":
            return multiple()
        card, fen = wish.card, so_much(share, wish.pay - wish.asked)
        bonus = wish.bonus_of(fen)
        if fen > wish.pay - wish.asked:
            the_end_of(RefundAmount, lambda: self._ask(wish.number, fen))
            return multiple()
        if fen > card.paid or bonus > card.bonus:
            facts = the_end_of(BalanceLow, lambda: self._ask(wish.number, fen))
            assert facts["balance_fen"] == card.paid + card.bonus
            return multiple()
        made = self._ask(wish.number, fen)
        card.paid, card.bonus, card.held = (
            card.paid - fen,
            card.bonus - bonus,
            card.held + fen + bonus,
        )
        wish.taken_pay, wish.taken_bonus = wish.taken_pay + fen, wish.taken_bonus + bonus
        wish.asked += fen
        self.in_transit += fen
        taking = Taking(wish, made, fen, bonus)
        for word in words:
            self.hear_of_its_refund(taking, is_done=word == "+")
        return taking

    @rule(taking=takings, is_done=st.booleans())
    def hear_again(self, taking: Taking, is_done: bool) -> None:
        self.hear_of_its_refund(taking, is_done=is_done)

    def hear_of_its_refund(self, taking: Taking, *, is_done: bool) -> None:
        """The wallet has given it back, or will not; also the one after the other."""
        was, wish, card = taking.state, taking.wish, taking.wish.card
        self._refund_word(taking, RefundState.SUCCESS if is_done else RefundState.CLOSED)
        self.reached[f"{'given' if is_done else 'not given'} back when {was}"] += 1
        if was == "open":
            card.held -= taking.fen + taking.bonus
            self.in_transit -= taking.fen
            taking.state = "done" if is_done else "kept"
            if not is_done:
                card.paid, card.bonus = card.paid + taking.fen, card.bonus + taking.bonus
                wish.take(-taking.fen, -taking.bonus)
                wish.asked -= taking.fen
        elif was == "kept" and is_done and wish.asked + taking.fen <= wish.pay:
            # What is left on the card is taken; what is missing is a case for a person.
            paid, bonus = min(card.paid, taking.fen), min(card.bonus, taking.bonus)
            card.paid, card.bonus = card.paid - paid, card.bonus - bonus
            self.in_transit += paid - taking.fen
            wish.take(taking.fen, taking.bonus)
            wish.asked += taking.fen
            taking.state = "done"

    # --- spending ---------------------------------------------------------------------------

    @precondition(lambda self: self.model.owed() > self.model.imported)
    @rule(
        target=bills,
        nth=st.integers(0, 2),
        share=shares,
        back=st.sampled_from((0, *PERCENT)),
        is_full=st.booleans(),
    )
    def spend(self, nth: int, share: int, back: int, is_full: bool) -> Any:
        """And send some of it back at once, perhaps to a card that is full again."""
        card = self.model.cards[nth]
        bonus = self.model.spendable_bonus(card, self._today())
        fen = so_much(share, card.paid + bonus)
        payer = self.stage.payers["wechat", card.person].person_id

        def pay() -> Any:
            key = f"form:{next(self.nth)}"
            return pay_by_card(self.deps, self.scan, payer, Purchase(fen), intent_key=key)

        if fen > card.paid + bonus:
            facts = the_end_of(BalanceLow, pay)
            assert facts["balance_fen"] == card.paid + bonus
            return multiple()
        number = self._number(pay().public_id)
        taken = min(bonus, fen)
        self.reached["spent of both parts"] += 0 < taken < fen
        card.bonus, card.paid = card.bonus - taken, card.paid - (fen - taken)
        bill = Bill(card, fen - taken, taken, number)
        if back and is_full:
            self.fill(card)
        if back:
            self.give_back(bill, back)
        return bill

    @rule(bill=bills, share=shares)
    def give_a_payment_back(self, bill: Bill, share: int) -> None:
        self.give_back(bill, share)

    def give_back(self, bill: Bill, share: int) -> None:
        """In the reverse order of spending: paid money first."""
        rest = bill.paid + bill.bonus
        fen = so_much(share, rest)
        if fen > rest:
            the_end_of(RefundAmount, lambda: self._ask(bill.number, fen))
            return
        if fen > (left := self.model.room(bill.card)):
            facts = the_end_of(RefundCardCap, lambda: self._ask(bill.number, fen))
            assert facts["room_fen"] == max(0, left)
            return
        self._ask(bill.number, fen)
        paid, bonus = bill.back(fen)
        bill.paid, bill.bonus = bill.paid - paid, bill.bonus - bonus
        self.reached["given back of both parts"] += bool(paid and bonus)
        bill.card.paid, bill.card.bonus = bill.card.paid + paid, bill.card.bonus + bonus

    # --- the shop ---------------------------------------------------------------------------

    @rule(nth=st.integers(0, 2), share=shares, is_more=st.booleans(), again=st.booleans())
    def adjust(self, nth: int, share: int, is_more: bool, again: bool) -> None:
        card = self.model.cards[nth]
        delta = so_much(share, self.model.room(card)) if is_more else -so_much(share, card.paid)
        key = f"a{next(self.nth)}"

        if card.paid + delta < 0:
            the_end_of(AdjustLow, lambda: self._adjust(card, delta, key))
        elif delta > 0 and delta > self.model.room(card):
            the_end_of((BalanceCap, TotalCap), lambda: self._adjust(card, delta, key))
        else:
            self._adjust(card, delta, key)
            if again:
                self._adjust(card, delta, key)
                card.paid -= delta

    def _adjust(self, card: Card, delta: int, key: str) -> None:
        adjusting.adjust(
            self.deps, self.provider_id, card.id, delta, reason="x", actor="test", key=key
        )
        card.paid += delta

    @rule(is_small=st.booleans())
    def take_an_old_member_over(self, is_small: bool) -> None:
        fen = min(1_234 if is_small else CARD_CAP, self.model.left() + 1)
        nth = next(self.nth)
        book = Workbook(write_only=True)
        page = book.create_sheet()
        page.append(["手机号", "余额"])
        page.append([f"139{nth:08d}", f"{fen // 100}.{fen % 100:02d}"])
        file = self.home / "members.xlsx"
        book.save(file)
        report = importing.run(self.deps, self.provider_id, self.merchant_id, file, actor="test")
        assert report.is_clean == (fen <= self.model.left()), report
        self.model.imported += fen if report.is_clean else 0
        self.reached["imported" if report.is_clean else "not imported"] += 1

    @rule(days=st.sampled_from((2, 1, 0)))
    def night(self, days: int) -> None:
        """Bonus whose last day is over leaves the cards; once a night."""
        self.stage.timeline.move_to(self.stage.timeline.at + 86_400 * days + 1)
        bonus_expiry.expire(self.deps)
        today = self._today()
        for card in self.model.cards:
            is_over = card.bonus_until is not None and card.bonus_until < today
            if is_over and card.bonus and card.lapsed_on != today:
                card.bonus, card.lapsed_on = 0, today
                self.reached["lapsed"] += 1

    @rule()
    def fold_the_room(self) -> None:
        room.fold(self.deps)

    @rule()
    def seal(self) -> None:
        ledger_chain.seal(self.deps)

    # --- what must hold ---------------------------------------------------------------------

    @invariant()
    def the_books_are_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        for card in self.model.cards:
            row = self._one(
                "SELECT c.paid_fen, c.bonus_fen, c.held_fen,"
                " COALESCE(sum(e.delta_fen) FILTER (WHERE account = 'card_paid'), 0) AS paid,"
                " COALESCE(sum(e.delta_fen) FILTER (WHERE account = 'card_bonus'), 0) AS bonus"
                " FROM member_card c LEFT JOIN ledger_entry e ON e.provider_id = c.provider_id"
                " AND e.card_id = c.id WHERE c.id = %s GROUP BY c.provider_id, c.id",
                card.id,
            )
            assert (row.paid_fen, row.bonus_fen, row.held_fen) == (card.paid, card.bonus, card.held)
            assert (row.paid, row.bonus) == (card.paid, card.bonus)
            assert min(card.paid, card.bonus, card.held) >= 0
            assert card.paid + card.bonus + card.held <= CARD_CAP
        found = self.deps.transact(lambda s: room.read_room(s, self.provider_id, self.merchant_id))
        assert found is not None
        held = sum(card.held for card in self.model.cards)
        assert (found.balance_fen, found.held_fen) == (self.model.owed(), held)
        assert found.left_fen >= 0
        transit = self._one(
            "SELECT COALESCE(sum(delta_fen), 0) AS fen FROM ledger_entry"
            " WHERE account = 'in_transit'"
        )
        assert transit.fen == self.in_transit

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        while ledger_chain.seal(self.deps):
            pass
        report = ledger_verify.verify(self.deps)
        assert report.findings == []
        assert report.unsealed == 0
        assert self.deps.transact(card_books.wrong) == [[], [], []]

    # --- helpers ----------------------------------------------------------------------------

    def _today(self) -> date:
        return china_date(self.deps.now())

    def _one(self, statement: str, *values: Any) -> Any:
        return self.stage.admin.execute(statement, list(values)).fetchone()

    def _number(self, public_id: str) -> str:
        row = self._one("SELECT out_trade_no FROM pay_order WHERE public_id = %s", public_id)
        return str(row.out_trade_no)

    def _row(self, number: str) -> Any:
        return self._one("SELECT * FROM pay_attempt WHERE out_trade_no = %s", number)

    def _pay(self, number: str) -> None:
        """The wallet says that this was paid."""
        row = self._row(number)
        trade = Trade(
            "wechat", number, TradeState.SUCCESS, "SUCCESS", row.payee, row.app, row.amount_fen,
            transaction_id=f"42{number}"[:32], paid_at=self.deps.now(),
        )  # fmt: skip
        self.deps.transact(lambda s: apply_trade(s, self.provider_id, trade, self.deps.now()))

    def _ask(self, number: str, fen: int) -> int:
        return ask_for(self.deps, Ask(self.provider_id, number, fen, "x", "test", "test"))

    def _refund_word(self, taking: Taking, state: RefundState) -> None:
        row = self._one("SELECT out_refund_no FROM refund WHERE id = %s", taking.refund_id)
        word = RefundWord(
            "wechat", taking.wish.number, row.out_refund_no, state, state.name, taking.fen
        )

        def unit(session: Any) -> None:
            locked = lock_refund(session, self.provider_id, taking.refund_id)
            apply_refund(session, locked, word, self.deps.now())

        self.deps.transact(unit)


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_theatre(server, tmp_path_factory.mktemp("theatre")) as theatre:
        made = Stage(theatre)
        yield made
        made.close()


@pytest.mark.timeout(300)
def test_whatever_happens_to_cards_they_are_what_the_model_says(
    stage: Stage, tmp_path: Path
) -> None:
    """Product section 4, invariants 3 and 9: paid money, bonus and room, to the fen."""
    CardMachine.stage, CardMachine.home = stage, tmp_path
    CardMachine.reached.clear()
    run_state_machine_as_test(
        CardMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,  # the same examples in every run; a failing one is printed
            database=None,
            report_multiple_bugs=False,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    reached = CardMachine.reached
    assert [what for what in REACHED if not reached[what]] == [], reached
