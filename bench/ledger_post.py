"""Postings per second to the ledger of cards: one hot merchant, and spread over a thousand.

A posting is the product's own: the card locked, a spend of it written by `ledger.post`, committed.
Several processes post, each time to another card. The bound, in turns with it on the same server:
as many bare transactions by psycopg of two rows inserted and one row updated, in tables of the same
columns with a primary key and nothing else. Prints one line each, with the milliseconds of one
posting and the CPU of all that took part.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import psycopg

from bench import cpu, filled
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, percentile, say, show
from bench.filled import MERCHANTS, Filled

NAME = "yima_ledger_post"
PROCESSES = 4
CARDS = 1000  # of the hot merchant, and of all the others together
POSTINGS = 40 if QUICK else 400  # of each process and run

_CARDS = (
    "INSERT INTO card_program (provider_id, id, merchant_id, status, reject_reason, title, notice,"
    " description, color, logo_url, background_url, service_phone, mode, has_online_recharge,"
    " version, created_at) SELECT 1, m, m, 'approved', '', 'c', '', '', '', '', '', '', 'any',"
    f" true, 0, now() FROM generate_series(1, {MERCHANTS}) m",
    "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
    f" SELECT 1, m, 1000000000000, 0, 0 FROM generate_series(1, {MERCHANTS}) m",
    "INSERT INTO member (provider_id, id, merchant_id, created_at)"
    f" SELECT 1, c, CASE WHEN c <= {CARDS} THEN 1 ELSE c - {CARDS} + 1 END, now()"
    f" FROM generate_series(1, {2 * CARDS}) c",
    "INSERT INTO member_card (provider_id, id, merchant_id, program_id, member_id, public_id,"
    " number, status, paid_fen, bonus_fen, held_fen, cap_fen, version, created_at, moved_at)"
    " SELECT 1, id, merchant_id, merchant_id, id, 'p' || id, 'n' || id, 'active', 0, 0, 0,"
    " 1000000000, 0, now(), now() FROM member",
    "WITH written AS (INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account,"
    " delta_fen, balance_after_fen, key, actor, reason, recorded_at, day_on)"
    " SELECT 1, merchant_id, c.id, 'recharge', l.account, l.fen, l.after, 'recharge:' || c.id,"
    " 'bench', '', now(), current_date FROM member_card c, (VALUES ('card_paid', 500000000,"
    " 500000000), ('funds', -500000000, NULL)) AS l(account, fen, after))"
    " UPDATE member_card SET paid_fen = 500000000",
    "UPDATE card_room r SET balance_fen = (SELECT sum(balance_fen) FROM member_card c"
    " WHERE c.merchant_id = r.merchant_id)",
    "CREATE SCHEMA bench",
    "CREATE TABLE bench.entry (LIKE ledger_entry INCLUDING IDENTITY)",
    "ALTER TABLE bench.entry ADD PRIMARY KEY (provider_id, id)",
    "CREATE TABLE bench.card (id bigint PRIMARY KEY, paid_fen bigint NOT NULL)",
    f"INSERT INTO bench.card SELECT c, 500000000 FROM generate_series(1, {2 * CARDS}) c",
)


def figures() -> list[dict[str, Any]]:
    with filled.database(NAME, fresh=True) as there:
        with there.connect() as conn:
            for statement in _CARDS:
                conn.execute(statement.encode())
            conn.execute("VACUUM ANALYZE")
        made = [_figure(there, "hot", 1), _figure(there, "spread", CARDS + 1)]
        _check(there)
        return made


def _figure(there: Filled, name: str, first: int) -> dict[str, Any]:
    runs: list[dict[str, float]] = []
    took: list[float] = []
    _race(there, "product", first), _race(there, "bare", first)  # warm
    for n in range(LEAST_RUNS):
        bare, _, bare_cpu = _race(there, "bare", first)
        rate, each, own_cpu = _race(there, "product", first)
        took += each
        runs.append({"rate": rate, "bare": bare, "cpu_ms": own_cpu, "bare_cpu_ms": bare_cpu})
        say(f"   {name} {n}: " + ", ".join(f"{k} {v:.2f}" for k, v in runs[-1].items()))
    middle = medians(runs)
    return line(
        f"ledger_post_{name}",
        "postings/s",
        [run["rate"] for run in runs],
        [run["bare"] for run in runs],
        p50_ms=round(median(took), 2),
        p99_ms=round(percentile(took, 0.99), 2),
        cpu_ms=middle["cpu_ms"],
        bare_cpu_ms=middle["bare_cpu_ms"],
        processes=PROCESSES,
    )


def _check(there: Filled) -> None:
    """Every posting is in the books, and they are whole; else there is no line."""
    from services.ledger_chain import seal
    from services.ledger_verify import verify

    with there.connect() as conn:  # what the fill wrote has no waiting row
        conn.execute(
            "INSERT INTO ledger_tail (provider_id, merchant_id, key)"
            " SELECT 1, merchant_id, key FROM ledger_entry WHERE kind = 'recharge'"
            " AND account = 'card_paid' ORDER BY id"
        )
    while seal(there.deps):
        pass
    report = verify(there.deps)
    if report.findings:
        raise RuntimeError(f"the ledger is not whole: {report.findings[:3]}")
    wanted = 2 * (2 * CARDS + 2 * (LEAST_RUNS + 1) * PROCESSES * POSTINGS)
    if (report.entries, report.unsealed) != (wanted, 0):
        raise RuntimeError(f"{report.entries} entries, {report.unsealed} unsealed, not {wanted}")


def _race(there: Filled, what: str, first: int) -> tuple[float, list[float], float]:
    """Postings per second of all processes, milliseconds of each, CPU milliseconds of one."""
    plan = {"what": what, "app": there.deps.db.url, "where": there.where, "first": first}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.ledger_post", json.dumps({**plan, "n": n})],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError("a posting process ended")
    server, began = cpu.seconds(there.server), time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    done = [json.loads(process.communicate()[0]) for process in started]
    lasted = max(one["ended"] for one in done) - began
    spent = cpu.seconds(there.server) - server + sum(one["cpu"] for one in done)
    count = PROCESSES * POSTINGS
    return count / lasted, [ms for one in done for ms in one["took"]], spent * 1000 / count


def _racer(plan: dict[str, Any]) -> None:
    post = _product(plan) if plan["what"] == "product" else _bare(plan)
    print("ready", flush=True)
    sys.stdin.readline()
    took, spent = [], time.process_time()
    for turn in range(POSTINGS):
        card = plan["first"] + (turn * 7919 + plan["n"] * CARDS // PROCESSES) % CARDS
        started = time.perf_counter()
        post(card, f"pay:{plan['n']}x{time.time_ns()}")
        took.append((time.perf_counter() - started) * 1000)
    spent = time.process_time() - spent
    print(json.dumps({"ended": time.perf_counter(), "cpu": spent, "took": took}))


def _product(plan: dict[str, Any]) -> Any:
    from datetime import UTC, datetime

    from sqlalchemy.orm import Session

    from models.db import Database
    from models.ledger import LedgerAccount, MovementKind
    from services import ledger

    database = Database(plan["app"], pool_size=1)

    def post(card_id: int, key: str) -> None:
        legs = ((LedgerAccount.CARD_PAID, -100), (LedgerAccount.SALES, 100))

        def unit(session: Session) -> bool:
            card = ledger.lock_card(session, 1, card_id)
            said = ledger.Movement(
                MovementKind.PAY, key, legs, datetime.now(UTC), "person:1", order_id=1
            )
            return ledger.post(session, card, said)

        if not database.transact(unit):
            raise RuntimeError("not posted")

    return post


_INSERT = b"""
INSERT INTO bench.entry (provider_id, merchant_id, card_id, kind, account, delta_fen,
    balance_after_fen, key, order_id, actor, reason, recorded_at, day_on)
VALUES (1, 1, %(c)s, 'pay', 'card_paid', -100, 1, %(k)s, 1, 'person:1', '', now(), current_date),
    (1, 1, %(c)s, 'pay', 'sales', 100, NULL, %(k)s, 1, 'person:1', '', now(), current_date)
"""
_UPDATE = b"UPDATE bench.card SET paid_fen = paid_fen - 100 WHERE id = %(c)s"


def _bare(plan: dict[str, Any]) -> Any:
    connection = psycopg.connect(plan["where"], prepare_threshold=1)

    def post(card_id: int, key: str) -> None:
        values = {"c": card_id, "k": key}
        connection.execute(_INSERT, values)
        connection.execute(_UPDATE, values)
        connection.commit()

    return post


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _racer(json.loads(sys.argv[1]))
    else:
        show(figures())
