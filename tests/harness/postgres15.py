"""Debian's PostgreSQL 15 as a private cluster, and PgBouncer in front of it in transaction mode.

`python -m tests.harness.postgres15 [--pooled] -- <command>` runs a command over one.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from postgres.programs import Runner, system_user
from tests.harness.database import in_memory

BIN = Path("/usr/lib/postgresql/15/bin")
POOLER = "/usr/sbin/pgbouncer"
SUPERUSER, OWNER, APP, DATABASE = "yima_super", "yima_owner", "yima_app", "yima"


@dataclass(frozen=True)
class Cluster15:
    """A running server: everything it has is below `home`, mode 0700, on unix sockets only."""

    home: Path
    runner: Runner

    def url(self, role: str, folder: Path | None = None) -> str:
        where = folder or self.home
        return f"postgresql+psycopg://{role}@/{DATABASE}?host={where}&port=5432"

    @property
    def environment(self) -> dict[str, str]:
        """For tests/harness/database.py: who serves, who migrates, who makes databases."""
        return {
            "TEST_DATABASE_URL": self.url(APP),
            "TEST_MIGRATE_DATABASE_URL": self.url(OWNER),
            "TEST_DATABASE_ADMIN_URL": self.url(SUPERUSER),
        }


@contextmanager
def open_cluster() -> Iterator[Cluster15]:
    """initdb, start, and at the end stop and remove."""
    runner = Runner(BIN, system_user(""))
    home = Path(tempfile.mkdtemp(prefix="yima15-", dir=in_memory()))
    os.chown(home, *runner.uid_gid)
    data = home / "data"
    try:
        runner.run(
            "initdb", f"--pgdata={data}", "--encoding=UTF8", "--no-locale", "--no-sync",
            "--auth=trust", f"--username={SUPERUSER}",
        )  # fmt: skip
        options = f"-k '{home}' -c listen_addresses='' -c max_connections=200 -c fsync=off"
        runner.run(
            "pg_ctl", f"--pgdata={data}", f"--log={home / 'log'}", "--wait",
            f"--options={options}", "start",
        )  # fmt: skip
        try:
            cluster = Cluster15(home, runner)
            with psycopg.connect(
                f"host={home} user={SUPERUSER} dbname=postgres", autocommit=True
            ) as conn:
                assert conn.info.server_version // 10000 == 15
                conn.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB")
                conn.execute(f"CREATE ROLE {APP} LOGIN")
                conn.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            yield cluster
        finally:
            runner.run("pg_ctl", f"--pgdata={data}", "--mode=fast", "--wait", "stop", check=False)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def open_pooler(cluster: Cluster15) -> Iterator[dict[str, str]]:
    """PgBouncer over the cluster; gives the environment for tests that go through it."""
    folder = cluster.home / "pooler"
    folder.mkdir(mode=0o700)
    (folder / "users.txt").write_text(f'"{APP}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        "[databases]\n"
        f"* = host={cluster.home} port=5432\n"
        "[pgbouncer]\n"
        "pool_mode = transaction\nauth_type = trust\n"
        f"auth_file = {folder}/users.txt\n"
        f"unix_socket_dir = {folder}\nlisten_port = 5432\nunix_socket_mode = 0700\n"
        f"logfile = {folder}/log\npidfile = {folder}/pid\n"
        # few server connections on purpose: a transaction seldom gets the one before it
        "max_client_conn = 500\ndefault_pool_size = 6\nserver_idle_timeout = 5\n"
    )
    uid, gid = cluster.runner.uid_gid
    for path in (folder, *folder.iterdir()):
        os.chown(path, uid, gid)
    user = cluster.runner.user
    process = subprocess.Popen(
        [POOLER, "-q", str(folder / "pgbouncer.ini")],
        user=user,
        group=gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
    )
    try:
        _wait(folder / ".s.PGSQL.5432", process)
        yield {
            **cluster.environment,
            "TEST_DATABASE_URL": cluster.url(APP, folder),
            "DB_PREPARED_STATEMENTS": "0",
        }
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(socket: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if socket.exists():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"pgbouncer did not start (user {pwd.getpwuid(os.getuid()).pw_name})")


def main(words: list[str]) -> int:
    pooled, command = words[0] == "--pooled", words[words.index("--") + 1 :]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    with open_cluster() as cluster:
        if not pooled:
            return subprocess.call(command, env={**os.environ, **cluster.environment})
        with open_pooler(cluster) as environment:
            return subprocess.call(command, env={**os.environ, **environment})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
