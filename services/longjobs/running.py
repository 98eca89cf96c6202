"""Working off long jobs, a slice of time each, so that none keeps another waiting.

A job is one worker's at a time, by a lease; its number refuses the late write of one that was
thought dead.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import timedelta
from typing import Final

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from models.longjob import JobState, LongJob, LongJobRow
from services import leases
from services.claims import claim_statement
from services.deps import Deps
from services.longjobs.asking import as_job
from services.longjobs.kinds import HANDLERS, Job, Step, StepFailed

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)  # longer than any step may take
SLICE_S: Final = 5.0
MOST_TRIES: Final = 8  # of one step; the pauses between them double from two seconds
_CLAIM: Final = claim_statement("long_job")


def run_due(deps: Deps, most: int = 2) -> int:
    """Work on up to `most` jobs whose time has come; returns how many were worked on."""
    now = deps.now()
    until = now + LEASE
    claimed = deps.transact(
        lambda s: s.execute(_CLAIM, {"now": now, "until": until, "most": most}).all()
    )
    for row in claimed:
        _work(deps, row.provider_id, row.id)
    return len(claimed)


def _work(deps: Deps, provider_id: int, job_id: int) -> None:
    held = leases.claim(deps, f"longjob:{provider_id}:{job_id}", LEASE)
    if held is None:
        return
    began = time.monotonic()
    try:
        while _step(deps, held, provider_id, job_id):
            if time.monotonic() - began > SLICE_S or not _prolong(deps, held):
                break
    finally:
        leases.release(deps, held)


def _step(deps: Deps, held: leases.Held, provider_id: int, job_id: int) -> bool:
    """One step; False when there is nothing more to do now."""
    job = deps.transact(lambda s: _begin(s, deps, provider_id, job_id))
    if job is None:
        return False
    try:
        handler = HANDLERS.get(job.kind)
        if handler is None:
            raise StepFailed(f"unknown kind of job: {job.kind}")
        write = handler(deps, job)

        def unit(session: Session) -> bool:
            if not leases.holds(session, held):
                return False
            row = session.get_one(LongJob, (provider_id, job_id), with_for_update=True)
            return _keep(session, deps, row, write(session))

        return deps.transact(unit)
    except StepFailed as failed:
        words = failed.words
        deps.transact(lambda s: _fail(s, deps, held, provider_id, job_id, words))
    except Exception as error:  # whatever it was, the job says so and goes on
        log.warning("step of a long job failed", exc_info=True, extra={"kind": job.kind})
        name = type(error).__name__
        deps.transact(lambda s: _again(s, deps, held, provider_id, job_id, name))
    return False


def _begin(session: Session, deps: Deps, provider_id: int, job_id: int) -> Job | None:
    row = session.get_one(
        LongJob, (provider_id, job_id), with_for_update=True, populate_existing=True
    )
    if row.due_at is None:
        return None
    if row.cancel_at is not None:
        _end(row, deps, JobState.CANCELLED)
        return None
    row.state, row.started_at = JobState.RUNNING, row.started_at or deps.now()
    return as_job(row)


def _keep(session: Session, deps: Deps, row: LongJob, step: Step) -> bool:
    now = deps.now()
    row.cursor, row.done, row.tries, row.error = dict(step.cursor), row.done + step.done, 0, ""
    row.counts = dict(Counter(row.counts) + Counter(step.counts))
    row.total = row.total if step.total is None else step.total
    row.moved_at = row.due_at = now
    if step.rows:
        session.execute(
            insert(LongJobRow),
            [
                {
                    "provider_id": row.provider_id, "job_id": row.id, "number": one.number,
                    "name": one.name[:80], "outcome": one.outcome, "reason": one.reason[:200],
                }
                for one in step.rows
            ],
        )  # fmt: skip
    if step.is_over:
        _end(row, deps, JobState.PARTIAL if row.counts.get("failed") else JobState.DONE)
    return not step.is_over


def _fail(
    session: Session, deps: Deps, held: leases.Held, provider_id: int, job_id: int, words: str
) -> None:
    if leases.holds(session, held):
        row = session.get_one(LongJob, (provider_id, job_id), with_for_update=True)
        row.error = words
        _end(row, deps, JobState.FAILED)


def _again(
    session: Session, deps: Deps, held: leases.Held, provider_id: int, job_id: int, name: str
) -> None:
    """The step is tried again after a pause; after the last try the job has failed."""
    if not leases.holds(session, held):
        return
    row = session.get_one(LongJob, (provider_id, job_id), with_for_update=True)
    row.tries, row.error = row.tries + 1, name
    if row.tries >= MOST_TRIES:
        _end(row, deps, JobState.FAILED)
    else:
        row.due_at = deps.now() + timedelta(seconds=2**row.tries)


def _end(row: LongJob, deps: Deps, state: JobState) -> None:
    row.state, row.due_at, row.finished_at = state, None, deps.now()


def _prolong(deps: Deps, held: leases.Held) -> bool:
    """Still ours, and for another while."""

    def unit(session: Session) -> bool:
        if not leases.holds(session, held):
            return False
        session.execute(
            text("UPDATE lease SET until = :u WHERE name = :n"),
            {"u": deps.now() + LEASE, "n": held.name},
        )
        return True

    return deps.transact(unit)
