"""A test's database is as the template is, whatever the test before did to another use of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.harness.database import Server
from tests.harness.reuse import Contents, Databases


@pytest.fixture
def lent(server: Server, template: str) -> Iterator[Databases]:
    made = Databases(server, template)
    yield made
    made.close()


def opened(server: Server, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server.admin, dbname=name, autocommit=True)


def oid(server: Server, name: str) -> int:
    with opened(server, name) as conn:
        row = conn.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        return int(row.fetchone()[0])  # type: ignore[index]


def contents(server: Server, name: str) -> Contents:
    with opened(server, name) as conn:
        return Contents.read(conn)


def used(server: Server, lent: Databases, *statements: str) -> tuple[bool, str]:
    """Whether the next test gets the same database after these, and its name then."""
    name = lent.lend()
    was = oid(server, name)
    with opened(server, name) as conn:
        for statement in statements:
            conn.execute(statement.encode())
    lent.take_back(name)
    again = lent.lend()
    assert again != name, "what a test left behind would find it"
    return oid(server, again) == was, again


def test_rows_and_numbers_are_put_back(server: Server, lent: Databases, template: str) -> None:
    is_same, name = used(
        server, lent,
        "UPDATE pay_order SET remark = remark || 'x'",
        "DELETE FROM pay_attempt",
        "SELECT nextval(pg_get_serial_sequence('pay_order', 'id'))",
        "UPDATE provider SET name = 'x'",
    )  # fmt: skip
    assert is_same
    assert contents(server, name) == contents(server, template)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE pay_order ADD COLUMN x int",
        "CREATE TABLE x (n int)",
        "TRUNCATE procrastinate_events",
        "DROP TRIGGER IF EXISTS x ON pay_order; CREATE INDEX x ON pay_order (remark)",
        "SELECT pg_stat_reset()",
    ],
)
def test_another_structure_or_counts_that_say_nothing_make_a_new_one(
    server: Server, lent: Databases, template: str, change: str
) -> None:
    is_same, name = used(server, lent, "UPDATE provider SET name = 'x'", change)
    assert not is_same
    assert contents(server, name) == contents(server, template)


def test_so_does_a_setting_of_the_database(server: Server, lent: Databases) -> None:
    name = lent.lend()
    was = oid(server, name)
    with opened(server, name) as conn:
        conn.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
    lent.take_back(name)
    assert oid(server, lent.lend()) != was
