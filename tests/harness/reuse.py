"""One test's database made as it was, for the next: cheaper than a thousand files copied anew.

What was changed is what the server counted; only that is put back. A database whose structure was
changed, whose counts are not to be trusted, or which is worn, is dropped instead. It gets another
name each time, so that whatever a test left behind finds nothing, as if it had been dropped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.harness.database import Server

WORN = 20_000  # rows written in one database; dead ones slow it down
LEAVING_S = 10  # how long a connection may take to end

# A backend's counts are there for all once it has ended; reset with the database's own clock.
_COUNTED = """
SELECT c.oid::regclass::text, n.nspname = 'pg_catalog',
    pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
    + pg_stat_get_tuples_deleted(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relisshared
    AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data')
    AND pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
    + pg_stat_get_tuples_deleted(c.oid) > 0
ORDER BY c.oid
"""
_RESET_AT = "SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()"
_HAS_SETTINGS = """
SELECT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = current_database())
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = """
SELECT c.oid::regclass::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = ''
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
GROUP BY c.oid ORDER BY c.oid
"""
_SEQUENCES = """
SELECT oid::regclass::text, pg_sequence_last_value(oid) FROM pg_class WHERE relkind = 'S'
ORDER BY oid
"""


@dataclass(frozen=True)
class Contents:
    """The rows of each table that has some, in their order, and where each sequence stands."""

    rows: dict[str, tuple[str, bytes]]  # table: its columns, and what COPY wrote
    sequences: dict[str, int | None]  # None: not begun

    @classmethod
    def read(cls, conn: psycopg.Connection[Any]) -> Contents:
        rows = {}
        for table, columns in conn.execute(_TABLES).fetchall():
            with conn.cursor().copy(f"COPY {table} ({columns}) TO STDOUT".encode()) as copy:
                text = b"".join(bytes(part) for part in copy)
            if text:
                rows[table] = (columns, text)
        return cls(rows, _sequences(conn))


def _sequences(conn: psycopg.Connection[Any]) -> dict[str, int | None]:
    return dict(conn.execute(_SEQUENCES).fetchall())


@dataclass
class Lent:
    """A database in use, or one ready for it."""

    name: str
    reset_at: Any
    written: int = 0  # rows, in all its uses


@dataclass
class Databases:
    """Copies of one template, lent to one test after the other."""

    server: Server
    template: str
    _contents: Contents | None = None
    _ready: list[Lent] = field(default_factory=list)
    _lent: dict[str, Lent] = field(default_factory=dict)
    _elsewhere: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """The databases themselves go with the server's."""
        if self._elsewhere is not None:
            self._elsewhere.close()

    def lend(self) -> str:
        got = self._ready.pop() if self._ready else self._made()
        self._lent[got.name] = got
        return got.name

    def take_back(self, name: str) -> None:
        got = self._lent.pop(name)
        if self._renewed(got):
            self._ready.append(got)
        else:
            self.server.drop(got.name)

    def _made(self) -> Lent:
        if self._contents is None:
            with self._open(self.template) as conn:
                self._contents = Contents.read(conn)
        name = self.server.create(self.template)
        with self._open(name) as conn:
            return Lent(name, _forget_counts(conn))

    def _renewed(self, lent: Lent) -> bool:
        assert self._contents is not None
        try:
            connected = self._open(lent.name)
        except psycopg.OperationalError:  # the test has dropped it
            return False
        with connected as conn:
            if _one(conn, "SHOW is_superuser") != "on":
                return False
            _end_others(conn)
            counted = conn.execute(_COUNTED.encode()).fetchall()
            lent.written += sum(rows for _, _, rows in counted)
            if (
                any(in_catalogue for _, in_catalogue, _ in counted)
                or lent.written > WORN
                or _one(conn, _RESET_AT) != lent.reset_at
                or _one(conn, _HAS_SETTINGS)
            ):
                return False
            _put_back(conn, self._contents, [table for table, _, _ in counted])
            lent.reset_at = _forget_counts(conn)
        lent.name = self._renamed(lent.name)
        return True

    def _renamed(self, name: str) -> str:
        if self._elsewhere is None:
            self._elsewhere = self._open("postgres")
        fresh = self.server.fresh_name()
        self._elsewhere.execute(f'ALTER DATABASE "{name}" RENAME TO "{fresh}"'.encode())
        return fresh

    def _open(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.admin, dbname=name, autocommit=True)


def _put_back(conn: psycopg.Connection[Any], contents: Contents, tables: list[str]) -> None:
    """Without triggers and foreign keys: the whole is as consistent as what was copied."""
    moved = [
        sql.SQL("SELECT setval({}, {}, {})").format(name, last or 1, last is not None)
        for name, last in contents.sequences.items() - _sequences(conn).items()
    ]
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")
        emptied = [sql.SQL("DELETE FROM ONLY " + table) for table in tables]
        if emptied or moved:
            conn.execute(sql.SQL("; ").join([*emptied, *moved]))
        for table in tables:
            if table in contents.rows:
                columns, text = contents.rows[table]
                with conn.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                    copy.write(text)


def _end_others(conn: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + LEAVING_S
    while conn.execute(_END_OTHERS).fetchone():
        assert time.monotonic() < deadline, "a connection does not end"
        time.sleep(0.002)


def _forget_counts(conn: psycopg.Connection[Any]) -> Any:
    """From here on only others' changes are counted; the answer tells this reset from any other."""
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.execute("SELECT pg_stat_reset()")
    return _one(conn, _RESET_AT)


def _one(conn: psycopg.Connection[Any], query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
