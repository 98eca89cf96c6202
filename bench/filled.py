"""A database with many orders, for the benches that ask whether their number matters.

A year of orders over 1,001 merchants of one provider: the first has half of them, a thousand share
the rest, each with three stores and a code. 93 % are paid, 2 % refunded in part, some 0.005 % open.
The rows are written by SQL with the product's own columns; indexes are made after the rows, foreign
keys are not checked while loading. fsync stays on. The database is a server's of its own below
var/bench/filled; it is dropped in the end unless BENCH_KEEP_FILLED=1, so that two benches in a row
may share it.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.figures import say
from bench.stack import HOME
from cli.supervise import migrate
from config.settings import load_settings
from postgres import embedded
from postgres.addresses import Addresses
from services.deps import Deps, build_deps

NAME = "yima_filled"
MOST = 10_000_000
MERCHANTS, STORES = 1001, 3
TABLES = ("pay_order", "pay_attempt", "refund")
PLACES = ("merchant", "store", "pay_code")

# `g` is an order's number and id. `r` is a random-looking number below a million.
SHARED = f"CASE WHEN g % 2 = 0 THEN 1 ELSE 2 + r / 3 % {MERCHANTS - 1} END"  # whose order
YEAR = f"now() - interval '365 days' * (1 - g / {MOST}.0)"  # and when
_DRAWN = f"""
SELECT g, WHOSE AS m, r % {STORES} AS s,
    r / 7 % 100 < 93 AND g % 20000 <> 7 AS paid, g % 20000 = 7 AS open,
    r / 7 % 100 < 2 AND g % 20000 <> 7 AS refunded,
    CASE WHEN r % 5 < 3 THEN 'wechat' ELSE 'alipay' END AS channel,
    100 + r % 9900 AS fen, WHEN_MADE AS at
FROM (SELECT g, (g * 7919 + 104729) % 1000003 AS r
    FROM generate_series(FIRST, LAST) g) numbers
"""
_NUMBER = "'b' || lpad(m::text, 4, '0') || to_char(at, 'YYMMDDHH24MISS') || lpad(g::text, 9, '0')"
_WALLET_NUMBER = "'42000026' || lpad((g * 2654435761 % 100000000000000000)::text, 18, '0')"
_ORDERS = f"""
INSERT INTO pay_order (provider_id, id, out_trade_no, public_id, intent_key, merchant_id, store_id,
    pay_code_id, person_id, channel, status, close_reason, amount_fen, quantity, refunded_fen,
    remark, is_unknown, is_late, is_frozen, created_at, expires_at, paid_at, transaction_id,
    followed_up_at)
SELECT 1, g, {_NUMBER}, substr(md5(g::text), 1, 20), 'form:' || md5('i' || g), m,
    (m - 1) * {STORES} + s + 1, (m - 1) * {STORES} + s + 1, 1, channel,
    CASE WHEN paid THEN 'paid' WHEN open THEN 'paying' ELSE 'closed' END,
    CASE WHEN NOT paid AND NOT open THEN 'expired' END, fen, 1,
    CASE WHEN refunded THEN fen / 2 ELSE 0 END, '', false, false, false, at,
    at + interval '5 minutes', CASE WHEN paid THEN at + interval '20 seconds' END,
    CASE WHEN paid THEN {_WALLET_NUMBER} END, CASE WHEN paid THEN at + interval '21 seconds' END
FROM ({_DRAWN}) drawn
"""
_ATTEMPTS = f"""
INSERT INTO pay_attempt (provider_id, id, order_id, out_trade_no, channel, app, payee, person_id,
    amount_fen, status, is_unknown, request, prepay_id, transaction_id, raw_state, held_fen,
    refunded_fen, polls, due_at, created_at, expires_at, paid_at, closed_at)
SELECT 1, g, g, {_NUMBER}, channel, 'wx8888888888888888', '1900000109', 1, fen,
    CASE WHEN paid THEN 'paid' WHEN open THEN 'payable' ELSE 'closed' END, false,
    '{{"description": "bench", "notify_url": "https://pay.example.com/notify/wechat/bench"}}',
    'wx' || substr(md5('p' || g), 1, 28), CASE WHEN paid THEN {_WALLET_NUMBER} END, 'SUCCESS',
    CASE WHEN refunded THEN fen / 2 ELSE 0 END, CASE WHEN refunded THEN fen / 2 ELSE 0 END, 2,
    CASE WHEN open THEN now() + interval '30 days' END, at, at + interval '5 minutes',
    CASE WHEN paid THEN at + interval '20 seconds' END,
    CASE WHEN NOT paid AND NOT open THEN at + interval '6 minutes' END
FROM ({_DRAWN}) drawn
"""
_REFUNDS = f"""
INSERT INTO refund (provider_id, order_id, attempt_id, merchant_id, store_id, out_refund_no,
    amount_fen, status, reason, asked_by, allowed_by, refund_id, sends, polls, created_at,
    accepted_at, succeeded_at)
SELECT 1, g, g, m, (m - 1) * {STORES} + s + 1, {_NUMBER} || 'R1', fen / 2, 'success', '',
    'staff:1', 'staff:1', '50300' || g, 1, 1, at + interval '1 day', at + interval '1 day',
    at + interval '26 hours'
FROM ({_DRAWN}) drawn WHERE refunded
"""
_REACHED = "SELECT last_value FROM pay_order_id_seq WHERE is_called UNION ALL SELECT 0 LIMIT 1"
_PLACES = (
    "INSERT INTO provider (id, out_mch_id, name, is_active, oa_state, account_version, created_at)"
    " VALUES (1, 'bench', 'bench', true, 'authorized', 1, now())",
    "INSERT INTO merchant (provider_id, id, out_sub_mch_id, name, short_name, order_prefix,"
    " is_active, alipay_state, alipay_wap, unsigned_links, seal_key, authen_key_sealed, created_at)"
    " SELECT 1, m, 'm' || m, 'm' || m, 'm' || m, 'b' || lpad(m::text, 4, '0'), true, 'none', false,"
    f" false, '', '', now() FROM generate_series(1, {MERCHANTS}) m",
    "INSERT INTO store (provider_id, id, merchant_id, out_shop_id, name, branch_name, is_active,"
    " page_mode, created_at) SELECT 1, s, (s - 1) / 3 + 1, 's' || s, 's' || s, '', true,"
    f" 'default', now() FROM generate_series(1, {MERCHANTS * STORES}) s",
    "INSERT INTO pay_code (provider_id, id, code, kind, name, merchant_id, store_id, is_active,"
    " created_at) SELECT 1, s, 'c' || s, 'store', 'c', (s - 1) / 3 + 1, s, true, now()"
    f" FROM generate_series(1, {MERCHANTS * STORES}) s",
    "INSERT INTO person (provider_id, id, channel, app, subject_hash, created_at)"
    " VALUES (1, 1, 'wechat', 'wx8888888888888888', 'bench', now())",
)


@dataclass(frozen=True)
class Filled:
    """The database, as the product holds it and as its superuser does."""

    deps: Deps
    where: str  # libpq address, as superuser
    server: int  # process id of the postmaster
    whose: str = SHARED
    when_made: str = YEAR

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.where, autocommit=True)

    def one(self, sql: str) -> Any:
        with self.connect() as conn:
            row = conn.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]

    def fill_to(self, orders: int) -> None:
        """Add orders until the newest has this number; then tables are vacuumed and analysed."""
        have = int(self.one(_REACHED))
        if have >= orders:
            return
        started = time.monotonic()
        with self.connect() as conn:
            made = drop_indexes(conn) if orders > 50_000 else []
        self._load(have + 1, orders)
        self._in_turns(made)
        self._in_turns([f"VACUUM (ANALYZE) {table}" for table in (*TABLES, *PLACES)])
        self._count()
        say(f"   {orders:,} orders after {time.monotonic() - started:.0f} s")

    def _load(self, first: int, last: int) -> None:
        def write(sql: str, table: str, key: bool = True) -> None:
            sql = sql.replace("WHOSE", self.whose).replace("WHEN_MADE", self.when_made)
            with self.connect() as conn:
                conn.execute("SET session_replication_role = replica")
                conn.execute("SET synchronous_commit = off")
                for at in range(first, last + 1, 1_000_000):
                    upto = min(at + 999_999, last)
                    part = sql.replace("FIRST", f"{at}::bigint").replace("LAST", f"{upto}::bigint")
                    conn.execute(part.encode())
                if key:
                    conn.execute(f"SELECT setval('{table}_id_seq', {last})".encode())

        with ThreadPoolExecutor(2) as pool:
            orders = pool.submit(write, _ORDERS, "pay_order")
            pool.submit(write, _ATTEMPTS, "pay_attempt").result()
            orders.result()
        write(_REFUNDS, "refund", key=False)

    def _in_turns(self, statements: list[str]) -> None:
        """Two at a time: as many as the machine has cores."""

        def run(sql: str) -> None:
            with self.connect() as conn:
                conn.execute("SET maintenance_work_mem = '512MB'")
                conn.execute("SET max_parallel_maintenance_workers = 0")
                conn.execute(sql.encode())

        constraints = [sql for sql in statements if sql.startswith("ALTER")]
        with ThreadPoolExecutor(2) as pool:  # two constraints of one table would lock each other
            list(pool.map(run, [sql for sql in statements if sql not in constraints]))
        for sql in constraints:
            run(sql)

    def _count(self) -> None:
        migration = importlib.import_module("migrations.versions.0007_day_totals")
        by_hour = importlib.import_module("migrations.versions.0025_console_figures")
        with self.connect() as conn:
            conn.execute("SET session_replication_role = replica")  # no check of foreign keys
            conn.execute("TRUNCATE day_total, day_delta, provider_hour")
            conn.execute(migration.COUNT.encode())
            conn.execute(by_hour.COUNT_HOURS.encode())
            conn.execute("VACUUM (ANALYZE) day_total, provider_hour")


def drop_indexes(conn: psycopg.Connection[Any], tables: tuple[str, ...] = TABLES) -> list[str]:
    """Drop every index and unique constraint but the primary keys; what makes them again."""
    again: list[str] = []
    for table in tables:
        for name, words in conn.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'u' ORDER BY conname",
            [table],
        ).fetchall():
            again.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}")
            conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        for name, words in conn.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
            " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary ORDER BY 1",
            [table],
        ).fetchall():
            again.append(words)
            conn.execute(f"DROP INDEX {name}".encode())
    return again


@contextmanager
def database(name: str = NAME, *, fresh: bool = False) -> Iterator[Filled]:
    """Start the server, give its database (new, or kept by the bench before), and drop it."""
    HOME.mkdir(parents=True, exist_ok=True)
    lock = "lock" if name == NAME else f"lock.{name}"  # the first one keeps every bench out
    with (HOME / lock).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        settings = load_settings(data_dir=HOME / "filled", database_url="", db_pool_size=4)
        cluster = embedded.start(settings)
        admin = f"host={cluster.socket_dir} user={embedded.SUPERUSER} dbname="
        where = Addresses(cluster.url(embedded.APP, name), cluster.url(embedded.OWNER, name))
        is_new = _ready(admin, name, fresh)
        migrate(where)
        deps = build_deps(load_settings(data_dir=settings.data_dir, database_url=where.app))
        postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
        there = Filled(deps, admin + name, postmaster)
        if is_new:
            with there.connect() as conn:
                conn.execute("SET session_replication_role = replica")
                for statement in _PLACES:
                    conn.execute(statement.encode())
        try:
            yield there
        finally:
            deps.db.dispose()
            if os.environ.get("BENCH_KEEP_FILLED", "") != "1":
                with psycopg.connect(admin + "postgres", autocommit=True) as conn:
                    conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
                    conn.execute("ALTER SYSTEM RESET max_wal_size")
                    conn.execute("SELECT pg_reload_conf()")
                    conn.execute("CHECKPOINT")  # gives the log's gigabytes back


def _ready(admin: str, name: str, fresh: bool) -> bool:
    """Whether the database is a new one."""
    with psycopg.connect(admin + "postgres", autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        conn.execute("SELECT pg_reload_conf()")
        if fresh:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        conn.execute(f'CREATE DATABASE {name} OWNER "{embedded.OWNER}"'.encode())
        return True
