"""Papers and numbers of people go by themselves, some days after an application's end."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.application import CHANGEABLE, FINAL, Application
from services import audit
from services.applications.drafts import forget_papers
from services.deps import Deps

BATCH: Final = 100


def remove_old(deps: Deps) -> int:
    """Of those in a final state, and of those that nobody has touched for as long; how many."""
    count = 0
    while done := deps.transact(lambda s: _batch(s, deps)):
        count += done
    return count


def _batch(session: Session, deps: Deps) -> int:
    now = deps.now()
    before = now - timedelta(days=deps.settings.application_papers_days)
    rows = session.scalars(
        select(Application)
        .where(
            Application.papers_gone_at.is_(None),
            or_(
                Application.state.in_(sorted(FINAL)) & (Application.state_at < before),
                Application.state.in_(sorted(CHANGEABLE))
                & (Application.changed_at < before)
                & (Application.state_at < before),
            ),
        )
        .order_by(Application.provider_id, Application.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        forget_papers(session, row)
        row.papers_gone_at, row.version = now, row.version + 1
        audit.record(
            session, provider_id=row.provider_id, actor="worker",
            action="application_papers_removed", subject=f"application:{row.id}", at=now,
        )  # fmt: skip
    return len(rows)
