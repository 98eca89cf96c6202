"""pg_dump and pg_restore for one database, of the server's own version where they can be found.

Passwords go by environment, never on the command line, where every user of the machine reads them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from postgres.programs import PostgresUnavailable, find_programs


def libpq(url: str) -> str:
    """SQLAlchemy's address as libpq's; it holds the password, so it is for drivers only."""
    found = make_url(url)
    return found.set(drivername="postgresql").render_as_string(hide_password=False)


def programs_for(server_major: int, pg_bin: str) -> Path:
    """The folder whose pg_dump is the server's version, else the newest that can dump it."""
    folders = [Path(f"/usr/lib/postgresql/{server_major}/bin"), find_programs(pg_bin)]
    if pg_bin:
        folders.insert(0, Path(pg_bin))
    if on_path := shutil.which("pg_dump"):
        folders.append(Path(on_path).parent)
    majors = [(folder, _major(folder)) for folder in folders if (folder / "pg_dump").exists()]
    for folder, major in majors:
        if major == server_major:
            return folder
    for folder, major in majors:
        if major > server_major:
            return folder
    raise PostgresUnavailable(
        f"the server is PostgreSQL {server_major} and no pg_dump of that version is here: type"
        f" `apt-get install postgresql-client-{server_major}`, or set PG_BIN to its folder"
    )


def _major(folder: Path) -> int:
    said = subprocess.run(
        [folder / "pg_dump", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(said.split()[2].split(".")[0])


def dump(url: str, programs: Path, *, snapshot: str, file: Path) -> None:
    """Write one database into `file` (pg_dump's custom format), as one snapshot sees it."""
    _run(
        url, programs / "pg_dump", "--format=custom", f"--snapshot={snapshot}", "--no-owner",
        "--no-privileges", f"--file={file}",
    )  # fmt: skip


def restore(url: str, programs: Path, *, file: Path) -> None:
    """Put a dump into an empty database, all of it or nothing."""
    _run(
        url, programs / "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
        "--no-privileges", str(file),
    )  # fmt: skip


def _run(url: str, program: Path, *words: str) -> None:
    found = make_url(url)
    options = {key: value for key, value in found.query.items() if isinstance(value, str)}
    parts = {"user": found.username, "host": found.host, "port": found.port, **options}
    where = make_conninfo(
        "", dbname=found.database, **{key: value for key, value in parts.items() if value}
    )
    env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    if found.password is not None:
        env["PGPASSWORD"] = str(found.password)
    done = subprocess.run(
        [program, f"--dbname={where}", "--no-password", *words],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise PostgresUnavailable(f"{program.name} failed: {done.stderr.strip()[-2000:]}")
