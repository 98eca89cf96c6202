"""Whether a merchant's customers see WeChat's own page after a payment instead of ours.

WeChat has no API to ask: it is what it last confirmed to us, or what a receipt view proved since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.gold_plan import GoldPlan, GoldPlanSetting, Switched

TAKES_EFFECT: Final = timedelta(minutes=5)  # at WeChat, after a switch (wechat.md B1)
# Beside our own settings for the page after payment, where they have no effect (product AD-3).
REPLACED_TITLE: Final = "微信付款后不显示"
REPLACED_WHY: Final = (
    "商户开通了点金计划：微信付款完成后显示官方页，这里的广告和完成页不出现。支付宝付款不受影响。"
)


def is_open(session: Session, provider_id: int, merchant_id: int) -> bool:
    """Whether WeChat shows its own page after this merchant's WeChat payments."""
    return merchant_id in open_of(session, provider_id, [merchant_id])


def open_of(session: Session, provider_id: int, merchant_ids: Sequence[int]) -> frozenset[int]:
    """Those of the merchants for whom the plan is open."""
    if not merchant_ids:
        return frozenset()
    rows = session.scalars(
        select(GoldPlan).where(
            GoldPlan.provider_id == provider_id, GoldPlan.merchant_id.in_(merchant_ids)
        )
    ).all()
    known = {row.merchant_id: row for row in rows}
    by_default = is_managed(session, provider_id)
    return frozenset(
        one for one in merchant_ids if is_row_open(known.get(one), by_default=by_default)
    )


def is_managed(session: Session, provider_id: int) -> bool:
    """Whether the provider has "open by default" at WeChat (product GP-6)."""
    found = session.scalar(
        select(GoldPlanSetting.managed_by_default).where(GoldPlanSetting.provider_id == provider_id)
    )
    return bool(found)


def is_row_open(row: GoldPlan | None, *, by_default: bool = False) -> bool:
    """`row` is the merchant's own, None where it was never touched."""
    if by_default:
        return True
    if row is None:
        return False
    is_ours = row.scene != "MINIPROGRAM"  # opened for mini-programs alone, our pages stay
    return (row.plan is Switched.OPEN and is_ours) or is_proven_open(row)


def is_proven_open(row: GoldPlan) -> bool:
    """A receipt was shown for an order paid when our last switch had long taken effect."""
    return is_after(row.viewed_paid_at, row.plan_changed_at)


def is_after(seen: datetime | None, switched: datetime | None) -> bool:
    return seen is not None and (switched is None or seen > switched + TAKES_EFFECT)
