"""Long jobs that people start and watch: a sync, a file of merchants, a change in bulk."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"  # came to its end, and some rows failed
    FAILED = "failed"  # stopped: nothing more is done by itself
    CANCELLED = "cancelled"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class LongJob(Base):
    """One job. It is worked off in steps; after each, `cursor` says where to go on.

    Looked at again at `due_at`, so a killed worker loses at most the step it was in.
    """

    __tablename__ = "long_job"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        CheckConstraint(
            "(state IN ('queued', 'running')) = (due_at IS NOT NULL)", name="open_is_looked_at"
        ),
        Index("ix_long_job_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_long_job_newest", "provider_id", "kind", text("id DESC")),
        Index(
            "uq_long_job_open",
            "provider_id",
            "kind",
            "only_one",
            unique=True,
            postgresql_where=text("due_at IS NOT NULL AND only_one IS NOT NULL"),
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(String(32))
    only_one: Mapped[str | None] = mapped_column(String(64))  # no second one of it while it is open
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    facts: Mapped[dict[str, Any]]  # what was asked for
    cursor: Mapped[dict[str, Any]]  # how far it is
    counts: Mapped[dict[str, Any]]  # outcome -> rows
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]  # None: not known yet
    error: Mapped[str] = mapped_column(String(200), default="")  # a code and words, no value
    asked_by: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(default=0)  # of the step at hand that failed
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]  # somebody asked it to stop
    due_at: Mapped[datetime | None]


class LongJobRow(Base):
    """What became of one row of a job, where somebody has to read about it."""

    __tablename__ = "long_job_row"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "job_id"], ["long_job.provider_id", "long_job.id"]),
        Index("ix_long_job_row_job", "provider_id", "job_id", "number"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    job_id: Mapped[BigId]
    number: Mapped[int]  # of the row: a line of the file, or its place in the list
    name: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(200), default="")
