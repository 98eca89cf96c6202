"""Our side of a bill's day, as a file for the engine, and the rows of single numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.bill import Bill, BillSubject
from models.db import raw
from services.bills.days import ends, starts
from services.deps import Deps

MARGIN = timedelta(minutes=30)  # how far the wallet's clock and ours may be apart at midnight
BATCH = 1000

# The columns of both files: day is -1, 0 or 1; edge is the neighbour whose midnight is near.
COLUMNS = (
    ("number", "VARCHAR"),
    ("transaction_id", "VARCHAR"),
    ("payee", "VARCHAR"),
    ("amount_fen", "BIGINT"),
    ("order_id", "BIGINT"),
    ("status", "VARCHAR"),
    ("is_done", "BOOLEAN"),
    ("day", "TINYINT"),
    ("edge", "TINYINT"),
)

_DAY = """
    CASE WHEN {at} < {starts} THEN -1 WHEN {at} >= {ends} THEN 1 ELSE 0 END,
    CASE WHEN {at} < {starts} + {margin} THEN -1 WHEN {at} >= {ends} - {margin} THEN 1 ELSE 0 END
"""
# What is paid around the day, and what nobody has decided although its time was over on the day.
_TRADES = (
    """
    SELECT a.out_trade_no, COALESCE(a.transaction_id, ''), a.payee, a.amount_fen, a.order_id,
        a.status, true,"""
    + _DAY.replace("{at}", "a.paid_at")
    + """
    FROM pay_attempt a WHERE a.provider_id = {provider} AND a.channel = {channel}
        AND ({payee} = '' OR a.payee = {payee}) AND a.status = 'paid'
        AND a.paid_at >= {starts} - {margin} AND a.paid_at < {ends} + {margin}
    UNION ALL
    SELECT a.out_trade_no, '', a.payee, a.amount_fen, a.order_id, a.status, false, 0, 0
    FROM pay_attempt a WHERE a.provider_id = {provider} AND a.channel = {channel}
        AND ({payee} = '' OR a.payee = {payee}) AND a.status IN ('created', 'payable', 'closing')
        AND a.due_at IS NOT NULL AND a.created_at >= {starts} AND a.expires_at < {ends}
    """
)
_REFUNDS = (
    """
    SELECT r.out_refund_no, COALESCE(r.refund_id, ''), a.payee, r.amount_fen, r.order_id,
        r.status, true,"""
    + _DAY.replace("{at}", "r.succeeded_at")
    + """
    FROM refund r
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    WHERE r.provider_id = {provider} AND a.channel = {channel}
        AND ({payee} = '' OR a.payee = {payee}) AND r.status = 'success'
        AND r.succeeded_at >= {starts} - {margin} AND r.succeeded_at < {ends} + {margin}
    UNION ALL
    SELECT r.out_refund_no, '', a.payee, r.amount_fen, r.order_id, r.status, false, 0, 0
    FROM refund r
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    WHERE r.provider_id = {provider} AND a.channel = {channel}
        AND ({payee} = '' OR a.payee = {payee}) AND r.status IN ('created', 'unknown')
        AND r.due_at IS NOT NULL AND r.created_at >= {starts} AND r.created_at < {ends}
    """
)


@dataclass(frozen=True, slots=True)
class Ours:
    """What we have under one number. `day` -1, 0, 1: before, on, after the bill's."""

    number: str
    transaction_id: str
    payee: str
    amount_fen: int
    order_id: int
    status: str
    is_done: bool  # paid, or refunded
    day: int
    edge: int = 0
    is_reversed: bool = False  # we asked the wallet to take it back, or it has


def export(deps: Deps, bill: Bill, folder: Path) -> dict[BillSubject, Path]:
    """Write our payments and refunds of the day and around it, streamed, one file each."""
    values: dict[str, sql.Composable] = {
        "provider": sql.Literal(bill.provider_id),
        "channel": sql.Literal(bill.channel),
        "payee": sql.Literal("" if bill.merchant_id is None else bill.account),
        "starts": sql.Literal(starts(bill.bill_on)),
        "ends": sql.Literal(ends(bill.bill_on)),
        "margin": sql.Literal(MARGIN),
    }
    files = {
        BillSubject.TRADE: (folder / "trades.csv", _TRADES),
        BillSubject.REFUND: (folder / "refunds.csv", _REFUNDS),
    }

    def unit(session: Session) -> None:
        """It may run again: the files begin anew."""
        for path, query in files.values():
            copy = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(
                sql.SQL(query).format(**values)
            )
            cursor = raw(session).cursor()
            with path.open("wb") as file, cursor, cursor.copy(copy) as rows:
                for piece in rows:
                    file.write(piece)

    deps.transact(unit)
    return {subject: path for subject, (path, _) in files.items()}


_FIND_TRADES = text("""
SELECT a.out_trade_no AS number, COALESCE(a.transaction_id, '') AS transaction_id, a.payee,
    a.amount_fen, a.order_id, a.status, a.status = 'paid' AS is_done, a.paid_at AS at,
    a.status = 'closed' AND a.reverse_asked_at IS NOT NULL AS is_reversed
FROM pay_attempt a
WHERE a.provider_id = :p AND a.channel = :c AND a.out_trade_no = ANY(:numbers)
ORDER BY a.out_trade_no
""")
_FIND_REFUNDS = text("""
SELECT r.out_refund_no AS number, COALESCE(r.refund_id, '') AS transaction_id, a.payee,
    r.amount_fen, r.order_id, r.status, r.status = 'success' AS is_done, r.succeeded_at AS at,
    false AS is_reversed
FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
WHERE r.provider_id = :p AND a.channel = :c AND r.out_refund_no = ANY(:numbers)
ORDER BY r.out_refund_no
""")


def find(deps: Deps, bill: Bill, subject: BillSubject, numbers: Iterable[str]) -> dict[str, Ours]:
    """What we have under these numbers, of whatever day."""
    query = _FIND_TRADES if subject is BillSubject.TRADE else _FIND_REFUNDS
    found: dict[str, Ours] = {}
    left = iter(numbers)
    while batch := list(islice(left, BATCH)):
        values = {"p": bill.provider_id, "c": bill.channel, "numbers": batch}
        rows = deps.transact(lambda s, v=values: s.execute(query, v).all())  # type: ignore[misc]
        found |= {row.number: _ours(row, bill.bill_on) for row in rows}
    return found


def _ours(row: Any, on: date) -> Ours:
    day = 0
    if row.at is None or row.at >= ends(on):
        day = 1
    elif row.at < starts(on):
        day = -1
    return Ours(
        number=row.number,
        transaction_id=row.transaction_id,
        payee=row.payee,
        amount_fen=row.amount_fen,
        order_id=row.order_id,
        status=row.status,
        is_done=row.is_done,
        day=day,
        is_reversed=row.is_reversed,
    )
