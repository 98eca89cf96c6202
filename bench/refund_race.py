"""Fifty refunds of 60 at once on an order of 100, round after round, from several processes.

Each round must give exactly one refund, or the bench raises. The bound, in turns with it: the same
fifty as one guarded UPDATE each by psycopg, on as many connections.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from bench import bound, stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, say, show
from bench.stack import HOME, Stack

PROCESSES, AT_ONCE = 4, 50
ROUNDS = 4 if QUICK else 200  # per run; five runs make a thousand
PAID, ASKED = 100, 60

GUARDED = b"""
UPDATE pay_attempt SET held_fen = held_fen + 60
WHERE provider_id = %s AND out_trade_no = %s AND held_fen + 60 <= amount_fen
"""


def figures() -> list[dict[str, Any]]:
    made: list[float] = []
    limits: list[float] = []
    with stack.running(worker=False) as running:
        running.empty()
        person = running.session("lin").person_id
        for n in range(LEAST_RUNS):
            running.empty()
            limits.append(_race(running, _paid(running, person, f"q{n}"), "guarded"))
            _check(running, "SELECT count(*) FROM pay_attempt WHERE held_fen = 60")
            running.empty()
            made.append(_race(running, _paid(running, person, f"p{n}"), "product"))
            _check(
                running,
                "SELECT count(*) FROM (SELECT order_id FROM refund GROUP BY order_id"
                " HAVING count(*) = 1) r JOIN pay_attempt a USING (order_id) WHERE held_fen = 60",
            )
            say(f"   run {n}: bound {limits[-1]:.1f}, product {made[-1]:.1f} rounds/s")
    return [
        line(
            "refund_race",
            "rounds/s",
            made,
            limits,
            refunds_at_once=AT_ONCE,
            processes=PROCESSES,
            rounds=ROUNDS * LEAST_RUNS,
            violations=0,  # a round with another outcome raises, and no line is printed
        )
    ]


def _paid(running: Stack, person_id: int, mark: str) -> list[str]:
    """Paid orders of 100 fen, written straight into the tables."""
    stamp, ids = time.time_ns() // 1000 % 10**9, running.ids()
    numbers = [f"{mark}x{stamp}n{n:06d}" for n in range(ROUNDS)]
    with psycopg.connect(running.libpq()) as conn, conn.cursor() as cursor:
        cursor.executemany(bound.INSERT, [bound.row(ids, person_id, one) for one in numbers])
        cursor.execute(
            "UPDATE pay_attempt SET status = 'paid', due_at = NULL, paid_at = now(),"
            " amount_fen = %s, transaction_id = '4200' || out_trade_no",
            [PAID],
        )
        cursor.execute(
            "UPDATE pay_order SET status = 'paid', paid_at = now(), amount_fen = %s,"
            " transaction_id = '4200' || out_trade_no WHERE status <> 'paid'",
            [PAID],
        )
    return numbers


def _check(running: Stack, count: str) -> None:
    (good,) = running.row(count)
    if good != ROUNDS:
        raise RuntimeError(f"{ROUNDS - good} of {ROUNDS} rounds went wrong")


def _race(running: Stack, numbers: list[str], what: str) -> float:
    """All processes go through the orders together, a round at a time; rounds per second."""
    plan = HOME / "race.json"
    plan.write_text(
        json.dumps(
            {
                "what": what,
                "where": running.libpq(),
                "provider_id": running.ids()["provider_id"],
                "numbers": numbers,
            }
        )
    )
    words = [sys.executable, "-m", "bench.refund_race", str(plan)]
    started = [
        subprocess.Popen(
            [*words, str(AT_ONCE // PROCESSES + (n < AT_ONCE % PROCESSES))],
            cwd=ROOT,
            env=running.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for n in range(PROCESSES)
    ]
    for process in started:
        _hear(process)  # ready
    began = time.perf_counter()
    for _ in numbers:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
        for process in started:
            _hear(process)
    took = time.perf_counter() - began
    for process in started:
        process.communicate()
    return len(numbers) / took


def _hear(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError("a racing process ended")


def _racer(plan: dict[str, Any], threads: int) -> None:
    """One line on stdin is one round: `threads` refunds of the next order at once."""
    ask = _product(plan) if plan["what"] == "product" else _guarded(plan, threads)
    with ThreadPoolExecutor(threads) as pool:
        print("ready", flush=True)
        for number in plan["numbers"]:
            sys.stdin.readline()
            list(pool.map(ask, [number] * threads))
            print("done", flush=True)


def _product(plan: dict[str, Any]) -> Any:
    from config.settings import load_settings
    from services.deps import build_deps
    from services.refunds.asking import Ask, ask_for
    from services.refunds.refusals import RefundAmount

    deps = build_deps(load_settings(), pool_size=16)

    def ask(number: str) -> None:
        with contextlib.suppress(RefundAmount):  # one of forty-nine
            ask_for(deps, Ask(plan["provider_id"], number, ASKED, "race", "bench", "bench"))

    return ask


def _guarded(plan: dict[str, Any], threads: int) -> Any:
    connections = [
        psycopg.connect(plan["where"], autocommit=True, prepare_threshold=1) for _ in range(threads)
    ]

    def ask(number: str) -> None:
        conn = connections.pop()
        conn.execute(GUARDED, [plan["provider_id"], number])
        connections.append(conn)

    return ask


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as handle:
            _racer(json.load(handle), int(sys.argv[2]))
    else:
        show(figures())
