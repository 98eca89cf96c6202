"""A long job as its page shows it: how far, how long yet, and what became of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models.longjob import JobState, LongJob, LongJobRow
from services.longjobs.asking import as_job
from services.longjobs.kinds import Job
from services.longjobs.words import STATES, Words, words_of

PAGE = 50
LEAST_DONE = 20  # rows before an estimate is worth saying
QUIET = timedelta(minutes=2)  # a running job that has not moved for so long says so


@dataclass(frozen=True, slots=True)
class Shown:
    """`share` is whole percents; None while the total is not known."""

    job: Job
    words: Words
    state: tuple[str, str]  # kind of chip, text
    share: int | None
    elapsed: timedelta | None
    left: timedelta | None
    breakdown: Sequence[tuple[str, int]]
    is_quiet: bool
    error: str  # in words for a person, "" for none

    @property
    def tenth(self) -> int:
        """The tens of percent that are reached: what is read aloud."""
        return (self.share or 0) // 10 * 10


def shown(job: Job, now: datetime) -> Shown:
    elapsed = None if job.started_at is None else (job.finished_at or now) - job.started_at
    moved = job.moved_at or job.started_at
    return Shown(
        job=job,
        words=words_of(job.kind),
        state=("warn", "正在停止") if job.is_open and job.is_stopping else STATES[job.state],
        share=_share(job),
        elapsed=elapsed,
        left=_left(job, elapsed),
        breakdown=_breakdown(job),
        is_quiet=job.state is JobState.RUNNING and moved is not None and now - moved > QUIET,
        error=_error_words(job.error),
    )


def _error_words(error: str) -> str:
    """What a step left behind: words of its own, or the name of what went wrong."""
    known = {
        "GatewayUnknown": "上游没有回答",
        "OperationalError": "数据库暂时连不上",
    }
    if not error.isascii() or not error:
        return error
    return known.get(error) or f"程序出错（{error}），详情在日志里"


def _share(job: Job) -> int | None:
    if job.state in (JobState.DONE, JobState.PARTIAL):
        return 100
    if not job.total:
        return None
    return min(99, job.done * 100 // job.total)


def _left(job: Job, elapsed: timedelta | None) -> timedelta | None:
    """By the pace so far; nothing before there is a pace, and nothing when it is over."""
    if not job.is_open or not job.total or elapsed is None or job.done < LEAST_DONE:
        return None
    return elapsed * max(0, job.total - job.done) / job.done


def _breakdown(job: Job) -> list[tuple[str, int]]:
    words = words_of(job.kind)
    order = [*words.outcomes, *(key for key in sorted(job.counts) if key not in words.outcomes)]
    return [(words.outcome(key), int(job.counts[key])) for key in order if key in job.counts]


def said_span(span: timedelta | None) -> str:
    """`4 分 12 秒`, `1 小时 3 分`; "" for none."""
    if span is None:
        return ""
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} 小时 {minutes} 分"
    return f"{minutes} 分 {seconds % 60} 秒" if minutes else f"{seconds} 秒"


@dataclass(frozen=True, slots=True)
class RowsPage:
    rows: Sequence[LongJobRow]
    before: tuple[int, int] | None  # where the page above this one ends; None: there is none
    after: tuple[int, int] | None  # where the next one begins


def rows_page(
    session: Session,
    provider_id: int,
    job_id: int,
    *,
    outcome: str = "",
    after: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
    most: int = PAGE,
) -> RowsPage:
    """Rows of the report in their order, by keyset of (number, id), of one outcome or of all."""
    key = tuple_(LongJobRow.number, LongJobRow.id)
    wanted = select(LongJobRow).where(
        LongJobRow.provider_id == provider_id, LongJobRow.job_id == job_id
    )
    if outcome:
        wanted = wanted.where(LongJobRow.outcome == outcome)
    if before is not None:
        wanted = wanted.where(key < before).order_by(LongJobRow.number.desc(), LongJobRow.id.desc())
    else:
        wanted = wanted.order_by(LongJobRow.number, LongJobRow.id)
        wanted = wanted if after is None else wanted.where(key > after)
    found = list(session.scalars(wanted.limit(most + 1)))
    more, rows = len(found) > most, found[:most]
    if before is not None:
        rows.reverse()
    has_above = more if before is not None else after is not None
    has_below = before is not None or more
    ends = [(row.number, row.id) for row in rows]
    return RowsPage(
        rows,
        ends[0] if ends and has_above else None,
        ends[-1] if ends and has_below else None,
    )


def newest_of_all(
    session: Session, provider_id: int, *, before: int | None = None, most: int = PAGE
) -> list[Job]:
    """Jobs of every kind, newest first, by keyset of the id."""
    wanted = select(LongJob).where(LongJob.provider_id == provider_id)
    if before is not None:
        wanted = wanted.where(LongJob.id < before)
    return [as_job(one) for one in session.scalars(wanted.order_by(LongJob.id.desc()).limit(most))]
