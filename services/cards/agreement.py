"""The daily match of orders and refunds with the ledger of cards: the third side of the wallets'.

The wallets' bills are matched with our orders and refunds; here these are matched with the ledger,
to the fen: each recharge that was paid, each payment from a card, and each refund of either has
exactly one movement of its amount, and no movement is without one. It stands among the bills as one
of the channel `balance`, so that its differences are cases with the same life.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gateways.base import BillTotals
from models.bill import Bill, BillSubject, DifferenceKind
from services.bills.comparing import Difference
from services.bills.days import ends, starts
from services.cards import ledger_days
from services.deps import Deps

CHANNEL, ACCOUNT = "balance", "ledger"

_WANTED = text("""
INSERT INTO bill (provider_id, channel, account, merchant_id, bill_on, status, due_at, tries,
    trades, trade_fen, refunds, refund_fen, fee_millifen, elsewhere, differences, rounds,
    created_at)
SELECT p.id, 'balance', 'ledger', NULL, :on, 'wanted', :due_at, 0, 0, 0, 0, 0, 0, 0, 0, 0, :now
FROM provider p WHERE p.is_active AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.provider_id = p.id AND e.recorded_at < :ends)
ORDER BY p.id
ON CONFLICT (provider_id, channel, account, bill_on) DO NOTHING
RETURNING id
""")


def is_of(bill: Bill) -> bool:
    """Whether this is the ledger's side, not a wallet's."""
    return bill.channel == CHANNEL


def want(session: Session, on: date, due_at: datetime, now: datetime) -> int:
    """Write down that a day is to be matched, for providers whose members have cards."""
    values = {"on": on, "due_at": due_at, "ends": ends(on), "now": now}
    return len(session.execute(_WANTED, values).all())


_TOTALS = text("""
SELECT count(*) FILTER (WHERE kind IN ('recharge', 'late_recharge', 'pay')) AS trades,
    COALESCE(sum(abs(delta_fen)) FILTER (WHERE kind IN ('recharge', 'late_recharge', 'pay')), 0)
        AS trade_fen,
    count(*) FILTER (WHERE kind IN ('returned', 'pay_back')) AS refunds,
    COALESCE(sum(abs(delta_fen)) FILTER (WHERE kind IN ('returned', 'pay_back')), 0) AS refund_fen
FROM ledger_entry WHERE provider_id = :p AND id >= :first AND id < :last AND day_on = :on
    AND account IN ('funds', 'sales')
""")


def totals(session: Session, bill: Bill) -> BillTotals:
    """What the ledger has of the day: recharges and payments, refunds of both."""
    row = session.execute(_TOTALS, _values(session, bill)).one()
    return BillTotals(row.trades, int(row.trade_fen), row.refunds, int(row.refund_fen))


# What was paid on the day, and each movement that it must, or must not, have.
_TRADES = text("""
SELECT o.id, o.out_trade_no AS number, a.payee, a.amount_fen AS ours, o.channel,
    pay.delta_fen AS sold, -credit.delta_fen AS credited, -late.delta_fen AS late,
    r.status AS recharge, r.paid_fen AS recharged
FROM pay_attempt a
JOIN pay_order o ON o.provider_id = a.provider_id AND o.id = a.order_id
LEFT JOIN recharge r ON r.provider_id = o.provider_id AND r.order_id = o.id
LEFT JOIN ledger_entry pay ON pay.provider_id = o.provider_id
    AND pay.key = 'pay:' || o.id AND pay.account = 'sales'
LEFT JOIN ledger_entry credit ON credit.provider_id = o.provider_id
    AND credit.key = 'recharge:' || o.id AND credit.account = 'funds'
LEFT JOIN ledger_entry late ON late.provider_id = o.provider_id
    AND late.key = 'late:' || o.id AND late.account = 'funds'
WHERE a.provider_id = :p AND a.status = 'paid' AND a.paid_at >= :starts AND a.paid_at < :ends
    AND a.transaction_id = o.transaction_id AND (o.channel = 'balance' OR o.purpose = 'recharge')
    AND NOT CASE WHEN o.channel = 'balance'
        THEN COALESCE(pay.delta_fen = a.amount_fen, false) AND credit.id IS NULL AND late.id IS NULL
        ELSE pay.id IS NULL AND COALESCE(r.paid_fen = a.amount_fen, false) AND CASE r.status
            WHEN 'credited' THEN COALESCE(-credit.delta_fen = a.amount_fen, false)
                AND late.id IS NULL
            WHEN 'no_room' THEN COALESCE(-late.delta_fen = a.amount_fen, false)
                AND credit.id IS NULL
            ELSE false END END
ORDER BY o.id
""")
_REFUNDS = text("""
SELECT o.id, f.out_refund_no AS number, a.payee, f.amount_fen AS ours, -e.delta_fen AS theirs
FROM refund f
JOIN pay_attempt a ON a.provider_id = f.provider_id AND a.id = f.attempt_id
JOIN pay_order o ON o.provider_id = f.provider_id AND o.id = f.order_id
LEFT JOIN ledger_entry e ON e.provider_id = f.provider_id
    AND e.key = CASE o.channel WHEN 'balance' THEN 'payback:' ELSE 'returned:' END || f.id
    AND e.account = CASE o.channel WHEN 'balance' THEN 'sales' ELSE 'in_transit' END
WHERE f.provider_id = :p AND f.status = 'success'
    AND f.succeeded_at >= :starts AND f.succeeded_at < :ends
    AND a.transaction_id = o.transaction_id AND (o.channel = 'balance' OR o.purpose = 'recharge')
    AND e.delta_fen IS DISTINCT FROM -f.amount_fen
ORDER BY f.id
""")
# The movements of the day, and what they stand for: found under their own key, or not at all.
_MOVEMENTS = text("""
SELECT e.key, e.kind, e.order_id, e.refund_id, abs(e.delta_fen) AS theirs,
    o.out_trade_no, f.out_refund_no, o.id, f.amount_fen AS ours, m.out_sub_mch_id AS payee,
    e.key = CASE e.kind WHEN 'recharge' THEN 'recharge:' || e.order_id
        WHEN 'late_recharge' THEN 'late:' || e.order_id WHEN 'pay' THEN 'pay:' || e.order_id
        WHEN 'returned' THEN 'returned:' || e.refund_id ELSE 'payback:' || e.refund_id END AS is_own
FROM ledger_entry e
LEFT JOIN pay_order o ON o.provider_id = e.provider_id AND o.id = e.order_id
LEFT JOIN refund f ON f.provider_id = e.provider_id AND f.id = e.refund_id
LEFT JOIN merchant m ON m.provider_id = e.provider_id AND m.id = e.merchant_id
WHERE e.provider_id = :p AND e.id >= :first AND e.id < :last AND e.day_on = :on
    AND ((e.account = 'funds' AND e.kind IN ('recharge', 'late_recharge', 'returned'))
        OR (e.account = 'sales' AND e.kind IN ('pay', 'pay_back')))
    AND NOT (COALESCE(o.status = 'paid' AND o.merchant_id = e.merchant_id, false) AND CASE e.kind
        WHEN 'pay' THEN e.key = 'pay:' || o.id AND o.channel = 'balance'
        WHEN 'recharge' THEN e.key = 'recharge:' || o.id AND o.purpose = 'recharge'
        WHEN 'late_recharge' THEN e.key = 'late:' || o.id AND o.purpose = 'recharge'
        WHEN 'pay_back' THEN COALESCE(e.key = 'payback:' || f.id AND f.status = 'success'
            AND f.amount_fen = -e.delta_fen AND f.order_id = o.id, false)
        ELSE COALESCE(e.key = 'returned:' || f.id AND f.status = 'success'
            AND f.amount_fen = e.delta_fen AND f.order_id = o.id, false) END)
ORDER BY e.id
""")
# Money between a card and its member, card by card: what is under way, and nothing else.
_TRANSIT = text("""
WITH wanted AS (
    SELECT card_id, sum(fen) AS fen FROM (
        SELECT t.card_id, t.paid_fen AS fen FROM card_taking t
        JOIN recharge r ON r.provider_id = t.provider_id AND r.id = t.recharge_id
        WHERE t.provider_id = :p AND t.ended_at IS NULL AND r.status <> 'no_room'
        UNION ALL
        SELECT card_id, amount_fen FROM card_payout_part
        WHERE provider_id = :p AND way = 'hand' AND status = 'open'
        UNION ALL
        SELECT r.card_id, r.paid_fen - COALESCE((SELECT sum(f.amount_fen) FROM refund f
            JOIN pay_attempt a ON a.provider_id = f.provider_id AND a.id = f.attempt_id
            JOIN pay_order o ON o.provider_id = f.provider_id AND o.id = f.order_id
            WHERE f.provider_id = r.provider_id AND f.order_id = r.order_id
                AND f.status = 'success' AND a.transaction_id = o.transaction_id), 0)
        FROM recharge r WHERE r.provider_id = :p AND r.status = 'no_room'
    ) parts GROUP BY card_id
), has AS (
    SELECT card_id, sum(delta_fen) AS fen FROM ledger_entry
    WHERE provider_id = :p AND account = 'in_transit' GROUP BY card_id
)
SELECT c.number, COALESCE(h.fen, 0) AS theirs, COALESCE(w.fen, 0) AS ours
FROM has h FULL JOIN wanted w USING (card_id)
JOIN member_card c ON c.provider_id = :p AND c.id = card_id
WHERE COALESCE(h.fen, 0) <> COALESCE(w.fen, 0)
ORDER BY c.id
""")
# What is under way and nobody is at: its refund is over, and no person was ever told.
_LEFT = text("""
SELECT f.out_refund_no AS number, f.order_id AS id, t.paid_fen AS theirs, f.status AS state
FROM card_taking t JOIN refund f ON f.provider_id = t.provider_id AND f.id = t.refund_id
WHERE t.provider_id = :p AND t.ended_at IS NULL
    AND f.status NOT IN ('created', 'processing', 'unknown', 'waiting', 'abnormal')
UNION ALL
SELECT o.out_trade_no, o.id, r.paid_fen, r.status
FROM recharge r JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
WHERE r.provider_id = :p AND r.status = 'no_room' AND o.refunded_fen < r.paid_fen
    AND NOT EXISTS (SELECT 1 FROM refund f WHERE f.provider_id = o.provider_id
        AND f.order_id = o.id AND f.status NOT IN ('failed', 'void', 'success'))
    AND NOT EXISTS (SELECT 1 FROM money_case m WHERE m.provider_id = o.provider_id
        AND m.order_id = o.id)
ORDER BY 1
""")


def compare(deps: Deps, bill: Bill) -> list[Difference]:
    """Every difference of a day, all seen at one moment; `bill_fen` is the ledger's."""

    def unit(session: Session) -> list[Difference]:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        values = _values(session, bill)
        asked: tuple[tuple[Any, Callable[[Row[Any]], Difference]], ...] = (
            (_TRADES, _trade), (_REFUNDS, _refund), (_MOVEMENTS, _movement),
            (_TRANSIT, _transit), (_LEFT, _left),
        )  # fmt: skip
        return list(_once(name(row) for sql, name in asked for row in session.execute(sql, values)))

    return deps.transact(unit)


def still_differs(deps: Deps, bill: Bill, kind: DifferenceKind, number: str) -> bool:
    """Whether one difference is there now, too."""
    return any((one.kind, one.number) == (kind, number) for one in compare(deps, bill))


def _once(found: Iterator[Difference]) -> Iterator[Difference]:
    """The same difference may be seen from both sides."""
    seen: set[tuple[str, str, str]] = set()
    for one in found:
        key = (one.kind.value, one.subject.value, one.number)
        if key not in seen:
            seen.add(key)
            yield one


def _values(session: Session, bill: Bill) -> dict[str, Any]:
    return {
        "p": bill.provider_id,
        "on": bill.bill_on,
        "starts": starts(bill.bill_on),
        "ends": ends(bill.bill_on),
        "first": ledger_days.first_id(session, bill.provider_id, bill.bill_on),
        "last": ledger_days.last_id(session, bill.provider_id, bill.bill_on),
    }


def _trade(row: Row[Any]) -> Difference:
    moved = [fen for fen in (row.sold, row.credited, row.late) if fen is not None]
    if not moved:
        kind = DifferenceKind.MISSING_THERE
    elif len(moved) > 1:
        kind = DifferenceKind.DUPLICATE
    elif moved[0] != row.ours or row.recharged not in (None, row.ours):
        kind = DifferenceKind.AMOUNT
    else:
        kind = DifferenceKind.STATE
    facts = {"out_trade_no": row.number, "recharge": row.recharge}
    return Difference(
        kind, BillSubject.TRADE, row.number, row.payee, row.id,
        moved[0] if moved else None, row.ours, facts=facts,
    )  # fmt: skip


def _refund(row: Row[Any]) -> Difference:
    there = row.theirs is not None
    kind = DifferenceKind.AMOUNT if there else DifferenceKind.MISSING_THERE
    return Difference(kind, BillSubject.REFUND, row.number, row.payee, row.id, row.theirs, row.ours)


def _movement(row: Row[Any]) -> Difference:
    is_refund = row.kind in ("returned", "pay_back")
    number = row.out_refund_no if is_refund else row.out_trade_no
    if number is None:
        kind = DifferenceKind.MISSING_HERE
    elif not row.is_own:
        kind = DifferenceKind.DUPLICATE
    elif row.ours not in (None, row.theirs):
        kind = DifferenceKind.AMOUNT
    else:
        kind = DifferenceKind.STATE
    return Difference(
        kind,
        BillSubject.REFUND if is_refund else BillSubject.TRADE,
        number or row.key,
        row.payee,
        row.id,
        row.theirs,
        row.ours,
        facts={"movement": row.key},
    )


def _transit(row: Row[Any]) -> Difference:
    return Difference(
        DifferenceKind.AMOUNT, BillSubject.REFUND, f"card:{row.number}", None, None,
        int(row.theirs), int(row.ours), facts={"in_transit": True},
    )  # fmt: skip


def _left(row: Row[Any]) -> Difference:
    return Difference(
        DifferenceKind.STATE, BillSubject.REFUND, row.number, None, row.id, row.theirs, None,
        facts={"in_transit": True, "ours": row.state},
    )  # fmt: skip
