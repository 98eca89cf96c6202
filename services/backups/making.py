"""Making a backup while everything serves: one snapshot, dumped and counted."""

from __future__ import annotations

import contextlib
import os
import shutil
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg

from config.settings import ROOT
from postgres import dumping
from services.backups import counting, manifest
from services.backups.manifest import DUMP, FORMAT, Manifest
from services.deps import Deps


def make(deps: Deps, owner_url: str, into: Path) -> tuple[Path, Manifest]:
    """Write a backup below `into`; its folder and what it says of itself.

    The key ring is not in it, and nothing in it is of use to somebody without the ring: secrets and
    openids are sealed. The folder gets its name when it is whole.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = deps.now()
    folder = into / f"yima-{now:%Y%m%dT%H%M%SZ}"
    partial = folder.with_name(f"{folder.name}.partial.{os.getpid()}")
    partial.mkdir(mode=0o700)
    try:
        made = _fill(deps, owner_url, partial, now)
        manifest.write(partial, made)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    manifest.sync_folder(into)
    return folder, made


def _fill(deps: Deps, owner_url: str, folder: Path, now: datetime) -> Manifest:
    dump = folder / DUMP
    dump.touch(mode=0o600)
    with _snapshot(owner_url) as (connection, snapshot):
        server = connection.info.server_version // 10_000
        programs = dumping.programs_for(server, deps.settings.pg_bin)
        dumping.dump(owner_url, programs, snapshot=snapshot, file=dump)
        _sync(dump)
        return Manifest(
            format=FORMAT,
            product=product_version(),
            snapshot_at=now.isoformat(timespec="seconds"),
            revision=_revision(connection),
            server=server,
            rows=counting.rows(connection),
            sums=counting.sums(connection),
            kids=counting.kids(connection),
            proofs=manifest.proofs_of(deps.ring),
            files={DUMP: manifest.facts_of(dump)},
        ).signed(deps.ring)


@contextlib.contextmanager
def _snapshot(owner_url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """A transaction that sees one moment, and the name under which pg_dump may see the same."""
    with psycopg.connect(dumping.libpq(owner_url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield connection, str(row[0])


def _revision(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def product_version() -> str:
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


def _sync(file: Path) -> None:
    with file.open("rb") as inside:
        os.fsync(inside.fileno())
