"""Own overhead of one order: all its time, seen from outside, but the wait for the upstream.

One client, one order at a time. The promise is 8 ms at the median. What the same time is without
the product, two signatures and one durable commit, is taken in turns as `least_ms`.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench import bound, stack
from bench.figures import LEAST_RUNS, QUICK, line, percentile, say, show
from bench.stack import load

SECONDS = 0.6 if QUICK else 4.0
PROMISE_MS = 8.0


def figures() -> list[dict[str, Any]]:
    p50: list[float] = []
    p99: list[float] = []
    least: list[float] = []
    waits: list[float] = []
    cpu_ms: list[float] = []
    with stack.running(app="bench.timed_wsgi:app") as running:
        running.empty()
        sessions = [running.session(person) for person in stack.PEOPLE]
        for n in range(LEAST_RUNS + 1):
            running.empty()
            limit = bound.measure(running, sessions[0].person_id, clients=1, seconds=SECONDS)
            running.empty()
            presses = running.presses(sessions, int(400 * SECONDS) + 50, n * 10_000 + 1)
            run = load(running, presses, clients=1, seconds=SECONDS)
            own = [all_ - wait for all_, wait in zip(run.latencies_ms, run.extra, strict=True)]
            say(f"   round {n}: own p50 {median(own):.1f} ms, upstream {median(run.extra):.1f} ms")
            if n:
                p50.append(median(own))
                p99.append(percentile(own, 0.99))
                least.append(median(limit.latencies_ms))
                waits.append(median(run.extra))
                cpu_ms.append(run.cpu_ms("web", "database"))
    return [
        line(
            "overhead_of_one_order_p50",
            "ms",
            p50,
            PROMISE_MS,
            p99=round(median(p99), 1),
            least_ms=round(median(least), 2),
            upstream_wait_ms=round(median(waits), 2),
            own_cpu_ms=round(median(cpu_ms), 2),
        )
    ]


if __name__ == "__main__":
    show(figures())
