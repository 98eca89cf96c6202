"""The totals against what they are made of: the orders and the refunds themselves."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps
from services.totals import Takings

log = logging.getLogger(__name__)

# Counted anew. `paid_on` and `back_on` are China days; the second payment of an order that went
# back by itself was never counted, so its refund is not either. A recharge has a channel of its
# own, as in `totals.channel_of`.
_COUNTED = """
WITH back AS (
    SELECT o.provider_id, o.merchant_id, o.store_id, {channel} AS channel, r.amount_fen,
        CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS paid_on,
        CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date) AS back_on
    FROM refund r
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
    WHERE r.status = 'success' AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
), parts AS (
    SELECT provider_id, merchant_id, store_id, {channel} AS channel,
        CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day_on,
        count(*) AS paid_count, sum(amount_fen) AS paid_fen,
        0 AS refund_count, 0 AS refund_fen, 0 AS returned_fen
    FROM pay_order o WHERE status = 'paid' GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT provider_id, merchant_id, store_id, channel, back_on, 0, 0, 1, amount_fen, 0 FROM back
    UNION ALL
    SELECT provider_id, merchant_id, store_id, channel, paid_on, 0, 0, 0, 0, amount_fen FROM back
), counted AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on, sum(paid_count) AS paid_count,
        sum(paid_fen) AS paid_fen, sum(refund_count) AS refund_count,
        sum(refund_fen) AS refund_fen, sum(returned_fen) AS returned_fen
    FROM parts GROUP BY 1, 2, 3, 4, 5
)
""".format(channel="CASE o.purpose WHEN 'recharge' THEN 'recharge:' ELSE '' END || o.channel")
_KEPT = """
, kept AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on, sum(paid_count) AS paid_count,
        sum(paid_fen) AS paid_fen, sum(refund_count) AS refund_count,
        sum(refund_fen) AS refund_fen, sum(returned_fen) AS returned_fen
    FROM (
        SELECT provider_id, merchant_id, store_id, channel, day_on, paid_count, paid_fen,
            refund_count, refund_fen, returned_fen FROM day_total
        UNION ALL
        SELECT provider_id, merchant_id, store_id, channel, day_on, paid_count, paid_fen,
            refund_count, refund_fen, returned_fen FROM day_delta
    ) both_parts GROUP BY 1, 2, 3, 4, 5
), compared AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on,
        COALESCE(c.paid_count, 0) AS c1, COALESCE(c.paid_fen, 0) AS c2,
        COALESCE(c.refund_count, 0) AS c3, COALESCE(c.refund_fen, 0) AS c4,
        COALESCE(c.returned_fen, 0) AS c5,
        COALESCE(k.paid_count, 0) AS k1, COALESCE(k.paid_fen, 0) AS k2,
        COALESCE(k.refund_count, 0) AS k3, COALESCE(k.refund_fen, 0) AS k4,
        COALESCE(k.returned_fen, 0) AS k5
    FROM counted c FULL JOIN kept k USING (provider_id, merchant_id, store_id, channel, day_on)
), differing AS (
    SELECT * FROM compared WHERE (c1, c2, c3, c4, c5) IS DISTINCT FROM (k1, k2, k3, k4, k5)
)
"""
_DIFFERENCES = text(
    _COUNTED
    + _KEPT
    + """
SELECT p.out_mch_id, m.out_sub_mch_id, s.out_shop_id, d.channel, d.day_on,
    c1, c2, c3, c4, c5, k1, k2, k3, k4, k5
FROM differing d
JOIN provider p ON p.id = d.provider_id
JOIN merchant m ON m.provider_id = d.provider_id AND m.id = d.merchant_id
JOIN store s ON s.provider_id = d.provider_id AND s.id = d.store_id
ORDER BY p.out_mch_id, d.day_on, m.out_sub_mch_id, s.out_shop_id, d.channel
"""
)
_REPAIR = text(
    _COUNTED
    + _KEPT
    + """
INSERT INTO day_delta (provider_id, merchant_id, store_id, channel, day_on,
    paid_count, paid_fen, refund_count, refund_fen, returned_fen, last_order_id)
SELECT provider_id, merchant_id, store_id, channel, day_on,
    c1 - k1, c2 - k2, c3 - k3, c4 - k4, c5 - k5, 0
FROM differing ORDER BY provider_id, day_on, merchant_id, store_id, channel
"""
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A total that is not what its orders and refunds say."""

    provider: str
    merchant: str
    store: str
    channel: str
    day_on: date
    counted: Takings
    kept: Takings

    def __str__(self) -> str:
        where = f"{self.day_on}  {self.provider}  {self.merchant}  {self.store}  {self.channel}"
        return f"{where}  kept {_said(self.kept)}  counted {_said(self.counted)}"


def _said(one: Takings) -> str:
    paid = f"{one.paid_count} paid {one.paid_fen} fen"
    return f"{paid}, {one.refund_count} refunds {one.refund_fen} fen, {one.returned_fen} returned"


def differences(session: Session) -> list[Difference]:
    """Every total that differs, all seen at one moment: payments may go on meanwhile."""
    found = []
    session.execute(text("SET LOCAL work_mem = '128MB'"))
    for row in session.execute(_DIFFERENCES):
        provider, merchant, store, channel, day_on, *figures = row
        counted, kept = (Takings(*(int(f) for f in half)) for half in (figures[:5], figures[5:]))
        found.append(Difference(provider, merchant, store, channel, day_on, counted, kept))
    return found


def verify(deps: Deps) -> list[Difference]:
    """Count everything anew (it reads every order once); what differs is logged, too."""
    found = deps.transact(differences)
    for one in found[:50]:
        log.error("day total differs", extra={"total": str(one)})
    return found


def repair(deps: Deps) -> int:
    """Append what is missing from each total that differs; how many there were.

    Payments go on. Folding waits, and so does a second repair, which then finds nothing.
    """

    def unit(session: Session) -> int:
        session.execute(text("LOCK TABLE day_total IN SHARE ROW EXCLUSIVE MODE"))
        session.execute(text("SET LOCAL work_mem = '128MB'"))
        # A statement of its own: it must see what was there when the lock was held.
        made = session.execute(_REPAIR)
        return int(getattr(made, "rowcount", 0))

    return deps.transact(unit)
