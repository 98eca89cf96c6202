"""What moved on a card, newest first, with the balance after each movement.

A page is read from the ends of the card's two accounts, each in the order of its index: as many
lines below as one likes cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.ledger import MovementKind

PAGE = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One movement: what the card's parts gained, in fen. `order` is the number that people see,
    `last_id` the oldest of its entries: where the next page begins."""

    last_id: int
    key: str
    kind: MovementKind
    at: datetime
    paid_fen: int
    bonus_fen: int
    balance_fen: int  # of the card, after it
    store: str
    order: str
    actor: str
    reason: str

    @property
    def total_fen(self) -> int:
        return self.paid_fen + self.bonus_fen


_ENDS = text("""
WITH ends AS (
    (SELECT * FROM ledger_entry WHERE provider_id = :p AND card_id = :c AND account = 'card_paid'
        AND id < :before ORDER BY id DESC LIMIT :most)
    UNION ALL
    (SELECT * FROM ledger_entry WHERE provider_id = :p AND card_id = :c AND account = 'card_bonus'
        AND id < :before ORDER BY id DESC LIMIT :most)
)
SELECT e.id, e.key, e.kind, e.account, e.delta_fen, e.balance_after_fen, e.recorded_at, e.actor,
    e.reason, o.out_trade_no, s.name AS store_name, s.branch_name
FROM ends e
LEFT JOIN pay_order o ON o.provider_id = e.provider_id AND o.id = e.order_id
LEFT JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
ORDER BY e.id DESC
""")
_FIRST = 2**62


def page(
    session: Session,
    provider_id: int,
    card_id: int,
    *,
    before: int | None = None,
    most: int = PAGE,
) -> list[Line]:
    """The newest `most` movements of the card that lie wholly before entry `before`."""
    keys = {"p": provider_id, "c": card_id, "before": before or _FIRST, "most": most}
    rows = session.execute(_ENDS, keys).all()
    balance = _at_the_top(rows)
    lines: list[Line] = []
    for group in _movements(rows)[:most]:
        line = _line(group, balance)
        balance -= line.total_fen
        lines.append(line)
    return lines


def _at_the_top(rows: Sequence[Row[tuple[object, ...]]]) -> int:
    """The card's balance after the newest of these entries: each account's newest says its own,
    and an account without any has never held anything."""
    newest: dict[str, int] = {}
    for row in rows:
        newest.setdefault(row.account, row.balance_after_fen)
    return sum(newest.values())


def _movements(rows: Sequence[Row[tuple[object, ...]]]) -> list[list[Row[tuple[object, ...]]]]:
    """Entries of one movement stand next to each other: its card was locked while it was written.

    The last may be cut in two where one account's lines end: it comes whole on the next page, and
    `most` are whole before it.
    """
    groups: list[list[Row[tuple[object, ...]]]] = []
    for row in rows:
        if groups and groups[-1][0].key == row.key:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _line(group: list[Row[tuple[object, ...]]], balance_fen: int) -> Line:
    first = group[0]
    parts = {row.account: row.delta_fen for row in group}
    return Line(
        last_id=min(row.id for row in group),
        key=first.key,
        kind=MovementKind(first.kind),
        at=first.recorded_at,
        paid_fen=parts.get("card_paid", 0),
        bonus_fen=parts.get("card_bonus", 0),
        balance_fen=balance_fen,
        store=first.branch_name or first.store_name or "",
        order=first.out_trade_no or "",
        actor=first.actor,
        reason=first.reason,
    )
