"""Rows, sums of money and keys of sealed values, as one snapshot of the database has them."""

from __future__ import annotations

import psycopg
from psycopg import sql

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND {which} ORDER BY table_name, column_name
"""
_FEN = r"column_name LIKE '%\_fen' AND data_type IN ('bigint', 'integer', 'numeric')"
_SEALED = r"(column_name = 'sealed' OR column_name LIKE '%\_sealed')"


def rows(connection: psycopg.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = [row[0] for row in connection.execute(_TABLES)]
    count = sql.SQL("SELECT count(*) FROM {}")
    return {name: _number(connection, count.format(sql.Identifier(name))) for name in names}


def sums(connection: psycopg.Connection) -> dict[str, int]:
    """Every column of fen, added up: `pay_order.amount_fen` and so on."""
    add = sql.SQL("SELECT COALESCE(sum({}), 0) FROM {}")
    return {
        f"{table}.{column}": _number(
            connection, add.format(sql.Identifier(column), sql.Identifier(table))
        )
        for table, column in _columns(connection, _FEN)
    }


def kids(connection: psycopg.Connection) -> list[str]:
    """The keys that sealed values name."""
    found: set[str] = set()
    which = sql.SQL("SELECT DISTINCT split_part({0}, '.', 1) FROM {1} WHERE {0} IS NOT NULL")
    for table, column in _columns(connection, _SEALED):
        asked = which.format(sql.Identifier(column), sql.Identifier(table))
        found |= {row[0] for row in connection.execute(asked)}
    return sorted(found)


def _columns(connection: psycopg.Connection, which: str) -> list[tuple[str, str]]:
    asked = _COLUMNS.format(which=which)
    return [(row[0], row[1]) for row in connection.execute(asked.encode())]


def _number(connection: psycopg.Connection, asked: sql.Composed) -> int:
    row = connection.execute(asked).fetchone()
    assert row is not None
    return int(row[0])
