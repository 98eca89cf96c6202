"""The rows of the Gold Plan: read, made when first needed, locked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.gold_plan import GoldPlan, GoldPlanSetting


def find(session: Session, provider_id: int, merchant_id: int) -> GoldPlan | None:
    return session.scalar(
        select(GoldPlan).where(
            GoldPlan.provider_id == provider_id, GoldPlan.merchant_id == merchant_id
        )
    )


def lock(session: Session, provider_id: int, merchant_id: int, now: datetime) -> GoldPlan:
    """The merchant's row, held till the end of the transaction."""
    session.execute(
        insert(GoldPlan)
        .values(provider_id=provider_id, merchant_id=merchant_id, created_at=now)
        .on_conflict_do_nothing(index_elements=["provider_id", "merchant_id"])
    )
    return session.execute(
        select(GoldPlan)
        .where(GoldPlan.provider_id == provider_id, GoldPlan.merchant_id == merchant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def setting(session: Session, provider_id: int) -> GoldPlanSetting | None:
    return session.scalar(select(GoldPlanSetting).where(GoldPlanSetting.provider_id == provider_id))


def lock_setting(session: Session, provider_id: int, now: datetime) -> GoldPlanSetting:
    session.execute(
        insert(GoldPlanSetting)
        .values(provider_id=provider_id, created_at=now)
        .on_conflict_do_nothing(index_elements=["provider_id"])
    )
    return session.execute(
        select(GoldPlanSetting)
        .where(GoldPlanSetting.provider_id == provider_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
