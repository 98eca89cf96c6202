"""What we believe of a switch beside what happened since: WeChat has no API to ask.

A receipt that was opened proves plan and receipt on; many payments without one say that something
is off. Both are told as they are, and neither moves a switch by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.gold_plan import GoldPlan, Switched
from services.gold_plan import state
from services.totals import SHANGHAI

MANY: Final = 10  # payments without one view
NEWEST: Final = 30  # orders of a merchant that are looked at
ODD_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Mark:
    """`level` is warn or info; `kind` is stable, `words` say what stands out and what to do."""

    level: str
    kind: str
    words: str


_UNSEEN: Final = text("""
SELECT g.merchant_id, count(*) AS unseen
FROM unnest(CAST(:merchants AS bigint[]), CAST(:since AS timestamptz[]))
    AS g (merchant_id, since)
CROSS JOIN LATERAL (
    SELECT o.id, o.paid_at, o.channel FROM pay_order o
    WHERE o.provider_id = :p AND o.merchant_id = g.merchant_id ORDER BY o.id DESC LIMIT :newest
) o
WHERE o.channel = 'wechat' AND o.paid_at > g.since AND EXISTS (
    SELECT 1 FROM pay_attempt a WHERE a.provider_id = :p AND a.order_id = o.id
        AND a.status = 'paid' AND a.method = 'jsapi'
)
GROUP BY g.merchant_id
""")


def marks_of(
    session: Session,
    provider_id: int,
    found: Sequence[GoldPlan | None],
    now: datetime,
    *,
    managed: bool,
) -> dict[int, tuple[Mark, ...]]:
    """By merchant id; merchants without a row have none."""
    present = [row for row in found if row is not None]
    unseen = _unseen(session, provider_id, present, managed=managed)
    made = {
        row.merchant_id: tuple(_marks(row, unseen.get(row.merchant_id, 0), now, managed=managed))
        for row in present
    }
    return {merchant_id: marks for merchant_id, marks in made.items() if marks}


def _marks(row: GoldPlan, unseen: int, now: datetime, *, managed: bool) -> list[Mark]:
    is_open = managed or row.plan is Switched.OPEN
    marks: list[Mark] = []
    if row.unsure:
        marks.append(Mark("warn", "unsure", "上次操作微信没有回答，成没成不知道。再点一次就清楚。"))
    if not is_open and state.is_proven_open(row) and row.viewed_at is not None:
        seen = row.viewed_at.astimezone(SHANGHAI)
        marks.append(
            Mark(
                "warn",
                "open_there",
                f"我们记的是没开，但微信 {seen:%m-%d %H:%M} 打开过小票：实际是开着的。",
            )
        )
    if row.receipt is Switched.OPEN and not is_open and not state.is_proven_open(row):
        marks.append(Mark("warn", "no_plan", "商家小票开着，点金计划没开：小票不会显示。"))
    if unseen >= MANY:
        marks.append(
            Mark(
                "warn",
                "silent",
                f"最近 {unseen} 笔微信付款都没有打开过小票：微信那边可能没开，或小票链接不对。",
            )
        )
    if row.odd_at is not None and row.odd_at > now - ODD_FOR and _never_since(row):
        marks.append(Mark("info", "odd", "小票打开过，但校验码对不上：核对微信那边填的小票链接。"))
    return marks


def _never_since(row: GoldPlan) -> bool:
    return row.odd_at is not None and (row.viewed_at is None or row.viewed_at < row.odd_at)


def _unseen(
    session: Session, provider_id: int, present: Sequence[GoldPlan], *, managed: bool
) -> dict[int, int]:
    """Payments of each merchant since its switches took effect and its last receipt was seen."""
    asked = [
        (row.merchant_id, since)
        for row in present
        if (managed or row.plan is Switched.OPEN) and (since := _seen_until(row)) is not None
    ]
    if not asked:
        return {}
    values = {
        "p": provider_id,
        "merchants": [merchant_id for merchant_id, _ in asked],
        "since": [since for _, since in asked],
        "newest": NEWEST,
    }
    return {row.merchant_id: row.unseen for row in session.execute(_UNSEEN, values)}


def _seen_until(row: GoldPlan) -> datetime | None:
    """From when on receipts should be seen; None where none is to be expected."""
    if row.receipt is not Switched.OPEN or row.receipt_changed_at is None:
        return None
    switched = max(row.receipt_changed_at, row.plan_changed_at or row.receipt_changed_at)
    since = switched + state.TAKES_EFFECT
    return since if row.viewed_at is None else max(since, row.viewed_at)
