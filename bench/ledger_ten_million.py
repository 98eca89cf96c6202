"""Ten million entries of cards: what reading costs, and how long it takes to verify them all.

Five million movements of a year over 1,001 merchants and 100,000 cards; the first merchant has
half of them. They are written by SQL with the product's own columns and sealed by the product.
Then, in turns with one row by its primary key: a card's balance, a page of its history, and what
one merchant owed to its members at the end of a past day, as a sum and per member. Last,
`flask ledger verify` in a process of its own, whose peak memory is measured; the bound is the same
entries and seals read in the same order by psycopg and thrown away. A ledger that is not whole
raises.

`python -m bench.ledger_ten_million 1000000` takes fewer.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from statistics import median
from typing import Any

import psycopg

from bench import filled
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, percentile, say, show
from bench.filled import MERCHANTS, Filled

NAME = "yima_ledger_filled"
MOST = 20_000 if QUICK else 10_000_000
CARDS = 1_000 if QUICK else 100_000  # of the first merchant and of the others, half each
ASKED = 20 if QUICK else 200
SECONDS = 60.0  # aim of the verifier
TABLES = ("ledger_entry", "ledger_seal", "ledger_tail", "member", "member_card")

# Movement `g` of card `c`: the first of a card is a recharge, all others are spends of one fen.
_PEOPLE = (
    "INSERT INTO card_program (provider_id, id, merchant_id, status, reject_reason, title, notice,"
    " description, color, logo_url, background_url, service_phone, mode, has_online_recharge,"
    " version, created_at) SELECT 1, m, m, 'approved', '', 'c', '', '', '', '', '', '', 'any',"
    f" true, 0, now() FROM generate_series(1, {MERCHANTS}) m",
    "INSERT INTO member (provider_id, id, merchant_id, created_at) SELECT 1, c,"
    f" CASE WHEN c % 2 = 0 THEN 1 ELSE 2 + c / 2 % {MERCHANTS - 1} END, now()"
    f" FROM generate_series(1, {CARDS}) c",
    "INSERT INTO member_card (provider_id, id, merchant_id, program_id, member_id, public_id,"
    " number, status, paid_fen, bonus_fen, held_fen, cap_fen, version, created_at, moved_at)"
    " SELECT 1, id, merchant_id, merchant_id, id, 'p' || id, 'n' || id, 'active',"
    " 100000 - (MOVES / CARDS - 1), 0, 0, 1000000000, 0, now(), now() FROM member",
    "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
    " SELECT 1, merchant_id, 1000000000000, sum(paid_fen), 0 FROM member_card GROUP BY merchant_id",
)
_ENTRIES = """
INSERT INTO ledger_entry (provider_id, id, merchant_id, card_id, kind, account, delta_fen,
    balance_after_fen, key, order_id, actor, reason, recorded_at, day_on)
SELECT 1, 2 * g + l.n, CASE WHEN c % 2 = 0 THEN 1 ELSE 2 + c / 2 % OTHERS END, c,
    CASE WHEN turn = 0 THEN 'recharge' ELSE 'pay' END,
    CASE WHEN l.n = 0 THEN 'card_paid' WHEN turn = 0 THEN 'funds' ELSE 'sales' END,
    CASE WHEN turn = 0 THEN 100000 ELSE -1 END * CASE l.n WHEN 0 THEN 1 ELSE -1 END,
    CASE WHEN l.n = 0 THEN 100000 - turn END,
    CASE WHEN turn = 0 THEN 'recharge:' ELSE 'pay:' END || g, g, 'person:' || c, '', at,
    CAST(at AT TIME ZONE 'Asia/Shanghai' AS date)
FROM (SELECT g, g % CARDS + 1 AS c, g / CARDS AS turn,
        now() - interval '365 days' * (1 - g / MOVES.0) AS at
    FROM generate_series(FIRST::bigint, LAST::bigint) g) drawn, (VALUES (0), (1)) AS l(n)
"""
_TAILS = """
INSERT INTO ledger_tail (provider_id, merchant_id, key)
SELECT 1, merchant_id, key FROM ledger_entry WHERE account = 'card_paid' ORDER BY id
"""
KEY = b"SELECT kind FROM ledger_entry WHERE provider_id = 1 AND id = %s"
BALANCE = "SELECT paid_fen, bonus_fen, held_fen FROM member_card WHERE provider_id = 1 AND id = %s"
HISTORY = """
SELECT id, kind, account, delta_fen, balance_after_fen, recorded_at FROM ledger_entry
WHERE provider_id = 1 AND card_id = %s AND account IN ('card_paid', 'card_bonus') AND id < %s
ORDER BY id DESC LIMIT 20
"""


def figures(most: int = MOST) -> list[dict[str, Any]]:
    with filled.database(NAME, fresh=True) as there:
        _fill(there, most)
        made = _reads(there, most)
        made.append(_verified(there, most))
        return made


def _fill(there: Filled, most: int) -> None:
    started, moves = time.monotonic(), most // 2

    def told(sql: str, **more: int) -> bytes:
        for name, value in (("MOVES", moves), ("CARDS", CARDS), ("OTHERS", MERCHANTS - 1)):
            sql = sql.replace(name, str(value))
        for name, value in more.items():
            sql = sql.replace(name, str(value))
        return sql.encode()

    with there.connect() as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("SET synchronous_commit = off")
        for statement in _PEOPLE:
            conn.execute(told(statement))
        again = filled.drop_indexes(conn, ("ledger_entry",))
        for at in range(0, moves, 500_000):
            conn.execute(told(_ENTRIES, FIRST=at, LAST=min(at + 499_999, moves - 1)))
        conn.execute("SET maintenance_work_mem = '512MB'")
        for statement in again:
            conn.execute(statement.encode())
        conn.execute(_TAILS.encode())
        conn.execute(b"VACUUM (ANALYZE) ledger_entry, ledger_tail, member_card")
    say(f"   {most:,} entries after {time.monotonic() - started:.0f} s")
    _seal(there, most)


def _seal(there: Filled, most: int) -> None:
    from services import ledger_chain

    started, sealed = time.monotonic(), 0
    ledger_chain.MERCHANTS, ledger_chain.MOVEMENTS = 2000, 5000
    while made := ledger_chain.seal(there.deps):
        sealed += made
    took = time.monotonic() - started
    say(f"   {sealed:,} sealed in {took:.0f} s, {sealed / took:,.0f} a second")
    if sealed != most:
        raise RuntimeError(f"{sealed} of {most} sealed")
    with there.connect() as conn:
        for table in TABLES:
            conn.execute(f"VACUUM (ANALYZE) {table}".encode())


def _reads(there: Filled, most: int) -> list[dict[str, Any]]:
    from services.cards import liability

    on = date.today() - timedelta(days=100)
    with there.connect() as conn:
        conn.prepare_threshold = 1

        def cards(n: int) -> int:
            return 1 + n * 7919 % CARDS

        def members(merchant: int) -> Callable[[int], object]:
            return lambda _: list(liability.members(there.deps, 1, merchant, on))

        def owed(merchant: int) -> Callable[[int], object]:
            return lambda _: liability.report(there.deps, 1, merchant, on)

        def balance(n: int) -> object:
            return conn.execute(BALANCE.encode(), [cards(n)]).fetchone()

        def history(n: int) -> object:
            return conn.execute(HISTORY.encode(), [cards(n), most * 2 // (1 + n % 3)]).fetchall()

        return [
            _read("balance", balance, ASKED, conn, most, 20.0),
            _read("history", history, ASKED, conn, most, 20.0),
            _read("liability_large", owed(1), 1, conn, most, 2000.0),
            _read("liability_members_large", members(1), 1, conn, most, 2000.0),
            _read("liability_small", owed(7), ASKED // 10, conn, most, 2000.0),
        ]


def _read(
    name: str,
    ask: Callable[[int], object],
    count: int,
    conn: psycopg.Connection[Any],
    most: int,
    aim_ms: float,
) -> dict[str, Any]:
    made, limits, took = [], [], []
    ask(0)
    for _ in range(LEAST_RUNS):
        bare = [_ms(lambda n: conn.execute(KEY, [2 + n * 7919 % most]).fetchone(), n)
                for n in range(ASKED)]  # fmt: skip
        run = [_ms(ask, n) for n in range(count)]
        made.append(median(run))
        limits.append(median(bare))
        took += run
    say(f"   {name}: {median(made):.2f} ms, p99 {percentile(took, 0.99):.2f}")
    return line(
        f"ledger_{name}_at_{most}",
        "ms",
        made,
        limits,
        p99_ms=round(percentile(took, 0.99), 2),
        aim_ms=aim_ms,
    )


def _ms(ask: Callable[[int], object], n: int) -> float:
    started = time.perf_counter()
    ask(n)
    return (time.perf_counter() - started) * 1000


def _verified(there: Filled, most: int) -> dict[str, Any]:
    runs, limits, memory, cpu = [], [], [], []
    for n in range(LEAST_RUNS):
        limits.append(_run(there, "read")["seconds"])
        done = _run(there, "verify")
        if done["findings"] or done["entries"] != most:
            raise RuntimeError(f"the ledger is not whole: {done}")
        runs.append(done["seconds"])
        memory.append(done["memory_mb"])
        cpu.append(done["cpu"])
        say(f"   verify {n}: {runs[-1]:.1f} s (reading {limits[-1]:.1f}), {memory[-1]:.0f} MB")
    return line(
        f"ledger_verify_{most}",
        "s",
        runs,
        limits,
        aim_s=SECONDS,
        entries_per_s=round(most / median(runs)),
        own_cpu_s=round(median(cpu), 1),
        memory_mb=round(median(memory), 1),
        cards=CARDS,
    )


def _run(there: Filled, what: str) -> dict[str, Any]:
    words = json.dumps({"what": what, "url": there.deps.db.url, "where": there.where})
    done = subprocess.run(
        [sys.executable, "-m", "bench.ledger_ten_million", words],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(there.deps.settings.data_dir)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _alone(plan: dict[str, Any]) -> dict[str, Any]:
    from config.settings import load_settings
    from services.deps import build_deps
    from services.ledger_verify import asked, verify

    deps = build_deps(load_settings(database_url=plan["url"]), pool_size=1)
    started, said = time.perf_counter(), {}
    if plan["what"] == "read":
        with psycopg.connect(plan["where"]) as conn:
            conn.execute("SET enable_hashjoin = off")
            with conn.cursor() as cursor, cursor.copy(asked(cursor, None)) as rows:
                for _ in rows:
                    pass
    else:
        report = verify(deps)
        said = {"entries": report.entries, "findings": [str(one) for one in report.findings[:3]]}
    return {
        **said,
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time(),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("{"):
        print(json.dumps(_alone(json.loads(sys.argv[1]))))
    else:
        show(figures(int(sys.argv[1])) if len(sys.argv) > 1 else figures())
