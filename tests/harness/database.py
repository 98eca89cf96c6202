"""One server for the run, one migrated and seeded template, one database per test.

Files are copied rather than written through the log, and the tests' own server never waits for
the disk: together a third of what a database costs otherwise. Nothing here turns a machine off.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from config.settings import ROOT, load_settings
from postgres import embedded
from postgres.addresses import Addresses

ROOMY = 4 << 30  # bytes


def in_memory() -> Path | None:
    """A folder in memory with room for the tests' databases, if the machine has one.

    A file system that spares inodes deleted a moment ago (ext4) walks past all of them for each
    file that it makes: with a database of a thousand files per test that is half of all CPU.
    """
    memory = Path("/dev/shm")
    is_usable = memory.is_mount() and os.access(memory, os.W_OK)
    return memory if is_usable and shutil.disk_usage(memory).free >= ROOMY else None


def data_home(root: Path) -> Path:
    """Where a checkout's tests keep their server: in memory, or in `var` without room there."""
    memory = in_memory()
    if memory is None:
        return root / "var" / "test"
    mark = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    home = memory / f"yima-test-{os.getuid()}-{mark}"
    home.mkdir(mode=0o755, exist_ok=True)
    return home


def start_embedded(root: Path) -> embedded.Cluster:
    """The tests' own server, shared by all who test in this checkout. The last one to leave
    removes what is in memory."""
    home = data_home(root)
    if not home.is_relative_to(root):
        atexit.register(_forget, home)  # runs after the server was stopped
    return embedded.start(load_settings(data_dir=home, database_url=""))


def _forget(home: Path) -> None:
    with (home / "pg.lock").open("a") as lock, (home / "pg.users").open("a") as users:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home / "pg", ignore_errors=True)


@dataclass
class Server:
    """Where databases are made: the embedded server, or the one that DATABASE_URL names."""

    admin: str  # libpq address of a role that may create databases
    app: str  # SQLAlchemy address with {name} for the database
    owner: str
    prefix: str = field(default_factory=lambda: f"yima_test_{os.getpid()}")
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def addresses(self, name: str) -> Addresses:
        return Addresses(self.app.replace("{name}", name), self.owner.replace("{name}", name))

    def create(self, template: str | None = None) -> str:
        name = self.fresh_name()
        owner = make_url(self.owner.replace("{name}", "x")).username
        made = f'CREATE DATABASE "{name}" OWNER "{owner}"'
        with psycopg.connect(self.admin, autocommit=True) as conn:
            if template:  # a pooler may still hold connections to it
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [template],
                )
            conn.execute(made + (f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""))
        return name

    def fresh_name(self) -> str:
        return f"{self.prefix}_{next(self._ids)}"

    def drop(self, name: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def open_server() -> Iterator[Server]:
    """The server of `TEST_DATABASE_URL` (a role that may create databases), or the embedded one.

    `TEST_MIGRATE_DATABASE_URL` names the owner's role, where it is another; and
    `TEST_DATABASE_ADMIN_URL` who may create databases, past any pooler.
    """
    given = os.environ.get("TEST_DATABASE_URL", "")
    if given:
        owner = os.environ.get("TEST_MIGRATE_DATABASE_URL") or given
        direct = make_url(os.environ.get("TEST_DATABASE_ADMIN_URL") or owner)
        admin = direct.set(drivername="postgresql").render_as_string(hide_password=False)
        server = Server(admin, _any_database(given), _any_database(owner))
    else:
        cluster = start_embedded(ROOT)
        server = Server(
            f"host={cluster.socket_dir} user={embedded.SUPERUSER} dbname=postgres",
            cluster.url(embedded.APP, "{name}"),
            cluster.url(embedded.OWNER, "{name}"),
        )
        with psycopg.connect(server.admin, autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("SELECT pg_reload_conf()")
    try:
        yield server
    finally:
        with psycopg.connect(server.admin, autocommit=True) as conn:
            rows = conn.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
                [f"{server.prefix}_"],
            ).fetchall()
        for (name,) in rows:
            server.drop(name)


def _any_database(url: str) -> str:
    text = make_url(url).set(database="{name}").render_as_string(hide_password=False)
    return text.replace("%7Bname%7D", "{name}")
