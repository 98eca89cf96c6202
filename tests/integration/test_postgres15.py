"""The road over Debian's PostgreSQL 15, straight and through PgBouncer in transaction mode.

`make test-pg15` runs the whole integration suite over it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from app import create_app
from cli.supervise import migrate
from config.settings import ROOT, load_settings
from postgres.addresses import resolve
from services.deps import build_deps
from tests.harness.postgres15 import SUPERUSER, Cluster15, open_cluster, open_pooler

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


def as_superuser(cluster: Cluster15, database: str, statements: str) -> None:
    where = f"host={cluster.home} user={SUPERUSER} dbname={database}"
    with psycopg.connect(where, autocommit=True) as conn:
        for statement in statements.split(";"):
            if statement.strip():
                conn.execute(statement.encode())


@pytest.mark.timeout(120)
def test_the_two_roles_of_the_operations_manual_are_enough(tmp_path: Path) -> None:
    """Its own SQL on a fresh server: the owner migrates, the app serves and may do no more."""
    manual = (ROOT / "docs" / "operations.md").read_text("utf-8")
    roles, rights = re.findall(r"```sql\n(.*?)```", manual, re.S)
    with open_cluster() as cluster:
        # in this cluster the superuser and the manual's names must not clash
        renamed = {
            "yima_owner": "shop_owner",
            "yima_app": "shop_app",
            "DATABASE yima": "DATABASE shop",
        }
        for old, new in renamed.items():
            roles, rights = roles.replace(old, new), rights.replace(old, new)
        as_superuser(cluster, "postgres", roles)
        as_superuser(cluster, "shop", rights)
        settings = load_settings(
            data_dir=tmp_path,
            database_url=cluster.url("shop_app").replace("@/yima", "@/shop"),
            migrate_database_url=cluster.url("shop_owner").replace("@/yima", "@/shop"),
        )
        migrate(resolve(settings))
        deps = build_deps(settings)
        app = create_app(settings, deps)
        made = app.test_cli_runner().invoke(args=["provider", "add", "--name", "某服务商"])
        assert made.exit_code == 0, made.output
        report = app.test_client().get("/readyz").get_json()
        assert report["checks"] == {
            "database": "ok", "migrations": "ok", "worker": report["checks"]["worker"]
        }  # fmt: skip
        assert report["warnings"] == []
        for forbidden in ("DELETE FROM pay_order", "UPDATE audit_entry SET actor = ''",
                          "DROP TABLE person", "CREATE TABLE mine (x int)"):  # fmt: skip
            with pytest.raises(Exception, match=r"permission denied|must be owner"):
                deps.transact(lambda s, what=forbidden: s.execute(text(what)))  # type: ignore[misc]
        deps.db.dispose()
