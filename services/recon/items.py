"""Work items of one provider: differences of his bills and cases about money in one list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import NotFound
from models.bill import BillSubject, DifferenceKind
from models.event import CaseKind
from services.bills.days import ends, starts
from services.recon.words import CASES, DIFFERENCES, Words

Source = Literal["bill", "case"]
PAGE: Final = 30
Place = tuple[datetime, str, int]  # where an item stands in the list


@dataclass(frozen=True, slots=True)
class Item:
    """`ours_fen` and `theirs_fen` are None where that side has nothing, or it is no question of
    amounts. `number` is ours: of a payment, or of a refund."""

    source: Source
    id: int
    kind: str
    state: str  # waiting, found, healed, explained, closed; of a case open, healed or closed
    subject: str
    number: str
    payee: str | None
    order_id: int | None
    theirs_fen: int | None
    ours_fen: int | None
    facts: dict[str, Any]
    at: datetime
    channel: str
    bill_on: date | None
    reason: str
    ended_at: datetime | None
    ended_by: str | None
    merchant: str = ""
    merchant_number: str = ""
    out_trade_no: str | None = None  # of the order that it is about, where there is one
    out_freeze_no: str | None = None  # of the deposit

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "found", "open")

    @property
    def place(self) -> Place:
        return self.at, self.source, self.id

    @property
    def apart_fen(self) -> int | None:
        """What the wallet has more than we; None where it is no question of amounts."""
        if self.source == "case" or self.kind == DifferenceKind.STATE:
            return None
        return (self.theirs_fen or 0) - (self.ours_fen or 0)

    @property
    def words(self) -> Words:
        if self.source == "case":
            return CASES[CaseKind(self.kind)]
        return DIFFERENCES[DifferenceKind(self.kind), BillSubject(self.subject)]


_BILL: Final = """
SELECT 'bill' AS source, c.id, c.kind, c.status AS state, c.subject, c.number, c.payee, c.order_id,
    c.bill_fen AS theirs_fen, c.our_fen AS ours_fen, c.facts, c.found_at AS at, b.channel,
    b.bill_on, c.reason, COALESCE(c.closed_at, c.explained_at, c.healed_at) AS ended_at,
    COALESCE(c.closed_by, c.explained_by, c.healed_by) AS ended_by
FROM bill_case c JOIN bill b ON b.provider_id = c.provider_id AND b.id = c.bill_id
WHERE c.provider_id = :p
"""
_CASE: Final = """
SELECT 'case' AS source, c.id, c.kind,
    CASE WHEN c.closed_at IS NULL THEN 'open' WHEN c.healed THEN 'healed' ELSE 'closed' END
        AS state,
    '' AS subject, c.out_trade_no AS number, CAST(NULL AS text) AS payee, c.order_id,
    CAST(NULL AS bigint) AS theirs_fen, CAST(NULL AS bigint) AS ours_fen, c.facts,
    c.created_at AS at, '' AS channel, CAST(NULL AS date) AS bill_on, '' AS reason,
    c.closed_at AS ended_at, CAST(NULL AS text) AS ended_by
FROM money_case c WHERE c.provider_id = :p
"""
_OPEN: Final = (" AND c.status IN ('waiting', 'found')", " AND c.closed_at IS NULL")
_DONE: Final = (" AND c.status NOT IN ('waiting', 'found')", " AND c.closed_at IS NOT NULL")
_OF_DAY: Final = (" AND b.bill_on = :day", " AND c.created_at >= :since AND c.created_at < :until")
_AFTER: Final = "(at, source, id) < (:at, :source, :id) ORDER BY at DESC, source DESC, id DESC"
_BEFORE: Final = "(at, source, id) > (:at, :source, :id) ORDER BY at, source, id"
_FAR: Final[Place] = (datetime.max.replace(tzinfo=starts(date(2020, 1, 1)).tzinfo), "~", 2**62)


def listed(
    session: Session,
    provider_id: int,
    *,
    is_open: bool,
    day: date | None = None,
    after: Place | None = None,
    before: Place | None = None,
    most: int = PAGE,
) -> tuple[list[Item], bool]:
    """A page of items, the newest first, and whether there are more in the direction asked for.

    Of one day: the differences of that day's bills, and the cases that came up on it.
    """
    halves = []
    for sql, state, of_day in zip(
        (_BILL, _CASE), _OPEN if is_open else _DONE, _OF_DAY, strict=True
    ):
        halves.append(sql + state + (of_day if day else ""))
    where = _BEFORE if before else _AFTER
    at, source, key = before or after or _FAR
    rows = session.execute(
        text(f"SELECT * FROM ({' UNION ALL '.join(halves)}) items WHERE {where} LIMIT :most"),
        {
            "p": provider_id, "at": at, "source": source, "id": key, "most": most + 1, "day": day,
            "since": day and starts(day), "until": day and ends(day),
        },
    ).all()  # fmt: skip
    found = [Item(*row) for row in rows[:most]]
    return _with_merchants(session, provider_id, found[::-1] if before else found), len(rows) > most


def count_open(session: Session, provider_id: int) -> int:
    found = session.scalar(
        text(
            "SELECT (SELECT count(*) FROM bill_case WHERE provider_id = :p"
            " AND status IN ('waiting', 'found'))"
            " + (SELECT count(*) FROM money_case WHERE provider_id = :p AND closed_at IS NULL)"
        ),
        {"p": provider_id},
    )
    return int(found or 0)


def one(session: Session, provider_id: int, source: str, item_id: int) -> Item:
    """Raises NotFound, also for another provider's."""
    sql = {"bill": _BILL, "case": _CASE}.get(source)
    row = (
        sql
        and session.execute(
            text(f"{sql} AND c.id = :id"), {"p": provider_id, "id": item_id}
        ).one_or_none()
    )
    if not row:
        raise NotFound(f"no work item {source} {item_id}")
    return _with_merchants(session, provider_id, [Item(*row)])[0]


_TRAIL: Final = text("""
SELECT actor, action, facts, created_at FROM audit_entry
WHERE provider_id = :p AND subject = :subject
    AND (:item = '' OR facts ->> 'bill_case' = :item) ORDER BY id
""")


def trail(session: Session, item: Item, provider_id: int) -> list[tuple[str, str, str, datetime]]:
    """What people and the worker did about it: (actor, action, reason, when), oldest first."""
    if item.source == "case":
        wanted = {"p": provider_id, "subject": f"case:{item.id}", "item": ""}
    else:
        number = str(item.facts.get("out_trade_no") or item.number)
        wanted = {"p": provider_id, "subject": f"order:{number}", "item": str(item.id)}
    return [
        (row.actor, row.action, str(row.facts.get("reason") or row.facts.get("note") or ""),
         row.created_at)
        for row in session.execute(_TRAIL, wanted)
    ]  # fmt: skip


_ORDERS: Final = text("""
SELECT o.id, o.out_trade_no, m.name, m.out_sub_mch_id
FROM pay_order o JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id
WHERE o.provider_id = :p AND o.id = ANY(:ids)
""")
_PAYEES: Final = text("""
SELECT wechat_sub_mchid, alipay_pid, name, out_sub_mch_id FROM merchant
WHERE provider_id = :p AND (wechat_sub_mchid = ANY(:payees) OR alipay_pid = ANY(:payees))
ORDER BY id
""")


# A case without an order may be about a deposit, or a release of one.
_HOLDS: Final = text("""
SELECT h.number, h.out_freeze_no, m.name, m.out_sub_mch_id FROM (
    SELECT f.out_freeze_no AS number, f.out_freeze_no, f.merchant_id FROM deposit_freeze f
    WHERE f.provider_id = :p AND f.out_freeze_no = ANY(:numbers)
    UNION ALL
    SELECT u.number, f.out_freeze_no, f.merchant_id FROM deposit_move u
    JOIN deposit_freeze f ON f.provider_id = u.provider_id AND f.id = u.freeze_id
    WHERE u.provider_id = :p AND u.kind = 'release' AND u.number = ANY(:numbers)
) h JOIN merchant m ON m.provider_id = :p AND m.id = h.merchant_id
""")


def _with_merchants(session: Session, provider_id: int, items: list[Item]) -> list[Item]:
    """Whose each one is: by its order or deposit, else by whom the bill calls the payee."""
    ids = [item.order_id for item in items if item.order_id]
    payees = [item.payee for item in items if item.payee and not item.order_id]
    orders = {
        row.id: row for row in session.execute(_ORDERS, {"p": provider_id, "ids": ids})
    } if ids else {}  # fmt: skip
    named: dict[str, tuple[str, str]] = {}
    if payees:
        for row in session.execute(_PAYEES, {"p": provider_id, "payees": payees}):
            for payee in (row.wechat_sub_mchid, row.alipay_pid):
                named.setdefault(payee, (row.name, row.out_sub_mch_id))
    numbers = [item.number for item in items if item.source == "case" and not item.order_id]
    holds = {
        row.number: row
        for row in session.execute(_HOLDS, {"p": provider_id, "numbers": numbers})
    } if numbers else {}  # fmt: skip
    found = []
    for item in items:
        order = orders.get(item.order_id or 0)
        hold = None if order or item.source != "case" else holds.get(item.number)
        owner = order or hold
        name, number = (owner.name, owner.out_sub_mch_id) if owner else named.get(
            item.payee or "", ("", "")
        )  # fmt: skip
        found.append(
            replace(
                item, merchant=name, merchant_number=number,
                out_trade_no=order.out_trade_no if order else None,
                out_freeze_no=hold.out_freeze_no if hold else None,
            )
        )  # fmt: skip
    return found
