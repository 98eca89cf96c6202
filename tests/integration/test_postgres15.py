"""The road over Debian's PostgreSQL 15, straight and through PgBouncer in transaction mode.

`make test-pg15` runs the whole integration suite over it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.harness.postgres15 import open_cluster, open_pooler

ROAD = ("tests/integration/test_road.py",)


def run_road(environment: dict[str, str], data_dir: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *ROAD]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment, "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.timeout(300)
def test_the_road_holds_on_postgresql_15(tmp_path: Path) -> None:
    with open_cluster() as cluster:
        run_road(cluster.environment, tmp_path)


@pytest.mark.timeout(300)
def test_the_road_holds_through_pgbouncer_in_transaction_mode(tmp_path: Path) -> None:
    with open_cluster() as cluster, open_pooler(cluster) as environment:
        assert "/pooler" in environment["TEST_DATABASE_URL"]
        run_road(environment, tmp_path)
