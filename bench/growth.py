"""What one order costs as the table grows: from ten thousand orders to ten million.

The road is the product's own statements over real tables: insert order and attempt, payable, the
wallet's success applied, the job's follow-up; without HTTP, signatures and the wallet, which do not
know how many orders there are. One at a time, so that the milliseconds are those of one order.
Every run is taken in turns with the smallest size, in a database of its own: `to_smallest` and
`cpu_to_smallest` compare the same minutes. The bound is independent of growth: as many bare durable
commits of one row in an empty table. Audit entries and notifications are not filled. Prints one
line per size.

`python -m bench.growth 10000000` takes one size, from a database that BENCH_KEEP_FILLED=1 has kept.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import psycopg

from bench import cpu, filled
from bench.figures import LEAST_RUNS, QUICK, line, medians, percentile, say, show, spread
from bench.filled import MERCHANTS, STORES, Filled
from gateways.base import Trade, TradeState
from services import attempts, followup, settle, totals

SIZES = (10_000, 20_000) if QUICK else (10_000, 100_000, 1_000_000, filled.MOST)
ORDERS = 20 if QUICK else 400  # per run
COMMITS = 4  # of one order's road
_NUMBERS = itertools.count(1)


def figures(sizes: Sequence[int] = SIZES, *, fresh: bool = True) -> list[dict[str, Any]]:
    with (
        filled.database(fresh=fresh) as there,
        filled.database(f"{filled.NAME}_small", fresh=True) as small,
    ):
        small.fill_to(SIZES[0])
        return [_size(there, small, size) for size in sizes]


def _size(there: Filled, small: Filled, size: int) -> dict[str, Any]:
    there.fill_to(size)
    for one in (small, there):
        _road(one, ORDERS // 4)
    runs: list[dict[str, float]] = []
    orders: list[float] = []
    for n in range(LEAST_RUNS):
        limit, (least, least_cpu), (took, cpu_s) = _bound(there), _timed(small), _timed(there)
        orders += took
        runs.append(
            {
                "ms": median(took),
                "bound": limit,
                "cpu": cpu_s,
                "to_smallest": median(took) / median(least),
                "cpu_to_smallest": cpu_s / least_cpu,
                "fold": _fold(there),
            }
        )
        say(f"   {size:,}: run {n}: " + ", ".join(f"{k} {v:.2f}" for k, v in runs[-1].items()))
    middle = medians(runs, 4)
    return line(
        f"order_cost_at_{size}",
        "ms",
        [run["ms"] for run in runs],
        [run["bound"] for run in runs],
        p99_ms=round(percentile(orders, 0.99), 2),
        cpu_ms=round(middle["cpu"], 2),
        to_smallest=round(middle["to_smallest"], 3),
        cpu_to_smallest=round(middle["cpu_to_smallest"], 3),
        cpu_to_smallest_spread=spread([run["cpu_to_smallest"] for run in runs]),
        fold_ms_per_order=middle["fold"],
        **_sizes(there),
    )


def _timed(there: Filled) -> tuple[list[float], float]:
    """Milliseconds of each order of a run, and the milliseconds of CPU of one."""
    before = _cpu_s(there)
    took = _road(there, ORDERS)
    return took, (_cpu_s(there) - before) * 1000 / ORDERS


def _road(there: Filled, count: int) -> list[float]:
    """Milliseconds of each order."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        _one(there, next(_NUMBERS))
        took.append((time.perf_counter() - started) * 1000)
    return took


def _one(there: Filled, n: int) -> None:
    deps, now = there.deps, datetime.now(UTC)
    merchant = 1 if n % 2 else 2 + n * 7919 % (MERCHANTS - 1)
    store = (merchant - 1) * STORES + 1 + n % STORES
    number = f"g{time.time_ns()}n{n % 10**6:06d}"
    scattered = hashlib.md5(number.encode()).hexdigest()  # as random ids are
    made = attempts.insert_order(
        deps,
        attempts.NewOrder(
            provider_id=1,
            out_trade_no=number,
            public_id=scattered[:20],
            intent_key=f"form:{scattered}",
            merchant_id=merchant,
            store_id=store,
            pay_code_id=store,
            person_id=1,
            channel="wechat",
            amount_fen=1234,
            undiscountable_fen=None,
            deposit_fen=None,
            quantity=1,
            remark="",
            app="wx8888888888888888",
            payee="1900000109",
            request={"description": "bench", "notify_url": "x" * 70},
            created_at=now,
            expires_at=now + timedelta(minutes=5),
            first_question_s=3600,
        ),
    )
    assert made is not None
    attempts.mark_payable(deps, 1, made.attempt_id, "wx" + "x" * 28)
    trade = Trade(
        channel="wechat",
        out_trade_no=number,
        state=TradeState.SUCCESS,
        raw_state="SUCCESS",
        payee="1900000109",
        amount_fen=1234,
        transaction_id=f"42{int(scattered[:20], 16)}",
        paid_at=now,
    )
    if not deps.transact(lambda s: settle.apply_trade(s, 1, trade, now)):
        raise RuntimeError(f"{number} was not paid")
    if not followup.after_payment(deps, 1, made.order_id):
        raise RuntimeError(f"{number} was not followed up")


def _cpu_s(there: Filled) -> float:
    """Seconds of CPU so far: our own and the database server's, its background writers included."""
    return time.process_time() + cpu.seconds(there.server)


def _fold(there: Filled) -> float:
    """Milliseconds per order of adding up what the run has left."""
    started, rows = time.perf_counter(), 0
    while moved := totals.fold(there.deps):
        rows += moved
    return (time.perf_counter() - started) * 1000 / max(1, rows)


def _bound(there: Filled) -> float:
    """Milliseconds of as many durable commits of one row by psycopg, median."""
    took = []
    with psycopg.connect(there.where, autocommit=True, prepare_threshold=1) as conn:
        conn.execute("DROP TABLE IF EXISTS bench_commit")
        conn.execute("CREATE TABLE bench_commit (id bigint PRIMARY KEY, words text)")
        for n in range(ORDERS):
            started = time.perf_counter()
            for commit in range(COMMITS):
                key = n * COMMITS + commit
                conn.execute("INSERT INTO bench_commit VALUES (%s, %s)", [key, "x" * 200])
            took.append((time.perf_counter() - started) * 1000)
        conn.execute("DROP TABLE bench_commit")
    return median(took)


def _sizes(there: Filled) -> dict[str, float]:
    """GB of the two tables and of their indexes."""
    sizes = {}
    for what in ("table", "indexes"):
        total = "+".join(f"pg_{what}_size('{name}')" for name in ("pay_order", "pay_attempt"))
        sizes[f"{what}_gb"] = round(int(there.one(f"SELECT {total}")) / 2**30, 3)
    return sizes


if __name__ == "__main__":
    by_hand = [int(word) for word in sys.argv[1:]]
    show(figures(by_hand, fresh=False) if by_hand else figures())
