"""The private PostgreSQL server that is used when no DATABASE_URL is set.

Unix socket only, in a folder of mode 0700; peer authentication; fsync on. Several processes share
one server: each holds a shared lock on `pg.users`, and the last to leave stops it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config.settings import Settings
from postgres.programs import PostgresUnavailable, Runner, runner_for

SUPERUSER, OWNER, APP, DATABASE = "yima_super", "yima_owner", "yima_app", "yima"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_LIMIT = 107  # bytes of a socket's path, a limit of the kernel
SYSTEM_HOME = Path("/var/lib/yima")

CONF = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
fsync = on
synchronous_commit = on
wal_compression = on
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one server's data and socket are."""

    runner: Runner
    data: Path
    socket_dir: Path
    lock_dir: Path

    def url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self.socket_dir}&port=5432"


def locate(settings: Settings) -> Cluster:
    """Below DATA_DIR if the server's user can reach it, else below /var/lib/yima."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:12]
    if os.getuid() == 0:
        SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    runner = runner_for(settings.pg_bin, settings.pg_user, SYSTEM_HOME)
    home = settings.data_dir
    if runner.user is not None and not _reaches(runner, home):
        home = SYSTEM_HOME / mark
        home.mkdir(mode=0o755, exist_ok=True)
        (settings.data_dir / "pg-is-elsewhere.txt").write_text(
            f"PostgreSQL cannot run as root, and {runner.user} cannot enter this folder.\n"
            f"Its data is in {home / 'pg'}, its programs are in {runner.bin}.\n"
        )
    socket_dir = home / "pg-socket"
    if len(str(socket_dir / SOCKET_NAME).encode()) > SOCKET_LIMIT:
        socket_dir = Path(tempfile.gettempdir()) / f"yima-{mark}-{runner.uid_gid[0]}"
    return Cluster(runner, home / "pg", socket_dir, settings.data_dir)


def _reaches(runner: Runner, folder: Path) -> bool:
    uid, gid = runner.uid_gid
    for part in (folder, *folder.parents):
        stat = part.stat()
        shift = 6 if stat.st_uid == uid else 3 if stat.st_gid == gid else 0
        if not (stat.st_mode >> shift) & 1:
            return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def start(settings: Settings) -> Cluster:
    """Make sure that the server runs; safe to call from many processes at once."""
    cluster = locate(settings)
    with _locked(cluster.lock_dir / "pg.lock"):
        users = (cluster.lock_dir / "pg.users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            _make_ready(cluster)
        except BaseException:
            users.close()  # we do not use it: the last one who does may stop it
            raise
    atexit.register(_leave, cluster, users, os.getpid())
    return cluster


def _make_ready(cluster: Cluster) -> None:
    _own_folder(cluster.runner, cluster.socket_dir)
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    _refuse_other_version(cluster)
    if cluster.runner.run("pg_ctl", "-D", str(cluster.data), "status", check=False).returncode:
        _run_server(cluster)
    _create_roles(cluster)


def _own_folder(runner: Runner, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(folder, *runner.uid_gid)
    folder.chmod(0o700)
    if folder.stat().st_uid != runner.uid_gid[0]:
        raise PostgresUnavailable(f"{folder} belongs to somebody else")


def _initialise(cluster: Cluster) -> None:
    if cluster.data.exists():
        shutil.rmtree(cluster.data)  # an initdb that was interrupted: PG_VERSION is missing
    _own_folder(cluster.runner, cluster.data)
    cluster.runner.run(
        "initdb",
        f"--pgdata={cluster.data}",
        "--encoding=UTF8",
        "--no-locale",
        "--auth=peer",
        f"--username={SUPERUSER}",
    )
    with (cluster.data / "postgresql.conf").open("a") as conf:
        conf.write(CONF)
    (cluster.data / "pg_hba.conf").write_text("local all all peer map=yima\n")
    ours = {pwd.getpwuid(os.getuid()).pw_name, pwd.getpwuid(cluster.runner.uid_gid[0]).pw_name}
    (cluster.data / "pg_ident.conf").write_text(
        "".join(f"yima {who} {role}\n" for who in ours for role in (SUPERUSER, OWNER, APP))
    )


def _refuse_other_version(cluster: Cluster) -> None:
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found != cluster.runner.major:
        raise PostgresUnavailable(
            f"{cluster.data} was made by PostgreSQL {found}, these programs are "
            f"{cluster.runner.major}: dump it with pg_dumpall of {found} (set PG_BIN to its "
            "folder), move the folder away, start again and restore the dump"
        )


def _run_server(cluster: Cluster) -> None:
    log = cluster.data / "server.log"
    cluster.runner.run(
        "pg_ctl",
        f"--pgdata={cluster.data}",
        f"--log={log}",
        "--wait",
        f"--options=-k '{cluster.socket_dir}'",
        "start",
    )


def _create_roles(cluster: Cluster) -> None:
    """The owner migrates, the app serves; the database belongs to the owner."""
    import psycopg

    where = f"host={cluster.socket_dir} user={SUPERUSER} dbname=postgres"
    with psycopg.connect(where, autocommit=True) as conn:
        roles = {row[0] for row in conn.execute("SELECT rolname FROM pg_roles")}
        if OWNER not in roles:
            conn.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB")
        if APP not in roles:
            conn.execute(f"CREATE ROLE {APP} LOGIN")
        found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            conn.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _leave(cluster: Cluster, users: IO[str], pid: int) -> None:
    """Stop the server if nobody else of ours uses it. A forked child does not count."""
    if os.getpid() != pid:
        return
    with _locked(cluster.lock_dir / "pg.lock"):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            users.close()
            return
        cluster.runner.run(
            "pg_ctl", f"--pgdata={cluster.data}", "--mode=fast", "--wait", "stop", check=False
        )
        with contextlib.suppress(OSError):
            cluster.socket_dir.rmdir()
        users.close()
