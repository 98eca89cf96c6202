"""Long jobs: where they stand, what became of their rows, and stopping them.

The page asks for its part every two seconds with htmx; without script it asks for itself again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import Forbidden, NotFound
from models.longjob import LongJobRow
from services import audit, longjobs
from services.longjobs import telling
from services.longjobs.kinds import Job
from web.files import as_csv
from web.runtime import deps

POLL_S: Final = 2
LARGEST: Final = 1 << 63
_CURSOR = re.compile(r"([0-9]{1,9})-([0-9]{1,18})")
_HEAD = ("行", "名称", "结果", "原因")


def index() -> ResponseReturnValue:
    before = request.args.get("before", "")
    wanted = int(before) if re.fullmatch(r"[0-9]{1,18}", before) else None
    found = deps().transact(
        lambda s: telling.newest_of_all(s, answers.operator().provider, before=wanted)
    )
    now = deps().now()
    last = found[-1].id if len(found) == telling.PAGE else None
    return answers.page(
        "console/jobs.html", jobs=[telling.shown(job, now) for job in found], last=last,
        is_first=wanted is None,
    )  # fmt: skip


def show(number: int) -> ResponseReturnValue:
    return answers.page("console/job.html", **_look(number))


def part(number: int) -> ResponseReturnValue:
    """What changes of the page; `said` is the tenth that was read aloud last."""
    said = request.args.get("said", "")
    return answers.page("console/_job.html", last_said=said, **_look(number))


def csv(number: int) -> ResponseReturnValue:
    """The whole report as a file for a spreadsheet."""
    provider_id = answers.operator().provider
    job = deps().transact(lambda s: _job(s, provider_id, number))
    words = longjobs.words_of(job.kind)
    lines = ((r.number, r.name, words.outcome(r.outcome), r.reason) for r in _rows(job))
    return as_csv(f"job-{job.id}.csv", _HEAD, lines)


def stop(number: int) -> ResponseReturnValue:
    """Stops after the step that it is in; what is done stays done."""
    who = answers.operator()

    def unit(session: Session) -> None:
        job = _job(session, who.provider, number)
        if not who.may(longjobs.words_of(job.kind).needs):
            raise Forbidden(job.kind)
        now = deps().now()
        if longjobs.cancel(session, who.provider, number, now):
            audit.record(
                session, provider_id=who.provider, actor=who.actor, action="job_stopped",
                subject=f"job:{number}", at=now, kind=job.kind,
            )  # fmt: skip

    deps().transact(unit)
    return answers.see(f"/console/jobs/{number}")


def _look(number: int) -> dict[str, Any]:
    provider_id, outcome = answers.operator().provider, request.args.get("outcome", "")[:24]
    after, before = _cursor("after"), _cursor("before")

    def unit(session: Session) -> tuple[Job, telling.RowsPage]:
        job = _job(session, provider_id, number)
        return job, telling.rows_page(
            session, provider_id, number, outcome=outcome, after=after, before=before
        )

    job, report = deps().transact(unit)
    shown = telling.shown(job, deps().now())
    place = {n: request.args[n] for n in ("outcome", "after", "before") if n in request.args}
    return {
        "shown": shown, "report": report, "outcome": outcome, "poll_s": POLL_S,
        "polled": urlencode({"said": shown.tenth, **place}),
        "elapsed": telling.said_span(shown.elapsed), "left": telling.said_span(shown.left),
    }  # fmt: skip


def _job(session: Session, provider_id: int, number: int) -> Job:
    job = longjobs.job_of(session, provider_id, number) if number < LARGEST else None
    if job is None:
        raise NotFound(f"no job {number}")
    return job


def _rows(job: Job) -> Iterator[LongJobRow]:
    """All rows, a page at a time: a report may have fifty thousand."""
    after: tuple[int, int] | None = None
    while True:
        found: Sequence[LongJobRow] = deps().transact(
            lambda s, a=after: (
                telling.rows_page(s, job.provider_id, job.id, after=a, most=1000).rows
            )  # type: ignore[misc]
        )
        yield from found
        if len(found) < 1000:
            return
        after = (found[-1].number, found[-1].id)


def _cursor(name: str) -> tuple[int, int] | None:
    said = _CURSOR.fullmatch(request.args.get(name, ""))
    return None if said is None else (int(said[1]), int(said[2]))
