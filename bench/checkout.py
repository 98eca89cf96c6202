"""Orders per second through the real stack, beside the bound and bare Flask, in turns.

Every order is the press of a WeChat pay form's key: gunicorn, PostgreSQL with fsync on, the
simulator as upstream, both RSA signatures. Five rounds of: bound, product, bare Flask, with 1 and
with 32 clients. Each product run begins with empty tables; its orders stay unpaid, so the worker
asks about them as it would: that is part of what an order costs.
"""

from __future__ import annotations

import json
import sys
from statistics import median
from typing import Any

from bench import bound, stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, percentile, say, show
from bench.stack import Loaded, Stack, load
from tests.harness.ports import free_port, wait_for

SECONDS = 0.5 if QUICK else 4.0
CLIENTS = (1, 32)
MOST_PER_S = 700  # presses prepared per second of a run
OWN = ("web", "database", "worker")


def figures() -> list[dict[str, Any]]:
    with stack.running() as running:
        return [made for clients in CLIENTS for made in _lines(clients, _rounds(running)[clients])]


_Rows = dict[str, list[Loaded]]
_kept: dict[int, _Rows] = {}


def _rounds(running: Stack) -> dict[int, _Rows]:
    """All rounds, once: both numbers of clients are taken in the same rounds."""
    if _kept:
        return _kept
    running.empty()
    sessions = [running.session(person) for person in stack.PEOPLE]
    person_id = sessions[0].person_id
    port = free_port()
    plan = json.dumps({"ids": running.ids(), "person": person_id})
    running.start(
        "bare",
        *("gunicorn", "--config", str(ROOT / "config" / "gunicorn.py")),
        *("--bind", f"127.0.0.1:{port}", "bench.bare_flask:app"),
        BENCH_LIBPQ=running.libpq(),
        BENCH_BARE=plan,
    )
    wait_for(f"http://127.0.0.1:{port}/healthz")
    bare = [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"] * int(2500 * SECONDS + 99)
    count, first = int(MOST_PER_S * SECONDS) + 64, 1
    for clients in CLIENTS:
        _kept[clients] = {"bound": [], "product": [], "bare": []}
    for n in range(LEAST_RUNS + 1):  # the first round warms up
        for clients in CLIENTS:
            seconds = SECONDS if n else min(1.0, SECONDS)
            running.empty()
            limit = bound.measure(running, person_id, clients=clients, seconds=seconds)
            running.empty()
            presses = running.presses(sessions, count, first)
            first += count
            made = load(running, presses, clients=clients, seconds=seconds)
            running.empty()
            flask = load(running, bare, clients=clients, seconds=seconds, port=port)
            say(
                f"   round {n}, {clients} clients: bound {limit.rate:.0f}, product {made.rate:.0f},"
                f" bare Flask {flask.rate:.0f} orders/s"
            )
            if n:
                for name, one in (("bound", limit), ("product", made), ("bare", flask)):
                    _kept[clients][name].append(one)
    return _kept


def _lines(clients: int, rows: _Rows) -> list[dict[str, Any]]:
    limits, made, bare = rows["bound"], rows["product"], rows["bare"]
    name = f"checkout_{clients}_clients"
    parts = ("web", "database", "worker", "simulator", "load")
    latency = [
        {
            "p50": percentile(run.latencies_ms, 0.5),
            "p99": percentile(run.latencies_ms, 0.99),
        }
        for run in made
    ]
    own = [run.cpu_ms(*OWN) for run in made]
    least = [run.cpu_ms("client", "database") for run in limits]
    return [
        line(
            name,
            "orders/s",
            [run.rate for run in made],
            [run.rate for run in limits],
            latency_ms=medians(latency, 1),
            cpu_ms_per_order=medians([{p: run.cpu_ms(p) for p in parts} for run in made]),
            bound_cpu_ms_per_order=medians(
                [{p: run.cpu_ms(p) for p in ("client", "database")} for run in limits]
            ),
            bound_latency_ms=round(median(median(run.latencies_ms) for run in limits), 2),
            bare_flask=round(median(run.rate for run in bare), 1),
            bare_flask_cpu_ms=medians(
                [{"web": run.cpu_ms("bare"), "database": run.cpu_ms("database")} for run in bare]
            ),
            of_bare_flask=round(
                median(a.rate / b.rate for a, b in zip(made, bare, strict=True)), 3
            ),
        ),
        line(
            f"{name}_own_cpu",
            "ms/order",
            own,
            least,
            says="CPU of web, database and worker per order, over that of the bound's client and"
            " database: unlike orders/s, the simulator and other programs do not count",
            share_of_bound=round(median(b / v for v, b in zip(own, least, strict=True)), 3),
        ),
    ]


if __name__ == "__main__":
    show(figures())
    sys.exit(0)
