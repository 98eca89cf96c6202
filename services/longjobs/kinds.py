"""What a kind of long job is made of, and the register of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from models.longjob import JobState
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Job:
    """A job as a step or a page sees it."""

    provider_id: int
    id: int
    kind: str
    state: JobState
    facts: Mapping[str, Any]
    cursor: Mapping[str, Any]
    counts: Mapping[str, int]
    done: int
    total: int | None
    error: str
    asked_by: str
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None
    finished_at: datetime | None
    is_stopping: bool

    @property
    def is_open(self) -> bool:
        return self.state in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Row:
    """One row that somebody has to read about: `outcome` is a key of the job's counts."""

    number: int
    name: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `counts` are added to the job's; `total` None leaves it as it is."""

    cursor: Mapping[str, Any]
    done: int  # rows that this step got through
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    total: int | None = None
    is_over: bool = False


class StepFailed(Exception):
    """The job stops here: `words` go to its page. Whatever else a step raises is tried again."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words[:200]


Write: TypeAlias = Callable[[Session], Step]
Handler: TypeAlias = Callable[[Deps, Job], Write]
HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Registers the function that begins a step: it calls upstream, what it returns writes.

    What it returns may run again (a serialization failure), so it only writes.
    """

    def keep(handler: Handler) -> Handler:
        if HANDLERS.setdefault(kind, handler) is not handler:
            raise ValueError(f"two handlers for {kind}")
        return handler

    return keep
