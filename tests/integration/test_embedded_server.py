"""The private PostgreSQL server: as root, in a deep folder, by several starters at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.settings import ROOT, load_settings
from postgres import embedded
from postgres.programs import PostgresUnavailable

STARTER = """
import sys
from pathlib import Path
from config.settings import load_settings
from postgres import embedded
cluster = embedded.start(load_settings(data_dir=Path(sys.argv[1]), database_url=""))
print(cluster.socket_dir, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the server's own user can reach, deep and without characters to fear."""
    top = Path(tempfile.mkdtemp(prefix="yima-test-"))
    top.chmod(0o755)
    deep = top
    while len(str(deep)) < 120:
        deep = deep / "a-rather-long-name"
    deep.mkdir(parents=True)
    yield deep
    shutil.rmtree(top, ignore_errors=True)


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, process.stderr.read() if process.stderr else ""
    return line


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("", timeout=60)


def ask(socket_dir: str, role: str = embedded.APP) -> object:
    where = f"host={socket_dir} user={role} dbname={embedded.DATABASE}"
    with psycopg.connect(where) as conn:
        row = conn.execute("SHOW fsync").fetchone()
        return row[0] if row else None


def test_two_starters_share_one_server_and_the_last_to_leave_stops_it(folder: Path) -> None:
    first, second = start(folder), start(folder)
    one, two = address(first), address(second)
    assert one == two
    assert len(f"{one}/{embedded.SOCKET_NAME}".encode()) <= embedded.SOCKET_LIMIT
    assert os.stat(one).st_mode & 0o777 == 0o700
    assert ask(one) == "on"
    leave(first)
    assert ask(two) == "on", "the other one still uses it"
    leave(second)
    with pytest.raises(psycopg.OperationalError):
        ask(two)
    third = start(folder)
    assert ask(address(third)) == "on", "a second run finds its data"
    leave(third)
    shutil.rmtree(one, ignore_errors=True)


def test_it_listens_on_no_network_and_lets_no_stranger_in(folder: Path) -> None:
    process = start(folder)
    where = address(process)
    try:
        with psycopg.connect(f"host={where} user={embedded.SUPERUSER} dbname=postgres") as conn:
            listens = conn.execute("SHOW listen_addresses").fetchone()
            rules = conn.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert listens == ("",)
        assert rules == [("local", "peer")]
        if os.getuid() == 0:
            stranger = subprocess.run(
                [
                    sys.executable, "-c",
                    f"import os, psycopg; os.setuid(65534); psycopg.connect('host={where}"
                    f" user={embedded.APP} dbname={embedded.DATABASE}')",
                ],
                capture_output=True, text=True, timeout=30,
            )  # fmt: skip
            assert stranger.returncode != 0
    finally:
        leave(process)
        shutil.rmtree(where, ignore_errors=True)


def test_data_of_another_major_version_is_refused_with_the_way_out(folder: Path) -> None:
    settings = load_settings(data_dir=folder, database_url="")
    cluster = embedded.locate(settings)
    cluster.data.mkdir(parents=True)
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresUnavailable) as refused:
        embedded.start(settings)
    said = str(refused.value)
    assert str(cluster.data) in said
    assert "PostgreSQL 15" in said
    assert "pg_dumpall" in said
    assert (cluster.data / "PG_VERSION").read_text() == "15\n", "nothing was touched"


def test_the_server_never_runs_as_root_and_says_where_its_data_is_if_elsewhere(
    tmp_path: Path,
) -> None:
    """pytest's own folders let nobody else in, so root's server has to go elsewhere."""
    tmp_path.parent.chmod(0o700)
    process = start(tmp_path)
    where = address(process)
    try:
        cluster = embedded.locate(load_settings(data_dir=tmp_path, database_url=""))
        assert cluster.data.stat().st_uid != 0
        assert ask(where) == "on"
        note = tmp_path / "pg-is-elsewhere.txt"
        if os.getuid() == 0:
            told = note.read_text()
            assert str(embedded.SYSTEM_HOME) in told
            assert str(cluster.data) in told
        else:
            assert cluster.data == tmp_path / "pg"
            assert not note.exists()
    finally:
        leave(process)
    if os.getuid() == 0:
        shutil.rmtree(cluster.data.parent, ignore_errors=True)
