"""One day's match: what the bills say, what we have, and how far the two are apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import audit
from services.provider_figures import cells
from services.provider_figures.cells import Sums
from services.totals import RECHARGE

BACK: Final = 60  # days that are looked back for how long all was well


@dataclass(frozen=True, slots=True)
class Line:
    """One wallet's bills of the day; `ledger` beside the wallets' is our own, of cards."""

    channel: str
    bills: int
    read: int  # bills that could be read
    broken: int
    loaded_at: datetime | None
    theirs: Sums
    ours: Sums
    elsewhere: int  # rows of other systems under the same account: no question to us
    differences: int  # that the last match saw
    open_cases: int
    apart_fen: int  # theirs less ours, of the open ones


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    lines: list[Line]
    good_days: int  # in a row up to this one, with nothing left open

    @property
    def ours(self) -> Sums:
        return sum((line.ours for line in self.lines if line.channel != cells.CARD), Sums())

    @property
    def theirs(self) -> Sums:
        return sum((line.theirs for line in self.lines if line.channel != cells.CARD), Sums())

    @property
    def apart_fen(self) -> int:
        return sum(line.apart_fen for line in self.lines)

    @property
    def open_cases(self) -> int:
        return sum(line.open_cases for line in self.lines)

    @property
    def agreement(self) -> float | None:
        """Percent of the bills' rows that agree, rounded down; None without a bill."""
        rows = sum(line.theirs.paid_count + line.theirs.refund_count for line in self.lines)
        apart = min(sum(line.differences for line in self.lines), rows)
        return (rows - apart) * 10000 // rows / 100 if rows else None


_LINES: Final = text("""
SELECT b.channel, count(*) AS bills,
    count(*) FILTER (WHERE b.status IN ('loaded', 'empty', 'matched')) AS read,
    count(*) FILTER (WHERE b.status = 'broken') AS broken, max(b.loaded_at) AS loaded_at,
    sum(b.trades) AS trades, sum(b.trade_fen) AS trade_fen, sum(b.refunds) AS refunds,
    sum(b.refund_fen) AS refund_fen, sum(b.elsewhere) AS elsewhere,
    sum(b.differences) AS differences
FROM bill b WHERE b.provider_id = :p AND b.bill_on = :on GROUP BY b.channel
ORDER BY b.channel DESC
""")
_OPEN: Final = text("""
SELECT b.channel, count(*) AS n, COALESCE(sum(CASE WHEN c.kind = 'state' THEN 0
    ELSE COALESCE(c.bill_fen, 0) - COALESCE(c.our_fen, 0) END), 0) AS fen
FROM bill b JOIN bill_case c ON c.provider_id = b.provider_id AND c.bill_id = b.id
WHERE b.provider_id = :p AND b.bill_on = :on AND c.status IN ('waiting', 'found')
GROUP BY b.channel
""")
ORDER: Final = ("wechat", "alipay", cells.CARD)


def read(session: Session, provider_id: int, on: date) -> Day:
    still = {
        row.channel: (int(row.n), int(row.fen))
        for row in session.execute(_OPEN, {"p": provider_id, "on": on})
    }
    ours = _ours(session, provider_id, on)
    lines = []
    for row in session.execute(_LINES, {"p": provider_id, "on": on}):
        open_cases, apart_fen = still.get(row.channel, (0, 0))
        lines.append(
            Line(
                row.channel, row.bills, row.read, row.broken, row.loaded_at,
                Sums(int(row.trades), int(row.trade_fen), int(row.refunds), int(row.refund_fen)),
                ours.get(row.channel, Sums()), int(row.elsewhere), int(row.differences),
                open_cases, apart_fen,
            )
        )  # fmt: skip
    lines.sort(key=lambda line: ORDER.index(line.channel))
    return Day(on, lines, _good_days(session, provider_id, on))


def _ours(session: Session, provider_id: int, on: date) -> dict[str, Sums]:
    """By wallet; the ledger's side of the match has recharges and what cards paid."""
    found = cells.read(session, provider_id, None, on, on)
    by_wallet = cells.grouped((cell for cell in found if cell.is_taken), lambda one: one.wallet)
    card = (one for one in found if not one.is_taken or one.channel.startswith(RECHARGE))
    return by_wallet | {cells.CARD: cells.total(card)}


_DAYS: Final = text("""
SELECT b.bill_on, bool_and(b.status = 'matched') AND NOT EXISTS (
    SELECT 1 FROM bill_case c JOIN bill o ON o.provider_id = c.provider_id AND o.id = c.bill_id
    WHERE c.provider_id = :p AND c.status IN ('waiting', 'found') AND o.bill_on = b.bill_on
) AS is_good
FROM bill b WHERE b.provider_id = :p AND b.bill_on > :since AND b.bill_on <= :on
GROUP BY b.bill_on
""")


def _good_days(session: Session, provider_id: int, on: date) -> int:
    since = on - timedelta(days=BACK)
    rows = session.execute(_DAYS, {"p": provider_id, "on": on, "since": since})
    good = {row.bill_on for row in rows if row.is_good}
    count = 0
    while on - timedelta(days=count) in good:
        count += 1
    return count


# A bill that is being fetched is left to whoever is at it.
_AGAIN: Final = text("""
UPDATE bill SET status = 'wanted', due_at = :now, tries = 0
WHERE provider_id = :p AND bill_on = :on AND status <> 'fetching' AND id = ANY(
    ARRAY(SELECT id FROM bill WHERE provider_id = :p AND bill_on = :on ORDER BY id FOR UPDATE))
""")


def fetch_again(session: Session, provider_id: int, on: date, actor: str, now: datetime) -> int:
    """Have the worker fetch and match all bills of the day anew; how many there are.

    What is there is replaced only by a whole bill; cases keep what became of them.
    """
    made = session.execute(_AGAIN, {"p": provider_id, "on": on, "now": now})
    bills = int(getattr(made, "rowcount", 0))
    audit.record(
        session, provider_id=provider_id, actor=actor, action="bills_wanted_again",
        subject=f"bills:{on}", at=now, bills=bills,
    )  # fmt: skip
    return bills
