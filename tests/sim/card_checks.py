"""What must hold of cards when nothing is to come any more: every fen has its movement."""

from __future__ import annotations

from services import ledger_verify
from tests.sim.play import Play
from tests.sim.stage import CARD_CAP


def _ledger(play: Play) -> None:
    """Entries, chain, balances and rooms: the verifier finds nothing, and nothing is unsealed."""
    report = ledger_verify.verify(play.stage.deps)
    assert report.is_whole, [one.words for one in report.findings]
    assert not report.unsealed, f"{report.unsealed} entries are not sealed"
    play.trace.reach("ledger entries", report.entries)


_RECHARGES = """
SELECT o.out_trade_no, o.status, r.status AS recharge, r.due_at, m.kinds, m.fen
FROM (SELECT * FROM pay_order WHERE purpose = 'recharge') o
FULL JOIN recharge r ON r.provider_id = o.provider_id AND r.order_id = o.id
LEFT JOIN (
    SELECT provider_id, order_id, string_agg(kind, ' ') AS kinds, -sum(delta_fen) AS fen
    FROM ledger_entry WHERE account = 'funds' AND kind IN ('recharge', 'late_recharge')
    GROUP BY provider_id, order_id
) m ON m.provider_id = o.provider_id AND m.order_id = o.id
WHERE r.due_at IS NOT NULL OR (o.status, r.status, COALESCE(m.kinds, '')) NOT IN (
    ('paid', 'credited', 'recharge'), ('paid', 'no_room', 'late_recharge'), ('closed', 'freed', '')
) IS NOT FALSE OR COALESCE(m.fen, 0) <> CASE o.status WHEN 'paid' THEN o.amount_fen ELSE 0 END
ORDER BY 1
"""


_BONUS = """
SELECT a.out_trade_no, r.bonus_fen, CAST(a.request -> 'beside' ->> 'bonus_fen' AS bigint) AS said,
    COALESCE(sum(e.delta_fen), 0) AS fen
FROM recharge r JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
    AND a.transaction_id = o.transaction_id
LEFT JOIN ledger_entry e ON e.provider_id = o.provider_id AND e.order_id = o.id
    AND e.kind = 'recharge' AND e.account = 'card_bonus'
WHERE r.status = 'credited' GROUP BY a.provider_id, a.id, r.provider_id, r.id
HAVING CAST(a.request -> 'beside' ->> 'bonus_fen' AS bigint) <> COALESCE(sum(e.delta_fen), 0)
ORDER BY 1
"""


def _recharges(play: Play) -> None:
    """Each paid recharge has one movement of what was paid, any other none; no room is held."""
    bad = play.rows(_RECHARGES)
    assert not bad, f"a recharge and its order: {bad}"
    wrong = play.rows(_BONUS)
    assert not wrong, f"not the bonus that was promised: {wrong}"
    if play.rows("SELECT 1 FROM recharge WHERE status = 'no_room'"):
        play.reach("case 34")


_SPENT = """
SELECT o.out_trade_no, o.amount_fen, e.fen FROM pay_order o LEFT JOIN (
    SELECT provider_id, order_id, sum(delta_fen) AS fen, count(*) AS n
    FROM ledger_entry WHERE kind = 'pay' AND account = 'sales' GROUP BY provider_id, order_id
) e ON e.provider_id = o.provider_id AND e.order_id = o.id
WHERE (o.status = 'paid' AND o.channel = 'balance' OR e.n IS NOT NULL)
    AND (o.status, o.channel, e.fen, e.n)
        IS DISTINCT FROM ('paid', 'balance', CAST(o.amount_fen AS numeric), CAST(1 AS bigint))
ORDER BY 1
"""


def _spent(play: Play) -> None:
    bad = play.rows(_SPENT)
    assert not bad, f"paid from a card without its movement, or the other way round: {bad}"


_FUNDS = """
SELECT o.out_trade_no, o.amount_fen - o.refunded_fen AS kept, -sum(e.delta_fen) AS fen
FROM pay_order o JOIN ledger_entry e ON e.provider_id = o.provider_id AND e.order_id = o.id
    AND e.account = 'funds'
GROUP BY o.provider_id, o.id HAVING o.amount_fen - o.refunded_fen <> -sum(e.delta_fen) ORDER BY 1
"""


def _funds(play: Play) -> None:
    """What the ledger says came for a recharge is what its wallet still has of it."""
    bad = play.rows(_FUNDS)
    assert not bad, f"a recharge's money: {bad}"


_OPEN = """
SELECT r.out_refund_no, r.status FROM card_taking t
JOIN refund r ON r.provider_id = t.provider_id AND r.id = t.refund_id
WHERE t.ended_at IS NULL AND r.status <> 'abnormal' ORDER BY 1
"""
_TRANSIT = """
SELECT o.out_trade_no, sum(e.delta_fen) AS fen FROM ledger_entry e
JOIN pay_order o ON o.provider_id = e.provider_id AND o.id = e.order_id
WHERE e.account = 'in_transit' GROUP BY o.provider_id, o.id HAVING sum(e.delta_fen) <> 0
    AND NOT EXISTS (SELECT 1 FROM money_case c WHERE c.provider_id = o.provider_id
        AND c.order_id = o.id AND c.closed_at IS NULL
        AND c.kind IN ('refund_abnormal', 'refund_mismatch'))
ORDER BY 1
"""


def _in_transit(play: Play) -> None:
    """Nothing is on its way for ever: what did not arrive is in a person's hands."""
    bad = play.rows(_OPEN) or play.rows(_TRANSIT)
    assert not bad, f"on its way without an end: {bad}"


_KEPT = """
SELECT o.out_trade_no, r.taken_paid_fen, r.taken_bonus_fen, sum(t.paid_fen) AS paid,
    sum(t.bonus_fen) AS bonus
FROM recharge r JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
LEFT JOIN card_taking t ON t.provider_id = r.provider_id AND t.recharge_id = r.id
    AND NOT t.is_kept
WHERE NOT EXISTS (SELECT 1 FROM money_case c WHERE c.provider_id = o.provider_id
    AND c.order_id = o.id AND c.kind = 'refund_mismatch')
GROUP BY o.provider_id, o.id, r.provider_id, r.id
HAVING (r.taken_paid_fen, r.taken_bonus_fen)
    <> (COALESCE(sum(t.paid_fen), 0), COALESCE(sum(t.bonus_fen), 0))
    OR (r.paid_fen = COALESCE(sum(t.paid_fen), 0) AND r.bonus_fen <> r.taken_bonus_fen)
ORDER BY 1
"""


def _taken(play: Play) -> None:
    """What a recharge says was taken back is what was; and with the last fen, all of its bonus."""
    bad = play.rows(_KEPT)
    assert not bad, f"taken back: {bad}"


def _caps(play: Play) -> None:
    bad = play.rows(
        "SELECT number, balance_fen, held_fen FROM member_card WHERE balance_fen + held_fen"
        f" > {CARD_CAP} ORDER BY id"
    ) or play.rows(
        "SELECT r.cap_fen, sum(c.balance_fen) AS owed, r.held_fen FROM card_room r"
        " JOIN member_card c ON c.provider_id = r.provider_id AND c.merchant_id = r.merchant_id"
        " GROUP BY r.provider_id, r.merchant_id HAVING sum(c.balance_fen) + r.held_fen > r.cap_fen"
    )
    assert not bad, f"above a cap: {bad}"


CARD_CHECKS = (_ledger, _recharges, _spent, _funds, _in_transit, _taken, _caps)
