"""Sync of 50,000 sub-merchants from the simulator's list: seconds, memory, resumed after kill -9.

The real stack: a worker process asks the simulator over HTTP, page by page, and writes merchants
with their keys, the list's mirror, devices and audit over the embedded PostgreSQL with fsync on.
The bound is COPY of the same rows of merchants into a table with the same indexes, in turns with
the product. Memory is the worker's own peak (VmHWM). In the run with the kill the worker is killed
with SIGKILL at two fifths and another is started at once; nothing may be there twice.

`python -m bench.sync 5000` syncs fewer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import requests

from bench.figures import LEAST_RUNS, QUICK, line, say, show
from bench.stack import Stack, running
from config.settings import load_settings
from models.longjob import JobState
from postgres import embedded
from services import longjobs, maidan
from services.deps import Deps, build_deps
from services.longjobs import Job

COUNT: Final = int(sys.argv[1]) if sys.argv[1:] else 2_000 if QUICK else 50_000
KILL_AT: Final = 0.4
LONGEST_S: Final = 900.0
ACTOR: Final = "bench"
_EMPTIED = "maidan_part, synced_device, maidan_merchant, long_job_row, long_job, lease"


def figures() -> list[dict[str, Any]]:
    took: list[float] = []
    bounds: list[float] = []
    peaks: list[float] = []
    with running(worker=False) as stack:
        requests.post(
            f"{stack.sim_url}/sim/switches", json={"maidan.count": str(COUNT)}, timeout=10
        )
        with _deps(stack) as deps:
            _link(stack, deps)
            for n in range(LEAST_RUNS):
                _empty(stack)
                seconds, peak = _sync(stack, deps)
                took.append(seconds)
                peaks.append(peak)
                bounds.append(_copy(stack))
                say(f"   run {n}: {seconds:.1f} s, {peak:.0f} MB, COPY {bounds[-1]:.2f} s")
            _empty(stack)
            killed = _killed(stack, deps)
            again = _sync(stack, deps)[0]
    return [
        line(
            "sync_of_sub_merchants", "s", took, bounds, sub_merchants=COUNT,
            per_second=round(COUNT / sorted(took)[len(took) // 2]),
            worker_peak_mb=round(max(peaks)), with_kill_s=round(killed, 1),
            second_sync_s=round(again, 1), doubles=0,
        )
    ]  # fmt: skip


@contextmanager
def _deps(stack: Stack) -> Iterator[Deps]:
    settings = load_settings(
        data_dir=stack.settings.data_dir, database_url=stack.cluster.url(embedded.APP),
        simulator_url=stack.sim_url, port=stack.settings.port, log_level="ERROR",
    )  # fmt: skip
    deps = build_deps(settings)
    try:
        yield deps
    finally:
        deps.db.dispose()


def _link(stack: Stack, deps: Deps) -> None:
    """买单's administrator scans the code."""
    made = maidan.offer(deps, 1, actor=ACTOR)
    requests.post(made.url, data={"person": "lin"}, timeout=10).raise_for_status()
    found = maidan.look(deps, 1, actor=ACTOR)
    assert found is not None
    assert found.state == "confirmed", found


def _sync(stack: Stack, deps: Deps) -> tuple[float, float]:
    """Seconds from the press to the job's end, and the worker's peak in MB."""
    _start_worker(stack)
    started = time.perf_counter()
    job_id = maidan.begin_listed(deps, 1, is_dry=False, actor=ACTOR)
    _wait(deps, job_id, COUNT, is_over=True)
    seconds, peak = time.perf_counter() - started, _peak_mb(stack.processes["worker"].pid)
    stack.stop("worker")
    _check(stack)
    return seconds, peak


def _killed(stack: Stack, deps: Deps) -> float:
    _start_worker(stack)
    started = time.perf_counter()
    job_id = maidan.begin_listed(deps, 1, is_dry=False, actor=ACTOR)
    _wait(deps, job_id, int(COUNT * KILL_AT), is_over=False)
    process = stack.processes.pop("worker")
    process.kill()
    process.wait()
    half = deps.transact(lambda s: longjobs.job_of(s, 1, job_id))
    assert half is not None
    say(f"   killed at {half.done:,} of {half.total or 0:,}")
    _start_worker(stack)
    _wait(deps, job_id, COUNT, is_over=True)
    seconds = time.perf_counter() - started
    stack.stop("worker")
    _check(stack)
    return seconds


def _start_worker(stack: Stack) -> None:
    with psycopg.connect(stack.libpq(embedded.OWNER), autocommit=True) as conn:
        conn.execute("DELETE FROM heartbeat")  # readiness is this worker's, not of the one before
    stack.start("worker", "flask", "worker")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if requests.get(f"{stack.url}/readyz", timeout=10).status_code == 200:
            return
        time.sleep(0.1)
    raise RuntimeError("the worker does not come up")


def _wait(deps: Deps, job_id: int, rows: int, *, is_over: bool) -> Job:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        job = deps.transact(lambda s: longjobs.job_of(s, 1, job_id))
        assert job is not None
        if job.state is JobState.DONE or (job.done >= rows and not is_over):
            return job
        if not job.is_open:
            raise RuntimeError(f"the job ended as {job.state}: {job.error}")
        time.sleep(0.05)
    raise RuntimeError("the job does not end")


def _check(stack: Stack) -> None:
    found = stack.row(
        "SELECT count(*), count(DISTINCT wechat_sub_mchid), count(DISTINCT order_prefix)"
        " FROM merchant WHERE source = 'maidan'"
    )
    if found != (COUNT, COUNT, COUNT):
        raise RuntimeError(f"{COUNT} sub-merchants became {found}")


def _peak_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as lines:
        (peak,) = [one.split()[1] for one in lines if one.startswith("VmHWM")]
    return int(peak) / 1024


def _empty(stack: Stack) -> None:
    with psycopg.connect(stack.libpq(embedded.OWNER), autocommit=True) as conn:
        conn.execute(f"TRUNCATE {_EMPTIED} CASCADE".encode())
        conn.execute("DELETE FROM merchant WHERE source = 'maidan'")
        conn.execute("VACUUM ANALYZE merchant")


def _copy(stack: Stack) -> float:
    """Seconds for the merchants that are there now, as rows that are ready made."""
    with psycopg.connect(stack.libpq(embedded.OWNER), autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS sync_bound")
        conn.execute("CREATE TABLE sync_bound (LIKE merchant INCLUDING ALL)")
        with conn.cursor() as cursor:
            wanted = "COPY (SELECT * FROM merchant WHERE source = 'maidan') TO STDOUT"
            with cursor.copy(wanted) as out:
                rows = b"".join(bytes(piece) for piece in out)
            started = time.perf_counter()
            with cursor.copy("COPY sync_bound FROM STDIN") as into:
                into.write(rows)
            seconds = time.perf_counter() - started
        conn.execute("DROP TABLE sync_bound")
    return seconds


if __name__ == "__main__":
    show(figures())
