"""The merchant's list, search and day totals with ten million orders in the database.

Each question is the product's own function in its own transaction, asked about other merchants,
pages and numbers every time. The bound, in turns with it: one row by its primary key, by psycopg.
Prints one line per question with the plan's nodes; the aim is 20 ms at the 99th percentile.

`python -m bench.order_lists 1000000` asks with fewer.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.orm import Session

from bench import filled
from bench.figures import LEAST_RUNS, QUICK, line, percentile, say, show
from bench.filled import MERCHANTS, STORES, Filled
from services import order_list, totals, totals_check
from services.order_list import Kind, Scope

ORDERS = int(sys.argv[1]) if sys.argv[1:] else 20_000 if QUICK else filled.MOST
ASKED = 10 if QUICK else 100  # per run
AIM_MS = 20

Ask = Callable[[Session], Any]


@dataclass(frozen=True)
class Draw:
    """Other merchants, pages and numbers at every call."""

    dice: random.Random
    rows: list[dict[str, Any]]  # paid orders from everywhere, with their numbers
    back: list[str]  # numbers of refunds

    def one(self) -> dict[str, Any]:
        return self.dice.choice(self.rows)

    def shared(self) -> Scope:
        return Scope(1, self.dice.randrange(2, MERCHANTS + 1))

    def store(self, merchant: int) -> Scope:
        return Scope(1, merchant, (merchant - 1) * STORES + 1 + self.dice.randrange(STORES))

    def below(self) -> int:
        return self.dice.randrange(1000, ORDERS)

    def days(self) -> list[date]:
        first = datetime.now(UTC).date() - timedelta(days=self.dice.randrange(1, 360))
        return [first, first - timedelta(days=1)]


BIG = Scope(1, 1)


def questions(draw: Draw) -> dict[str, Callable[[], Ask]]:
    """By name: something that draws a question and gives what asks it."""

    def page(scope: Callable[[], Scope], deep: bool = False, kind: Kind | None = None) -> Any:
        def drawn() -> Ask:
            where, before = scope(), draw.below() if deep else None
            return lambda s: order_list.list_orders(s, where, kind=kind, before=before)

        return drawn

    def search(number: Callable[[], str], scope: Callable[[], Scope] | None = None) -> Any:
        def drawn() -> Ask:
            typed, where = number(), scope() if scope else BIG
            return lambda s: order_list.find_by_number(s, where, typed)

        return drawn

    def takings(scope: Callable[[], Scope]) -> Any:
        def drawn() -> Ask:
            where, days = scope(), draw.days()
            return lambda s: totals.per_day(s, 1, where.merchant_id, where.store_id, days)

        return drawn

    def begin(scope: Callable[[], Scope]) -> Any:
        def drawn() -> Ask:
            where, day = scope(), draw.days()[0]
            return lambda s: totals.newest_order(s, 1, where.merchant_id, where.store_id, day)

        return drawn

    def big() -> Scope:
        return BIG

    def big_store() -> Scope:
        return draw.store(1)

    return {
        "first_page_large": page(big),
        "first_page_shared": page(draw.shared),
        "deep_page_large": page(big, deep=True),
        "deep_page_shared": page(draw.shared, deep=True),
        "deep_page_store": page(big_store, deep=True),
        "deep_page_refunded_large": page(big, True, Kind.REFUNDED),
        "deep_page_refunded_shared": page(draw.shared, True, Kind.REFUNDED),
        "open_large": page(big, kind=Kind.OPEN),
        "search_order_number": search(lambda: str(draw.one()["out_trade_no"])),
        "search_wallet_number": search(lambda: str(draw.one()["transaction_id"])),
        "search_refund_number": search(lambda: draw.dice.choice(draw.back)),
        "search_nothing": search(lambda: f"x{draw.dice.randrange(10**12)}"),
        "search_last_digits_large": search(lambda: f"{draw.dice.randrange(10**6):06d}"),
        "search_last_digits_shared": search(
            lambda: f"{draw.dice.randrange(10**4):04d}", draw.shared
        ),
        "day_totals_large": takings(big),
        "day_totals_shared": takings(draw.shared),
        "day_totals_store": takings(big_store),
        "begin_at_day": begin(big),
    }


def figures() -> list[dict[str, Any]]:
    with filled.database() as there:
        there.fill_to(ORDERS)
        dice = random.Random(7)
        draw = Draw(dice, _rows(there, dice), _refunds(there, dice))
        asked = questions(draw)
        values: dict[str, list[float]] = {name: [] for name in asked}
        every: dict[str, list[float]] = {name: [] for name in asked}
        limits: list[float] = []
        for n in range(LEAST_RUNS + 1):
            limit = _bound(there, dice)
            took = {name: _ask(there, drawn) for name, drawn in asked.items()}
            if n == 0:  # a round to warm up
                continue
            limits.append(limit)
            for name, one in took.items():
                values[name].append(median(one))
                every[name] += one
            say(f"   run {n}: one row {limit:.3f} ms")
        plans = {name: _plan(there, drawn()) for name, drawn in asked.items()}
        started = time.perf_counter()
        differing = len(totals_check.verify(there.deps))
        say(f"   verify: {time.perf_counter() - started:.1f} s, {differing} differ")
        say(f"   indexes: {_indexes(there)}")
    return [
        line(
            f"orders_{name}",
            "ms",
            values[name],
            limits,
            p99_ms=round(percentile(every[name], 0.99), 2),
            aim_p99_ms=AIM_MS,
            orders=ORDERS,
            plan=plans[name],
        )
        for name in asked
    ]


def _rows(there: Filled, dice: random.Random) -> list[dict[str, Any]]:
    """Paid orders of the large merchant, spread over the year."""
    ids = [dice.randrange(1, ORDERS // 2) * 2 for _ in range(2000)]
    with there.connect() as conn:
        found = conn.execute(
            "SELECT out_trade_no, transaction_id FROM pay_order WHERE provider_id = 1"
            " AND id = ANY(%s) AND status = 'paid'",
            [ids],
        ).fetchall()
    return [{"out_trade_no": row[0], "transaction_id": row[1]} for row in found]


def _refunds(there: Filled, dice: random.Random) -> list[str]:
    with there.connect() as conn:
        last = conn.execute("SELECT max(id) FROM refund").fetchone()
        assert last is not None
        ids = [dice.randrange(1, last[0] + 1) for _ in range(500)]
        return [
            row[0]
            for row in conn.execute(
                "SELECT out_refund_no FROM refund WHERE provider_id = 1 AND id = ANY(%s)", [ids]
            )
        ]


def _ask(there: Filled, drawn: Callable[[], Ask]) -> list[float]:
    """Milliseconds of each question, its transaction included."""
    took = []
    for _ in range(ASKED):
        ask = drawn()
        started = time.perf_counter()
        there.deps.transact(ask)
        took.append((time.perf_counter() - started) * 1000)
    return took


def _bound(there: Filled, dice: random.Random) -> float:
    """Milliseconds of one row by its key, prepared, median."""
    took = []
    with psycopg.connect(there.where, autocommit=True, prepare_threshold=1) as conn:
        for _ in range(ASKED * 4):
            key = [dice.randrange(1, ORDERS)]
            started = time.perf_counter()
            conn.execute("SELECT * FROM pay_order WHERE provider_id = 1 AND id = %s", key)
            took.append((time.perf_counter() - started) * 1000)
    return median(took)


def _plan(there: Filled, ask: Ask) -> list[str]:
    """Node names of the plan, with the index or table of each."""
    heard: list[tuple[str, Any]] = []

    def note(*words: Any) -> None:
        heard.append((words[2], words[3]))

    engine = there.deps.db.engine
    event.listen(engine, "before_cursor_execute", note)
    there.deps.transact(ask)
    event.remove(engine, "before_cursor_execute", note)
    statement, values = heard[-1]
    with there.connect() as conn:
        row = conn.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), values).fetchone()
    assert row is not None
    found: list[str] = []
    _nodes(
        row[0][0]["Plan"] if not isinstance(row[0], str) else json.loads(row[0])[0]["Plan"], found
    )
    return found


def _nodes(node: dict[str, Any], found: list[str]) -> None:
    where = node.get("Index Name") or node.get("Relation Name")
    found.append(node["Node Type"] + (f" {where}" if where else ""))
    for child in node.get("Plans", []):
        _nodes(child, found)


def _indexes(there: Filled) -> str:
    with there.connect() as conn:
        rows = conn.execute(
            "SELECT c.relname, pg_relation_size(c.oid) / 1048576 FROM pg_class c"
            " WHERE c.relname LIKE ANY(ARRAY['%pay_order%', '%pay_attempt%', '%refund%', '%day_%'])"
            " AND c.relkind IN ('r', 'i') ORDER BY 2 DESC LIMIT 30"
        ).fetchall()
    return ", ".join(f"{name} {size} MB" for name, size in rows)


if __name__ == "__main__":
    show(figures())
