"""Takings of a span of days in parts small enough to be added up any way.

Every page that tells a sum adds the same parts: what is by store or wallet comes from the day
totals, which are exact at every moment; what is by pay code is counted from the orders themselves,
and what those two differ by is a part of its own, so that no way of adding up loses a fen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import totals
from services.bills.days import ends, starts
from services.order_list import Scope

K = TypeVar("K", bound=Hashable)
OTHER: Final = 0  # the code of what no code is known for
AROUND: Final = 200  # orders before and after a midnight that may be paid on its other side


@dataclass(frozen=True, slots=True)
class Sums:
    """A refund counts on the day that it succeeded, `returned` on that of its payment."""

    paid_count: int = 0
    paid_fen: int = 0
    refund_count: int = 0
    refund_fen: int = 0
    returned_fen: int = 0

    @property
    def net_fen(self) -> int:
        """What the day brought: its payments less its refunds, as the wallets' bills count."""
        return self.paid_fen - self.refund_fen

    @property
    def is_nothing(self) -> bool:
        return self == type(self)()

    def _figures(self) -> tuple[int, int, int, int, int]:
        return (
            self.paid_count, self.paid_fen, self.refund_count, self.refund_fen, self.returned_fen
        )  # fmt: skip

    def __add__(self, other: Self) -> Sums:
        return Sums(*(a + b for a, b in zip(self._figures(), other._figures(), strict=True)))

    def __sub__(self, other: Self) -> Sums:
        return Sums(*(a - b for a, b in zip(self._figures(), other._figures(), strict=True)))


@dataclass(frozen=True, slots=True)
class Part:
    """One day, store and wallet; with its pay code and its person where that was asked for."""

    day_on: date
    store_id: int
    channel: str  # `recharge:…` for the recharges that came over a wallet
    sums: Sums
    code_id: int | None = None
    staff_id: int | None = None  # whose code it was then

    @property
    def wallet(self) -> str:
        return self.channel.removeprefix(totals.RECHARGE)

    @property
    def is_taken(self) -> bool:
        """Came over a wallet. What a member's card pays was taken when it was recharged."""
        return self.channel != "balance"


def total(parts: Iterable[Part]) -> Sums:
    return sum((part.sums for part in parts), Sums())


def grouped(parts: Iterable[Part], key: Callable[[Part], K]) -> dict[K, Sums]:
    """The sums by key, in the order of the keys' first parts."""
    found: dict[K, Sums] = {}
    for part in parts:
        found[key(part)] = found.get(key(part), Sums()) + part.sums
    return found


def read(session: Session, scope: Scope, first: date, last: date) -> list[Part]:
    """Of these China days, both included, by day, store and wallet."""
    if scope.staff_id is not None:
        return [
            replace(part, code_id=None, staff_id=None)
            for part in _counted(session, scope, first, last)
        ]
    return _kept(session, scope, first, last)


def read_by_code(session: Session, scope: Scope, first: date, last: date) -> list[Part]:
    """The same by pay code, too; adds up to what `read` says, to the fen."""
    parts = _counted(session, scope, first, last)
    if scope.staff_id is not None:
        return parts
    left = {_place(part): part.sums for part in _kept(session, scope, first, last)}
    for part in parts:
        left[_place(part)] = left.get(_place(part), Sums()) - part.sums
    return parts + [
        Part(*place, sums, OTHER) for place, sums in left.items() if not sums.is_nothing
    ]


def _place(part: Part) -> tuple[date, int, str]:
    return part.day_on, part.store_id, part.channel


_HALF = """
SELECT day_on, store_id, channel, paid_count, paid_fen, refund_count, refund_fen, returned_fen
FROM {table} WHERE provider_id = :p AND merchant_id = :m AND day_on BETWEEN :first AND :last{store}
"""
_KEPT = """
SELECT day_on, store_id, channel, sum(paid_count), sum(paid_fen), sum(refund_count),
    sum(refund_fen), sum(returned_fen)
FROM ({total} UNION ALL {delta}) both_parts GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def _kept(session: Session, scope: Scope, first: date, last: date) -> list[Part]:
    """One statement sees one moment: no row is in both tables or in neither."""
    store = "" if scope.store_id is None else " AND store_id = :s"
    kept, waiting = (_HALF.format(table=t, store=store) for t in ("day_total", "day_delta"))
    rows = session.execute(
        text(_KEPT.format(total=kept, delta=waiting)),
        {
            "p": scope.provider_id, "m": scope.merchant_id, "s": scope.store_id,
            "first": first, "last": last,
        },
    )  # fmt: skip
    found = [Part(row[0], row[1], row[2], Sums(*(int(one) for one in row[3:]))) for row in rows]
    return [part for part in found if not part.sums.is_nothing]


_CHANNEL = "CASE o.purpose WHEN 'recharge' THEN 'recharge:' ELSE '' END || o.channel"
_PAID = """
SELECT CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day_on, o.store_id,
    {channel} AS channel, COALESCE(o.pay_code_id, 0) AS code_id,
    COALESCE(o.staff_id, 0) AS staff_id, count(*) AS paid_count,
    sum(o.amount_fen) AS paid_fen, 0 AS refund_count, 0 AS refund_fen,
    sum(o.refunded_fen) AS returned_fen
FROM pay_order o
WHERE o.provider_id = :p AND o.merchant_id = :m AND o.id BETWEEN :low AND :high
    AND o.status = 'paid' AND o.paid_at >= :since AND o.paid_at < :until{narrow}
GROUP BY 1, 2, 3, 4, 5
"""
_BACK = """
SELECT CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day_on, o.store_id,
    {channel} AS channel, COALESCE(o.pay_code_id, 0) AS code_id,
    COALESCE(o.staff_id, 0) AS staff_id, 0, 0, count(*),
    sum(r.amount_fen), 0
FROM refund r
JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
WHERE r.provider_id = :p AND o.merchant_id = :m AND r.status = 'success'
    AND r.succeeded_at >= :since AND r.succeeded_at < :until
    AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id{narrow}
GROUP BY 1, 2, 3, 4, 5
"""
_COUNTED = """
SELECT day_on, store_id, channel, code_id, staff_id, sum(paid_count), sum(paid_fen),
    sum(refund_count), sum(refund_fen), sum(returned_fen)
FROM ({paid} UNION ALL {back}) both_kinds GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
"""


def _counted(session: Session, scope: Scope, first: date, last: date) -> list[Part]:
    """From the orders and refunds themselves, but for orders paid far from the day they are of."""
    low, high = order_span(session, scope, first, last)
    paid, back = (sql.format(channel=_CHANNEL, narrow=narrow(scope)) for sql in (_PAID, _BACK))
    rows = session.execute(
        text(_COUNTED.format(paid=paid, back=back)),
        {
            **named(scope), "low": low, "high": high, "since": starts(first), "until": ends(last),
        },
    )  # fmt: skip
    return [
        Part(row[0], row[1], row[2], Sums(*(int(one) for one in row[5:])), row[3], row[4])
        for row in rows
    ]


def narrow(scope: Scope) -> str:
    """What a statement about orders `o` adds for a store, or for single pay codes."""
    store = "" if scope.store_id is None else " AND o.store_id = :s"
    own = "" if scope.staff_id is None else " AND o.staff_id = :own"
    return store + own


def named(scope: Scope) -> dict[str, object]:
    """The values of `narrow` and of whose orders they are."""
    return {
        "p": scope.provider_id, "m": scope.merchant_id, "s": scope.store_id, "own": scope.staff_id,
    }  # fmt: skip


_DAYS = """
SELECT max(last_order_id) FILTER (WHERE day_on < :first),
    max(last_order_id) FILTER (WHERE day_on <= :last), max(last_order_id)
FROM (
    SELECT day_on, last_order_id FROM day_total WHERE {where}
    UNION ALL
    SELECT day_on, last_order_id FROM day_delta WHERE {where}
) both_parts
"""
_NEAR = "provider_id = :p AND merchant_id = :m AND day_on BETWEEN :since AND :until{store}"
_EDGES = """
SELECT (SELECT min(id) FROM (
    SELECT o.id FROM pay_order o WHERE o.provider_id = :p AND o.merchant_id = :m{store}
        AND o.id <= :before ORDER BY o.id DESC LIMIT {around}) earlier),
(SELECT max(id) FROM (
    SELECT o.id FROM pay_order o WHERE o.provider_id = :p AND o.merchant_id = :m{store}
        AND o.id > :newest ORDER BY o.id LIMIT {around}) later)
"""
MOST_ID: Final = 2**63 - 1
WEEK: Final = timedelta(days=7)


def order_span(session: Session, scope: Scope, first: date, last: date) -> tuple[int, int]:
    """The ids between which the orders paid on these days are looked for, both included.

    The orders that were made around the midnights are within; what was paid days after it was made
    may lie before, and is left to the totals.
    """
    where = {"p": scope.provider_id, "m": scope.merchant_id, "s": scope.store_id}
    store = "" if scope.store_id is None else " AND store_id = :s"
    days = {"first": first, "last": last, "since": first - WEEK, "until": last + WEEK}
    near = _DAYS.format(where=_NEAR.format(store=store))
    before, newest, after = session.execute(text(near), where | days).one()
    if not before:  # nothing in the week before: further back, it may be months
        day = first - WEEK
        before = totals.newest_order(
            session, scope.provider_id, scope.merchant_id, scope.store_id, day
        )
    newest = max(newest or 0, before)
    own = "" if scope.store_id is None else " AND o.store_id = :s"
    low, high = session.execute(
        text(_EDGES.format(store=own, around=AROUND)), where | {"before": before, "newest": newest}
    ).one()
    return low or 0, (high or newest) if (after or 0) > newest else MOST_ID
