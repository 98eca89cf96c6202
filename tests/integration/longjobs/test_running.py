"""Long jobs: done once whatever is killed, seen while they run, stopped when asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.longjob import JobState
from services import leases, longjobs
from services.deps import Deps
from services.longjobs import Job, Row, Step, StepFailed, kinds, running
from tests.harness.product import Product

ROWS, PAGE = 25, 10


class Killed(BaseException):
    """As if the process had been killed at this place."""


def counting(deps: Deps, job: Job) -> kinds.Write:
    """Counts to 25, ten at a time; each row leaves a mark that doubles would show."""
    at = int(job.cursor.get("at", 0))
    upto = min(at + PAGE, ROWS)
    if job.facts.get("fails"):
        raise StepFailed("停在这里")

    def write(session: Session) -> Step:
        rows = [Row(n, f"row {n}", "counted") for n in range(at + 1, upto + 1)]
        counts = {"counted": len(rows)}
        return Step({"at": upto}, len(rows), counts, rows, total=ROWS, is_over=upto == ROWS)

    return write


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    kinds.HANDLERS["test_count"] = counting
    yield
    del kinds.HANDLERS["test_count"]


def begin(product: Product, **facts: object) -> int:
    now = product.deps.now()
    return product.deps.transact(
        lambda s: longjobs.start(
            s, provider_id=1, kind="test_count", facts=facts, asked_by="test", now=now
        )
    )


def look(product: Product, job_id: int) -> Job:
    found = product.deps.transact(lambda s: longjobs.job_of(s, 1, job_id))
    assert found is not None
    return found


def test_a_job_is_worked_off_to_its_end(product: Product) -> None:
    job_id = begin(product)
    product.run_long_jobs()
    job = look(product, job_id)
    assert (job.state, job.done, job.total, dict(job.counts)) == (
        JobState.DONE, ROWS, ROWS, {"counted": ROWS},
    )  # fmt: skip
    rows = product.deps.transact(
        lambda s: [r.number for r in longjobs.rows_of(s, 1, job_id, most=100)]
    )
    assert rows == list(range(1, ROWS + 1))


def test_no_second_one_while_it_is_open(product: Product) -> None:
    begin(product)
    with pytest.raises(longjobs.asking.JobRunning):
        begin(product)
    product.run_long_jobs()
    begin(product)


def test_killed_between_two_steps_it_goes_on_without_doubles(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, kept = begin(product), running._keep
    calls = []

    def dies(session: Session, *rest: object) -> bool:
        calls.append(1)
        done = kept(session, *rest)  # type: ignore[arg-type]
        if len(calls) == 2:
            raise Killed
        return done

    monkeypatch.setattr(running, "_keep", dies)
    with pytest.raises(Killed):
        product.run_long_jobs()
    assert look(product, job_id).done == PAGE
    product.simulator.advance(61)  # its lease and its claim run out
    product.run_long_jobs()
    job = look(product, job_id)
    assert (job.state, job.done, dict(job.counts)) == (JobState.DONE, ROWS, {"counted": ROWS})
    assert product.one("SELECT count(*) AS n FROM long_job_row").n == ROWS


def test_a_late_holder_writes_nothing(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = begin(product)

    def overtaken(deps: Deps, job: Job) -> kinds.Write:
        deps.transact(
            lambda s: s.execute(
                text("UPDATE lease SET fencing = fencing + 1, until = :u"),
                {"u": deps.now() + timedelta(seconds=30)},
            )
        )
        return counting(deps, job)

    monkeypatch.setitem(kinds.HANDLERS, "test_count", overtaken)
    product.run_long_jobs()
    assert look(product, job_id).done == 0
    assert leases.claim(product.deps, f"longjob:1:{job_id}", timedelta(1)) is None


def test_stopping_and_failing_are_ends_with_words(product: Product) -> None:
    stopped = begin(product)
    product.deps.transact(lambda s: longjobs.cancel(s, 1, stopped, product.deps.now()))
    product.run_long_jobs()
    assert look(product, stopped).state is JobState.CANCELLED
    failed = begin(product, fails=True)
    product.run_long_jobs()
    job = look(product, failed)
    assert (job.state, job.error) == (JobState.FAILED, "停在这里")


def test_an_error_is_tried_again_a_few_times_and_then_it_has_failed(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(deps: Deps, job: Job) -> kinds.Write:
        raise RuntimeError("no words for people")

    monkeypatch.setitem(kinds.HANDLERS, "test_count", breaks)
    job_id = begin(product)
    tries = 0
    while look(product, job_id).is_open:
        product.run_long_jobs()
        product.simulator.advance(600)
        tries += 1
    assert tries == running.MOST_TRIES
    assert (look(product, job_id).state, look(product, job_id).error) == (
        JobState.FAILED, "RuntimeError",
    )  # fmt: skip
