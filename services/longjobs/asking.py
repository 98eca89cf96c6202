"""Starting, stopping and reading long jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import Conflict
from models.longjob import JobState, LongJob, LongJobRow
from services.longjobs.kinds import Job


class JobRunning(Conflict):
    code = "SYNC_RUNNING"
    title = "已有一个同样的任务在进行"
    steps = ("等它完成，或先停止它",)


def start(
    session: Session,
    *,
    provider_id: int,
    kind: str,
    facts: Mapping[str, Any],
    asked_by: str,
    now: datetime,
    only_one: str | None = "",
    total: int | None = None,
) -> int:
    """A job that a worker begins within seconds of the commit; returns its id.

    While a job with the same `only_one` is open, a second one is refused: JobRunning. None: any
    number may run.
    """
    job = LongJob(
        provider_id=provider_id, kind=kind, only_one=only_one, facts=dict(facts), cursor={},
        counts={}, asked_by=asked_by, total=total, created_at=now, due_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError as error:
        if "uq_long_job_open" not in str(error.orig):
            raise
        raise JobRunning(kind) from error
    return job.id


def cancel(session: Session, provider_id: int, job_id: int, now: datetime) -> bool:
    """Ask a job to stop after the step it is in; False if it is over already."""
    found = session.execute(
        text(
            "UPDATE long_job SET cancel_at = :now, due_at = :now"
            " WHERE provider_id = :p AND id = :i AND due_at IS NOT NULL RETURNING id"
        ),
        {"now": now, "p": provider_id, "i": job_id},
    ).first()
    return found is not None


def job_of(session: Session, provider_id: int, job_id: int) -> Job | None:
    found = session.get(LongJob, (provider_id, job_id), populate_existing=True)
    return None if found is None else as_job(found)


def newest(session: Session, provider_id: int, kind: str, most: int = 10) -> list[Job]:
    found = session.scalars(
        select(LongJob)
        .where(LongJob.provider_id == provider_id, LongJob.kind == kind)
        .order_by(LongJob.id.desc())
        .limit(most)
    )
    return [as_job(one) for one in found]


def rows_of(
    session: Session, provider_id: int, job_id: int, *, after: int = 0, most: int = 200
) -> Sequence[LongJobRow]:
    """Rows of the report in the order of the file, from the row behind `after` on."""
    return session.scalars(
        select(LongJobRow)
        .where(
            LongJobRow.provider_id == provider_id,
            LongJobRow.job_id == job_id,
            LongJobRow.number > after,
        )
        .order_by(LongJobRow.number, LongJobRow.id)
        .limit(most)
    ).all()


def as_job(row: LongJob) -> Job:
    return Job(
        provider_id=row.provider_id, id=row.id, kind=row.kind, state=JobState(row.state),
        facts=row.facts, cursor=row.cursor, counts=row.counts, done=row.done, total=row.total,
        error=row.error, asked_by=row.asked_by, created_at=row.created_at,
        started_at=row.started_at, moved_at=row.moved_at, finished_at=row.finished_at,
        is_stopping=row.cancel_at is not None,
    )  # fmt: skip
