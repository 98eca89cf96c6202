"""What must hold when nothing is to come any more: their books are ours, nobody is forgotten."""

from __future__ import annotations

from typing import Any, cast

from models.card import RECHARGE_TRANSITIONS
from models.deposit import FREEZE_TRANSITIONS, MOVE_TRANSITIONS
from models.order import ATTEMPT_TRANSITIONS, ORDER_TRANSITIONS
from models.refund import REFUND_TRANSITIONS
from services import totals_check
from services.orders import stuck
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.sim.card_checks import CARD_CHECKS
from tests.sim.deposit_checks import DEPOSIT_CHECKS
from tests.sim.play import Play
from tests.sim.trace import Violation

TABLES: dict[str, set[tuple[str, str]]] = {
    "pay_order": {(str(a), str(b)) for a, more in ORDER_TRANSITIONS.items() for b in more},
    "pay_attempt": {(str(a), str(b)) for a, more in ATTEMPT_TRANSITIONS.items() for b in more},
    "refund": {(str(a), str(b)) for a, more in REFUND_TRANSITIONS.items() for b in more},
    "deposit_freeze": {(str(a), str(b)) for a, more in FREEZE_TRANSITIONS.items() for b in more},
    "deposit_move": {(str(a), str(b)) for a, more in MOVE_TRANSITIONS.items() for b in more},
    "recharge": {(str(a), str(b)) for a, more in RECHARGE_TRANSITIONS.items() for b in more},
}


# Cases that only a person may close, whatever comes of them by itself.
FOR_A_PERSON = frozenset(
    {
        *("refund_abnormal", "no_answer", "amount_mismatch", "refund_mismatch"),
        *("paid_after_reverse", "deposit_mismatch"),
    }
)


class _Books:
    """The wallets' books as the harness asks for them."""

    def __init__(self, play: Play) -> None:
        self._play = play

    def books(self) -> list[dict[str, Any]]:
        return [trade.row() for trade in self._play.stage.wallets.world.books.all()]


def check(play: Play) -> None:
    """Violation with all that is wrong."""
    wrong: list[str] = []
    cards = CARD_CHECKS if play.chance.has_cards else ()
    deposits = DEPOSIT_CHECKS if play.chance.has_deposits else ()
    for part in (*CHECKS, *cards, *deposits):
        try:
            part(play)
        except AssertionError as problem:
            wrong.append(f"{part.__name__[1:]}: {problem}")
    if wrong:
        raise Violation("; ".join(wrong))


def _books(play: Play) -> None:
    stage = play.stage
    books = cast(Simulator, _Books(play))
    Product("", stage.app, stage.deps, books).assert_books_agree()


def _failures(play: Play) -> None:
    """No request ended in an exception, unless we had taken the database away."""
    assert not play.stage.failures, play.stage.failures[0]


def _moves(play: Play) -> None:
    """Each move of a status is in its table; and it is counted."""
    for row in play.rows("SELECT tab, was, became, count(*) AS n FROM sim_move GROUP BY 1, 2, 3"):
        play.trace.reach(f"move {row.tab} {row.was} -> {row.became}", row.n)
        table = TABLES.get(row.tab)
        assert table is None or (row.was, row.became) in table, f"{row} is in no table"


def _orders(play: Play) -> None:
    bad = play.rows(
        "SELECT out_trade_no, status, is_unknown, is_frozen, amount_fen, refunded_fen"
        " FROM pay_order WHERE status NOT IN ('paid', 'closed') OR is_unknown OR is_frozen"
        " OR refunded_fen > amount_fen ORDER BY 1"
    )
    assert not bad, f"not at its end: {bad}"
    twice = play.rows(
        "SELECT o.out_trade_no FROM pay_order o JOIN pay_attempt a ON a.provider_id = o.provider_id"
        " AND a.order_id = o.id WHERE a.status = 'paid' AND (a.transaction_id <> o.transaction_id)"
        " AND a.refunded_fen <> a.amount_fen AND NOT EXISTS (SELECT 1 FROM refund r WHERE"
        " r.provider_id = a.provider_id AND r.attempt_id = a.id AND r.status = 'abnormal')"
    )
    assert not twice, f"a second payment is not given back: {twice}"
    if play.rows("SELECT 1 FROM refund WHERE asked_by = 'system:paid_twice'"):
        play.reach("case 19")
    odd = play.rows(
        "SELECT out_trade_no FROM pay_order o WHERE status = 'paid' AND NOT EXISTS (SELECT 1 FROM"
        " pay_attempt a WHERE a.provider_id = o.provider_id AND a.order_id = o.id"
        " AND a.status = 'paid' AND a.transaction_id = o.transaction_id"
        " AND a.amount_fen = o.amount_fen AND a.refunded_fen = o.refunded_fen)"
    )
    assert not odd, f"paid without its attempt: {odd}"


def _attempts(play: Play) -> None:
    bad = play.rows(
        "SELECT out_trade_no, status, due_at FROM pay_attempt WHERE status IN"
        " ('created', 'payable', 'closing') OR due_at IS NOT NULL ORDER BY 1"
    )
    assert not bad, f"not at its end: {bad}"
    refunds = play.rows(
        "SELECT out_refund_no, status FROM refund WHERE status IN"
        " ('created', 'processing', 'unknown', 'waiting') ORDER BY 1"
    )
    assert not refunds, f"not at its end: {refunds}"


def _followed(play: Play) -> None:
    """What follows a payment happened once."""
    bad = play.rows(
        "SELECT o.out_trade_no, count(e.id) AS n FROM pay_order o LEFT JOIN audit_entry e"
        " ON e.provider_id = o.provider_id AND e.subject = 'order:' || o.out_trade_no"
        " AND e.action = 'order_followed_up' WHERE o.status = 'paid'"
        " GROUP BY o.provider_id, o.id HAVING count(e.id) <> 1 ORDER BY 1"
    )
    assert not bad, f"followed up not once: {bad}"


def _stuck(play: Play) -> None:
    left = stuck(play.stage.deps)
    assert not left, f"nobody looks at it again: {left}"


def _called(play: Play) -> None:
    """The provider has heard of each payment, and of each refund of it, at least once."""
    late = play.rows("SELECT event, number, status FROM callback WHERE status <> 'delivered'")
    assert not late, f"the provider was not told: {late}"
    told = play.stage.receiver.told
    for row in play.rows("SELECT out_trade_no FROM pay_order WHERE status = 'paid' ORDER BY 1"):
        assert told[f"pay {row.out_trade_no}"], f"the provider never heard of {row.out_trade_no}"
    for row in play.rows(
        "SELECT r.out_refund_no FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id"
        " AND a.id = r.attempt_id JOIN pay_order o ON o.provider_id = r.provider_id"
        " AND o.id = r.order_id AND o.transaction_id = a.transaction_id"
        " WHERE r.status = 'success' ORDER BY 1"
    ):
        assert told[f"refund {row.out_refund_no}"], f"nor of the refund {row.out_refund_no}"


def _totals(play: Play) -> None:
    """The day's takings are the sums of the orders and refunds, and so are those of its hours."""
    found = play.stage.deps.transact(totals_check.differences)
    assert not found, f"totals: {found}"
    apart = play.stage.deps.transact(totals_check.hour_differences)
    assert not apart, f"hours: {apart}"


def _bills(play: Play) -> None:
    """The wallets' own bills differ from our books nowhere."""
    left = play.rows(
        "SELECT channel, bill_on, status, said, broken_reason FROM bill"
        " WHERE status NOT IN ('matched', 'empty') ORDER BY 1, 2"
    )
    assert not left, f"not matched: {left}"
    cases = play.rows(
        "SELECT kind, subject, number, status, facts FROM bill_case"
        " WHERE status IN ('waiting', 'found') ORDER BY 1, 2, 3"
    )
    assert not cases, f"differences: {cases}"
    for row in play.rows("SELECT kind, subject, status FROM bill_case ORDER BY 1, 2, 3"):
        play.reach(f"bill {row.subject} {row.kind} {row.status}")


def _told(play: Play) -> None:
    """A refund that a person must hand over has its case; what came right has none open."""
    open_cases = {
        (row.kind, row.out_trade_no)
        for row in play.rows("SELECT kind, out_trade_no FROM money_case WHERE closed_at IS NULL")
    }
    for row in play.rows("SELECT out_refund_no FROM refund WHERE status = 'abnormal' ORDER BY 1"):
        assert ("refund_abnormal", row.out_refund_no) in open_cases, f"no case: {row}"
    stopped = play.rows(
        "SELECT a.out_trade_no FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id"
        " AND a.id = r.attempt_id WHERE r.status = 'abnormal'"
    )
    open_cases -= {("paid_twice", row.out_trade_no) for row in stopped}  # in a person's hands
    kinds = {kind for kind, _ in open_cases}
    for kind in sorted(kinds):
        play.reach(f"open {kind}")
    strange = kinds - FOR_A_PERSON
    assert not strange, f"left open: {sorted(c for c in open_cases if c[0] in strange)}"


CHECKS = (
    *(_failures, _books, _moves, _orders, _attempts, _followed, _stuck, _told),
    *(_called, _totals, _bills),
)
