"""`python -m tests.sim.planted [name…]`: plant a bug, play seeds, say which seed finds it.

The bugs are mutants (tests/mutants/*.patch) that only show when things cross, get lost or die. Each
is planted in a copy of the tree; one that no seed finds is a failure of the plays, not of the bug.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from tests.harness.database import Server, open_server
from tests.mutants.run import apply, copy_tree, read_mutants
from tests.sim.stage import Theatre, open_theatre

# The first seed that finds each, as docs/failures.md tells them, too.
FOUND: Final[dict[str, int]] = {
    "callback-signed-with-the-merchants-key": 1,
    "refund-accepted-is-done": 1,
    "refund-room-not-freed": 1,
    "refund-unknown-is-failed": 1,
    "totals-fold-forgets-what-was-there": 2,
    "late-recharge-kept": 3,
    "totals-second-payment-counted": 3,
    "followed-up-every-time": 9,
    "refund-counted-twice": 10,
    "unknown-create-taken-for-refused": 11,
    "deposit-silence-frees-the-room": 16,
    "recharge-refund-keeps-the-bonus": 29,
    "recharge-bonus-of-another-attempt": 36,
    "codepay-silence-is-failure": 47,
    "deposit-room-not-freed": 111,
    "deposit-late-consumption-never-has-its-room": 450,
}
MOST = 500


def seeds_find(tree: Path, theatre: Theatre, *words: str) -> subprocess.CompletedProcess[str]:
    """Play in the copy, on this theatre; exit code 1 means that something was found."""
    command = [sys.executable, "-m", "tests.sim", *words]
    command += ["--theatre", theatre.template, str(theatre.home)]
    env = {**os.environ, **_same_server(theatre.server)}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)


def _same_server(server: Server) -> dict[str, str]:
    """As tests/harness/database.py reads it."""
    admin = server.admin
    if "://" not in admin:
        parts = conninfo_to_dict(admin)
        admin = f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"
    return {
        "TEST_DATABASE_URL": server.app.replace("{name}", "postgres"),
        "TEST_MIGRATE_DATABASE_URL": server.owner.replace("{name}", "postgres"),
        "TEST_DATABASE_ADMIN_URL": admin.replace("postgresql://", "postgresql+psycopg://"),
    }


def hunt(name: str, tree: Path, theatre: Theatre) -> tuple[int, str] | None:
    """The first seed that finds this bug, and what it says; None when none does."""
    mutant = next(m for m in read_mutants() if m.name == name)
    problem = apply(mutant, tree)
    assert not problem, problem
    try:
        done = seeds_find(tree, theatre, "--until-bad", "--seeds", str(MOST))
    finally:
        back = apply(mutant, tree, "--reverse")
        assert not back, back
    line = next((x for x in done.stdout.splitlines() if x.startswith("seed ")), "")
    if not line:
        print(done.stdout[-400:] + done.stderr[-2000:])
        return None
    seed, _, said = line.removeprefix("seed ").partition(": ")
    return int(seed), said


def main(names: list[str]) -> int:
    tree, alive = copy_tree(), []
    with (
        open_server() as server,
        tempfile.TemporaryDirectory() as home,
        open_theatre(server, Path(home)) as theatre,
    ):
        for name in names or FOUND:
            found = hunt(name, tree, theatre)
            print(f"{name:50} {found or 'NOT FOUND'}"[:250], flush=True)
            if found is None:
                alive.append(name)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
