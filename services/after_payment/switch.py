"""The one switch that takes all of a provider's ads away.

Every result page, picture and click asks for it, in the database: it works in all processes with
the next page, and pictures of pages that are open already come no more.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.after_payment import AfterPage
from services import audit
from services.after_payment.ads import Acting


def is_stopped(session: Session, provider_id: int) -> bool:
    row = of_provider(session, provider_id)
    return row is not None and row.ads_stopped_at is not None


def of_provider(session: Session, provider_id: int) -> AfterPage | None:
    """The provider's own row, if it ever set anything."""
    return session.scalar(
        select(AfterPage).where(
            AfterPage.provider_id == provider_id, AfterPage.merchant_id.is_(None)
        )
    )


def locked(session: Session, who: Acting, merchant_id: int | None) -> AfterPage:
    """The row to change, made if there is none."""
    mine = {"provider_id": who.provider_id, "merchant_id": merchant_id}
    session.execute(
        insert(AfterPage)
        .values(**mine, version=0, changed_by=who.actor, changed_at=who.at)
        .on_conflict_do_nothing(index_elements=["provider_id", "merchant_id"])
    )
    return session.scalars(
        select(AfterPage)
        .where(
            AfterPage.provider_id == who.provider_id,
            AfterPage.merchant_id.is_not_distinct_from(merchant_id),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def stop_all(session: Session, who: Acting) -> None:
    """A second call changes nothing."""
    row = locked(session, who, None)
    if row.ads_stopped_at is None:
        row.ads_stopped_at, row.ads_stopped_by = who.at, who.actor
        session.flush()
        _say(session, who, "ads_stopped_all")


def allow_all(session: Session, who: Acting) -> None:
    """What was live before is live again."""
    row = locked(session, who, None)
    if row.ads_stopped_at is not None:
        row.ads_stopped_at = row.ads_stopped_by = None
        session.flush()
        _say(session, who, "ads_allowed_again")


def _say(session: Session, who: Acting, action: str) -> None:
    audit.record(
        session, provider_id=who.provider_id, actor=who.actor, action=action,
        subject="after_payment", at=who.at,
    )  # fmt: skip
