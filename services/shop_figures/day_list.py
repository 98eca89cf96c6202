"""Every payment and refund of one China day, one by one: the list that the day's sums are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import ways
from services.bills.days import ends, starts
from services.order_list import Scope
from services.shop_figures.parts import named, narrow


@dataclass(frozen=True, slots=True)
class DayMove:
    """`fen` is negative for a refund. A card's payment moves nothing: it is marked `balance`."""

    at: datetime
    kind: str  # payment, refund
    purpose: str  # sale, recharge
    channel: str
    way: str  # of `ways.Way`
    out_trade_no: str
    number: str  # the refund's own, or the wallet's number of the payment
    fen: int
    store: str
    place: str
    staff: str
    remark: str


# What moved within a provider's day, as a table: by when it was paid, told late or not, since an
# attempt's time is the wallet's own.
MOVED: Final = """(
    SELECT a.paid_at AS at, 'payment' AS kind, a.order_id, COALESCE(a.transaction_id, '') AS number,
        a.amount_fen AS fen, a.transaction_id, a.id
    FROM pay_attempt a
    WHERE a.provider_id = :p AND a.paid_at >= :since AND a.paid_at < :until AND a.status = 'paid'
    UNION ALL
    SELECT r.succeeded_at, 'refund', r.order_id, r.out_refund_no, -r.amount_fen, a.transaction_id,
        r.id
    FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    WHERE r.provider_id = :p AND r.succeeded_at >= :since AND r.succeeded_at < :until
        AND r.status = 'success'
) moved"""
# The second payment of an order and its way back are neither taken nor told.
OF_THE_ORDER: Final = "moved.transaction_id IS NOT DISTINCT FROM o.transaction_id"
_DAY = """
SELECT moved.at, moved.kind, o.purpose, o.channel, {way}, o.out_trade_no, moved.number, moved.fen,
    s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END AS store,
    COALESCE(c.name, '') AS place, COALESCE(w.name, '') AS staff, o.remark
FROM {moved}
JOIN pay_order o ON o.provider_id = :p AND o.id = moved.order_id
JOIN store s ON s.provider_id = :p AND s.id = o.store_id
LEFT JOIN pay_code c ON c.provider_id = :p AND c.id = o.pay_code_id
LEFT JOIN staff w ON w.provider_id = :p AND w.id = o.staff_id
WHERE o.merchant_id = :m AND o.status = 'paid'
    AND {of_the_order}{narrow}
ORDER BY moved.at, moved.kind, moved.id
"""


def movements(session: Session, scope: Scope, day: date) -> Iterator[DayMove]:
    """Oldest first. The second payment of an order and its way back are neither taken nor told."""
    rows = session.execute(
        text(
            _DAY.format(moved=MOVED, way=ways.SQL, of_the_order=OF_THE_ORDER, narrow=narrow(scope))
        ),
        {**named(scope), "since": starts(day), "until": ends(day)},
    )
    for row in rows:
        yield DayMove(*row)
