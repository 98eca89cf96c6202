"""The schedule on several nodes (failures 48): the first makes the job, one of them runs it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from procrastinate.periodic import PeriodicDeferrer

from tasks.jobs import QUEUES, build_job_app
from tests.harness.product import Product

NODES, SECONDS = 3, 120


def _node(product: Product, together: Barrier, until: float) -> set[tuple[str, int]]:
    """One worker: the schedule of two minutes, tick by tick, each hour's and night's last; run it.

    In step, as clocks are: of each task the queue remembers the newest tick alone. A node that
    is a whole tick late makes that job again, which is why every task may run twice.
    """

    async def work() -> set[tuple[str, int]]:
        app = build_job_app(product.deps)
        deferrer = PeriodicDeferrer(app.periodic_registry, max_delay=86_400)
        due = []
        for task in app.periodic_registry.periodic_tasks.values():
            last = list(deferrer.get_timestamps(task, None, until))
            recent = deferrer.get_timestamps(task, int(until) - SECONDS, until)
            due += [(task, at) for at in sorted({*last, *recent})]
        async with app.open_async():
            for tick in due:
                together.wait(20)
                await deferrer.defer_jobs([tick])
            together.wait(20)
            await app.run_worker_async(
                queues=[queue.name for queue in QUEUES],
                wait=False,
                listen_notify=False,
                install_signal_handlers=False,
            )
        return {(task.task.name, at) for task, at in due}

    return asyncio.run(work())


def test_three_schedulers_at_once_make_each_job_once(product: Product) -> None:
    together, until = Barrier(NODES), time.time()
    with ThreadPoolExecutor(NODES) as pool:
        runs = [pool.submit(_node, product, together, until) for _ in range(NODES)]
        wanted = [run.result(60) for run in runs]
    assert wanted[0] == wanted[1] == wanted[2]
    assert {name for name, _ in wanted[0]} == {
        "retry_stalled_jobs", "tidy", "want_bills",
        "verify_totals", "verify_ledger", "verify_audit", "lapse_bonus",
        "check_configuration",
    }  # fmt: skip
    assert len(wanted[0]) >= SECONDS // 10 + 3
    made = product.sql(
        "SELECT j.task_name, CAST(j.args ->> 'timestamp' AS int) AS at, j.status,"
        " (SELECT count(*) FROM procrastinate_events e WHERE e.job_id = j.id"
        " AND e.type = 'started') AS times FROM procrastinate_jobs j"
        " WHERE j.args ->> 'timestamp' IS NOT NULL"
    )
    ticks = [(job.task_name, job.at) for job in made]
    assert len(ticks) == len(set(ticks))
    assert set(ticks) >= wanted[0], "the workers may have met one tick more"
    done = [job for job in made if job.at <= until]
    assert {(job.status, job.times) for job in done} == {("succeeded", 1)}
