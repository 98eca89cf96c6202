"""Takings per store, wallet and China day, exact at every moment.

A payment or a refund appends a row to `day_delta` in its own transaction and touches no row that
another one may want, so a busy store never waits for itself. The worker adds these rows up into
`day_total` and removes them in one statement; whoever reads adds what is left.

Money counts as taken once, when it comes over a wallet. What is spent from a member's card came
earlier, as a recharge: it stands beside the takings (`card`), never in them. A recharge is part of
the takings, and is shown as such (`recharge`): its rows have a channel of their own.

The same statement adds the rows up a second time, by provider and hour (`provider_hour`): what a
provider's pages show of all merchants together costs the same however many there are. And a third
time, by the way that they came (`way_total`): the few that the other figures do not tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from models.order import OrderPurpose, PayAttempt, PayOrder
from models.refund import Refund
from models.total import DayDelta
from services import ways
from services.deps import Deps

SHANGHAI = ZoneInfo("Asia/Shanghai")
FOLD = 1000  # rows added up at a time


@dataclass(frozen=True, slots=True)
class Takings:
    """Of one day, or a sum of days. A refund counts on the day that it succeeded."""

    paid_count: int = 0
    paid_fen: int = 0
    refund_count: int = 0
    refund_fen: int = 0
    returned_fen: int = 0  # of the payments counted here, whenever it went back
    card_count: int = 0  # payments from members' cards: not in the figures above
    card_fen: int = 0  # less what went back to the cards
    recharge_fen: int = 0  # of the payments above, less what of it went back

    @property
    def kept_fen(self) -> int:
        """What is left today of the payments of this day."""
        return self.paid_fen - self.returned_fen


RECHARGE = "recharge:"  # before the wallet's name, for the recharges that came over it


def channel_of(order: PayOrder) -> str:
    """What an order counts under."""
    return RECHARGE + order.channel if order.purpose is OrderPurpose.RECHARGE else order.channel


BY_CODE = ways.BY_CODE


def is_by_code(order: PayOrder) -> bool:
    """Charged by the payment code that the payer showed, not on the payer's own page."""
    return order.intent_key.startswith(BY_CODE)


def china_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def china_hour(at: datetime) -> int:
    return at.astimezone(SHANGHAI).hour


def add_payment(
    session: Session, order: PayOrder, now: datetime, attempt: PayAttempt | None = None
) -> None:
    """Count an order that has just become paid by `attempt`, once, in the transaction that made
    it so."""
    assert order.paid_at is not None
    day = china_day(order.paid_at)
    # A payment heard of late, or an order written down late, says nothing of where a day's list is.
    all_today = china_day(order.created_at) == day == china_day(now)
    session.execute(
        insert(DayDelta).values(
            provider_id=order.provider_id,
            merchant_id=order.merchant_id,
            store_id=order.store_id,
            channel=channel_of(order),
            day_on=day,
            hour=china_hour(order.paid_at),
            paid_count=1,
            paid_fen=order.amount_fen,
            **_by_code(order, "paid", order.amount_fen),
            way=_way(order, attempt),
            last_order_id=order.id if all_today else 0,
        )
    )


def add_refund(
    session: Session, order: PayOrder, refund: Refund, attempt: PayAttempt | None = None
) -> None:
    """Count a refund of the order's payment (`attempt`) that has just succeeded, in the same
    transaction.

    Not for the second payment of an order: that one was never counted.
    """
    assert order.paid_at is not None
    assert refund.succeeded_at is not None
    paid_on, back_on = china_day(order.paid_at), china_day(refund.succeeded_at)
    where = {
        "provider_id": order.provider_id,
        "merchant_id": order.merchant_id,
        "store_id": order.store_id,
        "channel": channel_of(order),
        "hour": china_hour(refund.succeeded_at),
        "way": _way(order, attempt),
    }
    done = {"day_on": back_on, "refund_count": 1, "refund_fen": refund.amount_fen}
    done |= _by_code(order, "refund", refund.amount_fen)
    returned = {"day_on": paid_on, "returned_fen": refund.amount_fen}
    for values in [done | returned] if paid_on == back_on else [done, returned]:
        session.execute(insert(DayDelta).values(**where, **values))


def _by_code(order: PayOrder, what: str, fen: int) -> dict[str, int]:
    return {f"code_{what}_count": 1, f"code_{what}_fen": fen} if is_by_code(order) else {}


def _way(order: PayOrder, attempt: PayAttempt | None) -> str:
    """What has rows of its own; "" for what the other figures tell."""
    if attempt is None:
        return ""
    way = ways.way_of(order, attempt.method, attempt.request)
    return way.value if way in ways.COUNTED else ""


# `hours`, `added` and `ways` take their rows' locks in one order whoever folds: all are sorted.
_FOLD = text("""
WITH taken AS (
    SELECT provider_id, id FROM day_delta ORDER BY provider_id, id
    LIMIT :most FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM day_delta d USING taken t WHERE d.provider_id = t.provider_id AND d.id = t.id
    RETURNING d.*
), added AS (
    INSERT INTO day_total AS old (provider_id, merchant_id, day_on, store_id, channel,
        paid_count, paid_fen, refund_count, refund_fen, returned_fen, code_paid_count,
        code_paid_fen, code_refund_count, code_refund_fen, last_order_id)
    SELECT provider_id, merchant_id, day_on, store_id, channel, sum(paid_count), sum(paid_fen),
        sum(refund_count), sum(refund_fen), sum(returned_fen), sum(code_paid_count),
        sum(code_paid_fen), sum(code_refund_count), sum(code_refund_fen), max(last_order_id)
    FROM gone GROUP BY provider_id, merchant_id, day_on, store_id, channel
    ORDER BY provider_id, merchant_id, day_on, store_id, channel
    ON CONFLICT (provider_id, merchant_id, day_on, store_id, channel) DO UPDATE SET
        paid_count = old.paid_count + EXCLUDED.paid_count,
        paid_fen = old.paid_fen + EXCLUDED.paid_fen,
        refund_count = old.refund_count + EXCLUDED.refund_count,
        refund_fen = old.refund_fen + EXCLUDED.refund_fen,
        returned_fen = old.returned_fen + EXCLUDED.returned_fen,
        code_paid_count = old.code_paid_count + EXCLUDED.code_paid_count,
        code_paid_fen = old.code_paid_fen + EXCLUDED.code_paid_fen,
        code_refund_count = old.code_refund_count + EXCLUDED.code_refund_count,
        code_refund_fen = old.code_refund_fen + EXCLUDED.code_refund_fen,
        last_order_id = greatest(old.last_order_id, EXCLUDED.last_order_id)
), hours AS (
    INSERT INTO provider_hour AS old (provider_id, day_on, hour, channel, paid_count, paid_fen,
        refund_count, refund_fen, code_paid_count, code_paid_fen, code_refund_count,
        code_refund_fen)
    SELECT provider_id, day_on, hour, channel, sum(paid_count), sum(paid_fen), sum(refund_count),
        sum(refund_fen), sum(code_paid_count), sum(code_paid_fen), sum(code_refund_count),
        sum(code_refund_fen)
    FROM gone WHERE paid_count <> 0 OR refund_count <> 0 OR paid_fen <> 0 OR refund_fen <> 0
        OR code_paid_count <> 0 OR code_paid_fen <> 0 OR code_refund_count <> 0
        OR code_refund_fen <> 0
    GROUP BY provider_id, day_on, hour, channel ORDER BY provider_id, day_on, hour, channel
    ON CONFLICT (provider_id, day_on, hour, channel) DO UPDATE SET
        paid_count = old.paid_count + EXCLUDED.paid_count,
        paid_fen = old.paid_fen + EXCLUDED.paid_fen,
        refund_count = old.refund_count + EXCLUDED.refund_count,
        refund_fen = old.refund_fen + EXCLUDED.refund_fen,
        code_paid_count = old.code_paid_count + EXCLUDED.code_paid_count,
        code_paid_fen = old.code_paid_fen + EXCLUDED.code_paid_fen,
        code_refund_count = old.code_refund_count + EXCLUDED.code_refund_count,
        code_refund_fen = old.code_refund_fen + EXCLUDED.code_refund_fen
), ways AS (
    INSERT INTO way_total AS old (provider_id, merchant_id, day_on, channel, way, paid_count,
        paid_fen, refund_count, refund_fen)
    SELECT provider_id, whose, day_on, channel, way, sum(paid_count), sum(paid_fen),
        sum(refund_count), sum(refund_fen)
    FROM gone, LATERAL (VALUES (merchant_id), (0)) whose_all (whose)
    WHERE way <> '' AND (paid_count <> 0 OR refund_count <> 0)
    GROUP BY provider_id, whose, day_on, channel, way
    ORDER BY provider_id, whose, day_on, channel, way
    ON CONFLICT (provider_id, merchant_id, day_on, channel, way) DO UPDATE SET
        paid_count = old.paid_count + EXCLUDED.paid_count,
        paid_fen = old.paid_fen + EXCLUDED.paid_fen,
        refund_count = old.refund_count + EXCLUDED.refund_count,
        refund_fen = old.refund_fen + EXCLUDED.refund_fen
)
SELECT count(*) FROM gone
""")


def fold(deps: Deps, most: int = FOLD) -> int:
    """Add up to `most` waiting rows to the totals and remove them; how many there were.

    Any number may run at once, and each may be killed anywhere: rows move whole or not at all.
    """
    return deps.transact(
        lambda s: int(s.execute(_FOLD, {"most": most}).scalar_one()), rerun_if_unknown=True
    )


_PART = """
SELECT day_on, channel, paid_count, paid_fen, refund_count, refund_fen, returned_fen FROM {table}
WHERE provider_id = :p AND merchant_id = :m AND day_on = ANY(CAST(:days AS date[])){store}
"""
_BOTH = """
SELECT day_on, sum(paid_count) FILTER (WHERE over_wallet),
    sum(paid_fen) FILTER (WHERE over_wallet), sum(refund_count) FILTER (WHERE over_wallet),
    sum(refund_fen) FILTER (WHERE over_wallet), sum(returned_fen) FILTER (WHERE over_wallet),
    sum(paid_count) FILTER (WHERE NOT over_wallet),
    sum(paid_fen - returned_fen) FILTER (WHERE NOT over_wallet),
    sum(paid_fen - returned_fen) FILTER (WHERE channel LIKE 'recharge:%')
FROM (SELECT *, channel <> 'balance' AS over_wallet FROM ({total} UNION ALL {delta}) both_parts)
    parts GROUP BY day_on
"""


def per_day(
    session: Session, provider_id: int, merchant_id: int, store_id: int | None, days: Sequence[date]
) -> dict[date, Takings]:
    """Takings of these China days, of one store or all; a day without any is not in it."""
    if not days:
        return {}
    store = "" if store_id is None else " AND store_id = :store"
    # One statement sees one moment: no row can be counted in both tables or in neither.
    total, delta = (_PART.format(table=t, store=store) for t in ("day_total", "day_delta"))
    rows = session.execute(
        text(_BOTH.format(total=total, delta=delta)),
        {"p": provider_id, "m": merchant_id, "store": store_id, "days": list(days)},
    )
    return {row[0]: Takings(*(int(part or 0) for part in row[1:])) for row in rows}


_NEWEST = """
WITH near AS (
    SELECT max(day_on) AS day_on FROM (
        (SELECT day_on FROM day_total WHERE {where} AND day_on <= :day
            ORDER BY day_on DESC LIMIT 1)
        UNION ALL
        (SELECT day_on FROM day_delta WHERE {where} AND day_on <= :day
            ORDER BY day_on DESC LIMIT 1)
    ) days
)
SELECT max(last_order_id) FROM (
    SELECT last_order_id FROM day_total WHERE {where} AND day_on = (SELECT day_on FROM near)
    UNION ALL
    SELECT last_order_id FROM day_delta WHERE {where} AND day_on = (SELECT day_on FROM near)
) both_parts
"""


def newest_order(
    session: Session, provider_id: int, merchant_id: int, store_id: int | None, day: date
) -> int:
    """The newest order made and paid on this China day or the nearest before it; 0 if none."""
    where = "provider_id = :p AND merchant_id = :m AND last_order_id > 0"
    where += "" if store_id is None else " AND store_id = :store"
    found = session.scalar(
        text(_NEWEST.format(where=where)),
        {"p": provider_id, "m": merchant_id, "store": store_id, "day": day},
    )
    return int(found or 0)
