"""The totals against what they are made of: the orders and the refunds themselves."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import way_totals_check
from services.deps import Deps
from services.totals import Takings
from services.way_totals_check import WayDifference
from services.ways import BY_CODE

log = logging.getLogger(__name__)

FIGURES: Final = (
    *("paid_count", "paid_fen", "refund_count", "refund_fen", "returned_fen"),
    *("code_paid_count", "code_paid_fen", "code_refund_count", "code_refund_fen"),
)
_SUMS = ", ".join(f"sum({one}) AS {one}" for one in FIGURES)
_NAMES = ", ".join(FIGURES)
_C, _K = ([f"{side}{n}" for n in range(1, len(FIGURES) + 1)] for side in "ck")
# Counted anew. `paid_on` and `back_on` are China days; the second payment of an order that went
# back by itself was never counted, so its refund is not either. A recharge has a channel of its
# own, as in `totals.channel_of`; what came by the payer's code is known as in `totals.is_by_code`.
_COUNTED = """
WITH back AS (
    SELECT o.provider_id, o.merchant_id, o.store_id, {channel} AS channel, r.amount_fen,
        CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS paid_on,
        CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date) AS back_on,
        CASE WHEN {code} THEN 1 ELSE 0 END AS by_code
    FROM refund r
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
    WHERE r.status = 'success' AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
), parts AS (
    SELECT provider_id, merchant_id, store_id, {channel} AS channel,
        CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day_on,
        count(*) AS paid_count, sum(amount_fen) AS paid_fen,
        0 AS refund_count, 0 AS refund_fen, 0 AS returned_fen,
        count(*) FILTER (WHERE {code}) AS code_paid_count,
        COALESCE(sum(amount_fen) FILTER (WHERE {code}), 0) AS code_paid_fen,
        0 AS code_refund_count, 0 AS code_refund_fen
    FROM pay_order o WHERE status = 'paid' GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT provider_id, merchant_id, store_id, channel, back_on, 0, 0, 1, amount_fen, 0,
        0, 0, by_code, by_code * amount_fen FROM back
    UNION ALL
    SELECT provider_id, merchant_id, store_id, channel, paid_on, 0, 0, 0, 0, amount_fen,
        0, 0, 0, 0 FROM back
), counted AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on, {sums} FROM parts
    GROUP BY 1, 2, 3, 4, 5
)
""".format(
    channel="CASE o.purpose WHEN 'recharge' THEN 'recharge:' ELSE '' END || o.channel",
    code=f"o.intent_key LIKE '{BY_CODE}%'".replace(":", r"\:"),
    sums=_SUMS,
)
_KEPT = f"""
, kept AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on, {_SUMS}
    FROM (
        SELECT provider_id, merchant_id, store_id, channel, day_on, {_NAMES} FROM day_total
        UNION ALL
        SELECT provider_id, merchant_id, store_id, channel, day_on, {_NAMES} FROM day_delta
    ) both_parts GROUP BY 1, 2, 3, 4, 5
), compared AS (
    SELECT provider_id, merchant_id, store_id, channel, day_on,
        {", ".join(f"COALESCE(c.{f}, 0) AS {n}" for f, n in zip(FIGURES, _C, strict=True))},
        {", ".join(f"COALESCE(k.{f}, 0) AS {n}" for f, n in zip(FIGURES, _K, strict=True))}
    FROM counted c FULL JOIN kept k USING (provider_id, merchant_id, store_id, channel, day_on)
), differing AS (
    SELECT * FROM compared WHERE ({", ".join(_C)}) IS DISTINCT FROM ({", ".join(_K)})
)
"""
_DIFFERENCES = text(
    _COUNTED
    + _KEPT
    + f"""
SELECT p.out_mch_id, m.out_sub_mch_id, s.out_shop_id, d.channel, d.day_on,
    {", ".join((*_C, *_K))}
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
    + f"""
INSERT INTO day_delta (provider_id, merchant_id, store_id, channel, day_on, {_NAMES}, last_order_id)
SELECT provider_id, merchant_id, store_id, channel, day_on,
    {", ".join(f"{c} - {k}" for c, k in zip(_C, _K, strict=True))}, 0
FROM differing ORDER BY provider_id, day_on, merchant_id, store_id, channel
"""
)
# By the hour the same rows are added up a second time. What waits is in neither of the two.
_HOURLY = tuple(one for one in FIGURES if one != "returned_fen")
_HOURS = f"""
WITH days AS (
    SELECT provider_id, day_on, channel, {", ".join(f"sum({one}) AS {one}" for one in _HOURLY)}
    FROM day_total GROUP BY 1, 2, 3
), hours AS (
    SELECT provider_id, day_on, channel, {", ".join(f"sum({one}) AS {one}" for one in _HOURLY)}
    FROM provider_hour GROUP BY 1, 2, 3
), apart AS (
    SELECT provider_id, day_on, channel,
        {", ".join(f"COALESCE(d.{one}, 0) - COALESCE(h.{one}, 0) AS {one}" for one in _HOURLY)}
    FROM days d FULL JOIN hours h USING (provider_id, day_on, channel)
), missing AS (
    SELECT * FROM apart WHERE ({", ".join(_HOURLY)}) <> ({", ".join("0" for _ in _HOURLY)})
)
"""
_HOUR_DIFFERENCES = text(
    _HOURS
    + """
SELECT p.out_mch_id, d.day_on, d.channel, d.paid_fen, d.refund_fen FROM missing d
JOIN provider p ON p.id = d.provider_id ORDER BY p.out_mch_id, d.day_on, d.channel
"""
)
_HOUR_REPAIR = text(
    _HOURS
    + f"""
INSERT INTO provider_hour AS old (provider_id, day_on, hour, channel, {", ".join(_HOURLY)})
SELECT provider_id, day_on, 0, channel, {", ".join(_HOURLY)} FROM missing
ON CONFLICT (provider_id, day_on, hour, channel) DO UPDATE SET
    {", ".join(f"{one} = old.{one} + EXCLUDED.{one}" for one in _HOURLY)}
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
    counted_by_code: tuple[int, ...] = ()  # paid count and fen, refund count and fen
    kept_by_code: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f"{self.day_on}  {self.provider}  {self.merchant}  {self.store}  {self.channel}"
        said = f"{where}  kept {_said(self.kept)}  counted {_said(self.counted)}"
        if self.counted_by_code == self.kept_by_code:
            return said
        return f"{said}  by code kept {self.kept_by_code} counted {self.counted_by_code}"


@dataclass(frozen=True, slots=True)
class HourDifference:
    """A day's hours of all merchants together are not what the merchants' days add up to."""

    provider: str
    day_on: date
    channel: str
    paid_fen: int  # missing from the hours
    refund_fen: int

    def __str__(self) -> str:
        where = f"{self.day_on}  {self.provider}  {self.channel}"
        return f"{where}  the hours miss {self.paid_fen} fen paid, {self.refund_fen} fen refunded"


def _said(one: Takings) -> str:
    paid = f"{one.paid_count} paid {one.paid_fen} fen"
    return f"{paid}, {one.refund_count} refunds {one.refund_fen} fen, {one.returned_fen} returned"


def differences(session: Session) -> list[Difference]:
    """Every total that differs, all seen at one moment: payments may go on meanwhile."""
    found = []
    session.execute(text("SET LOCAL work_mem = '128MB'"))
    for row in session.execute(_DIFFERENCES):
        provider, merchant, store, channel, day_on, *figures = row
        halves = [[int(f) for f in figures[at : at + 9]] for at in (0, 9)]
        counted, kept = (Takings(*half[:5]) for half in halves)
        codes = (tuple(half[5:]) for half in halves)
        found.append(Difference(provider, merchant, store, channel, day_on, counted, kept, *codes))
    return found


def hour_differences(session: Session) -> list[HourDifference]:
    """Every day whose hours differ from its merchants' totals."""
    return [HourDifference(*row) for row in session.execute(_HOUR_DIFFERENCES)]


Found = list[Difference] | list[HourDifference] | list[WayDifference]


def verify(deps: Deps) -> Found:
    """Count everything anew (it reads every order once); what differs is logged, too.

    The hours and the ways are looked at once the days are right: they are made of the same rows.
    """
    found: Found = deps.transact(differences)
    found = found or deps.transact(hour_differences)
    found = found or deps.transact(way_totals_check.differences)
    for one in found[:50]:
        log.error("day total differs", extra={"total": str(one)})
    return found


def repair(deps: Deps) -> int:
    """Append what is missing from each total that differs; how many there were.

    An hour's figures that miss something of a day get it at midnight's hour.

    Payments go on. Folding waits, and so does a second repair, which then finds nothing.
    """

    def unit(session: Session) -> int:
        session.execute(text("LOCK TABLE day_total IN SHARE ROW EXCLUSIVE MODE"))
        session.execute(text("SET LOCAL work_mem = '128MB'"))
        # A statement of its own: it must see what was there when the lock was held.
        made = session.execute(_REPAIR)
        hours = session.execute(_HOUR_REPAIR)
        by_way = way_totals_check.repair_in(session)
        counts = [int(getattr(one, "rowcount", 0)) for one in (made, hours)]
        return next((count for count in (*counts, by_way) if count), 0)

    return deps.transact(unit)
