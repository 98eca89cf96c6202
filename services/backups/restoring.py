"""Putting a backup into an empty database: checked first, all or nothing, compared at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from postgres import dumping
from services import restored
from services.backups import counting, manifest
from services.backups.manifest import DUMP, BackupBroken, Manifest
from services.deps import Deps

JUMP = 1_000_000  # ids given after the backup are not given again: others may remember them


def restore(
    deps: Deps, owner_url: str, folder: Path, *, migrate: Callable[[], None], newest: str
) -> Manifest:
    """Put the backup back. `migrate` brings the schema to `newest` and sets rights.

    Raises BackupBroken, with nothing changed, for a backup or ring that does not fit, a database
    that holds something or that somebody uses, and a backup of a newer version.
    """
    found = manifest.verify(folder, deps.ring)
    if found.revision > newest:
        raise BackupBroken(
            f"the backup has schema {found.revision}, this version knows {newest}: install the"
            f" version that made it ({found.product}) or a newer one"
        )
    deps.db.dispose()  # our own connections are no other process
    with psycopg.connect(dumping.libpq(owner_url), autocommit=True) as connection:
        _refuse_company(connection)
        _refuse_full(connection)
        programs = dumping.programs_for(
            connection.info.server_version // 10_000, deps.settings.pg_bin
        )
        _clear(connection)
        try:
            dumping.restore(owner_url, programs, file=folder / DUMP)
            _compare(connection, found)
        except BaseException:
            _clear(connection)
            raise
        _jump(connection)
    migrate()
    deps.transact(lambda s: restored.note(s, found.at, deps.now()))
    return found


def _refuse_company(connection: psycopg.Connection) -> None:
    """Another process would write into what is being restored, or serve half of it.

    A connection that was closed a moment ago may still be seen: it is looked for again.
    """
    for _ in range(20):
        if not (others := _others(connection)):
            return
        time.sleep(0.1)
    raise BackupBroken(
        f"{others} other connections use this database: stop web and worker, then try again"
    )


def _others(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def _refuse_full(connection: psycopg.Connection) -> None:
    """Only a database without business of anybody may be overwritten."""
    tables = counting.rows(connection)
    full = [
        f"{tables[name]} rows in {name}"
        for name in ("provider", "merchant", "pay_order", "refund", "audit_entry")
        if tables.get(name)
    ]
    if full:
        raise BackupBroken(
            f"this database is not empty ({', '.join(full)}): a backup is restored into an empty"
            " one only. Create another, or drop this one yourself if you are sure"
        )
    if tables and "alembic_version" not in tables:
        raise BackupBroken("this database holds tables that are not ours: use an empty one")


_OBJECTS = """
SELECT 'TABLE', c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL SELECT 'SEQUENCE', c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
UNION ALL SELECT 'TYPE', t.oid::regtype::text FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND (t.typtype IN ('e', 'd')
    OR t.typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c')
"""


def _clear(connection: psycopg.Connection) -> None:
    """Take a schema without rows away: the backup brings its own."""
    with connection.transaction():
        for kind, name in connection.execute(_OBJECTS).fetchall():
            gone = f"DROP {kind} IF EXISTS {name} CASCADE"  # names quoted by the server itself
            connection.execute(gone.encode())


def _compare(connection: psycopg.Connection, said: Manifest) -> None:
    for what, ours, theirs in (
        ("rows", counting.rows(connection), said.rows),
        ("fen", counting.sums(connection), said.sums),
    ):
        wrong = sorted(
            name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
        )
        if wrong:
            raise BackupBroken(
                f"what was restored is not what the manifest says ({what} of {', '.join(wrong)}):"
                " nothing was kept"
            )


def _jump(connection: psycopg.Connection) -> None:
    """Later rows get ids that nobody has seen."""
    asked = "SELECT schemaname, sequencename FROM pg_sequences WHERE schemaname = 'public'"
    for schema, name in connection.execute(asked).fetchall():
        connection.execute(
            sql.SQL("SELECT setval({0}, (SELECT last_value FROM {1}) + {2})").format(
                sql.Literal(f'"{schema}"."{name}"'), sql.Identifier(schema, name), sql.Literal(JUMP)
            )
        )
