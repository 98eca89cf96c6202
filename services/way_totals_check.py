"""What is added up by way (`way_total`) against the orders and refunds that it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import ways

_FIGURES: Final = ("paid_count", "paid_fen", "refund_count", "refund_fen")
_SUMS: Final = ", ".join(f"sum({one}) AS {one}" for one in _FIGURES)
_NAMES: Final = ", ".join(_FIGURES)
_KEY: Final = "provider_id, merchant_id, day_on, channel, way"
_COUNTED_WAYS: Final = ", ".join(f"'{way.value}'" for way in sorted(ways.COUNTED))
# Only the orders that may count in rows of their own are looked at.
_APART: Final = f"""
WITH orders AS (
    SELECT o.provider_id, o.id, o.merchant_id, o.channel, o.transaction_id, o.amount_fen,
        CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS paid_on, {ways.SQL} AS way
    FROM pay_order o WHERE o.status = 'paid' AND o.purpose = 'sale'
        AND (o.intent_key LIKE '{ways.BY_API}%' OR o.intent_key LIKE '{ways.BY_CODE}%'
            OR o.intent_key LIKE '{ways.BY_DEPOSIT}%')
), ours AS (
    SELECT * FROM orders WHERE way IN ({_COUNTED_WAYS})
), parts AS (
    SELECT provider_id, merchant_id, paid_on AS day_on, channel, way, 1 AS paid_count,
        amount_fen AS paid_fen, 0 AS refund_count, 0 AS refund_fen FROM ours
    UNION ALL
    SELECT o.provider_id, o.merchant_id,
        CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date), o.channel, o.way, 0, 0, 1,
        r.amount_fen
    FROM ours o
    JOIN refund r ON r.provider_id = o.provider_id AND r.order_id = o.id AND r.status = 'success'
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
        AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
), counted AS (
    SELECT provider_id, whose AS merchant_id, day_on, channel, way, {_SUMS}
    FROM parts, LATERAL (VALUES (merchant_id), (0)) whose_all (whose) GROUP BY 1, 2, 3, 4, 5
), kept AS (
    SELECT {_KEY}, {_SUMS} FROM (
        SELECT {_KEY}, {_NAMES} FROM way_total
        UNION ALL
        SELECT provider_id, whose, day_on, channel, way, {_NAMES}
        FROM day_delta, LATERAL (VALUES (merchant_id), (0)) whose_all (whose) WHERE way <> ''
    ) both_parts GROUP BY 1, 2, 3, 4, 5
), apart AS (
    SELECT {_KEY},
        {", ".join(f"COALESCE(c.{one}, 0) - COALESCE(k.{one}, 0) AS {one}" for one in _FIGURES)}
    FROM counted c FULL JOIN kept k USING ({_KEY})
), missing AS (
    SELECT * FROM apart WHERE ({_NAMES}) <> (0, 0, 0, 0)
)
"""
_DIFFERENCES: Final = text(
    _APART
    + """
SELECT p.out_mch_id, COALESCE(m.out_sub_mch_id, ''), d.day_on, d.channel, d.way, d.paid_fen,
    d.refund_fen
FROM missing d JOIN provider p ON p.id = d.provider_id
LEFT JOIN merchant m ON m.provider_id = d.provider_id AND m.id = d.merchant_id
ORDER BY p.out_mch_id, d.day_on, m.out_sub_mch_id NULLS FIRST, d.channel, d.way
"""
)
_REPAIR: Final = text(
    _APART
    + f"""
INSERT INTO way_total AS old ({_KEY}, {_NAMES}) SELECT {_KEY}, {_NAMES} FROM missing
ON CONFLICT ({_KEY}) DO UPDATE SET {
        ", ".join(f"{one} = old.{one} + EXCLUDED.{one}" for one in _FIGURES)
    }
"""
)


@dataclass(frozen=True, slots=True)
class WayDifference:
    """A way's total is not what its orders and refunds say; `merchant` "" for all of them."""

    provider: str
    merchant: str
    day_on: date
    channel: str
    way: str
    paid_fen: int  # missing
    refund_fen: int

    def __str__(self) -> str:
        where = f"{self.day_on}  {self.provider}  {self.merchant or 'all'}  {self.channel}"
        missing = f"misses {self.paid_fen} fen paid, {self.refund_fen} fen refunded"
        return f"{where}  {self.way} {missing}"


def differences(session: Session) -> list[WayDifference]:
    """All seen at one moment: payments may go on meanwhile."""
    return [WayDifference(*row) for row in session.execute(_DIFFERENCES)]


def repair_in(session: Session) -> int:
    """Put right every one of them. Whoever calls has kept folding from running."""
    return int(getattr(session.execute(_REPAIR), "rowcount", 0))
