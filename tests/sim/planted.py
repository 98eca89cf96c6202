"""`python -m tests.sim.planted [name…]`: plant a bug, play seeds, say which seed finds it.

The bugs are mutants (tests/mutants/*.patch) that only show when things cross, get lost or die. Each
is planted in a copy of the tree; one that no seed finds is a failure of the plays, not of the bug.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.mutants.run import apply, copy_tree, read_mutants

# The first seed that finds each, as docs/failures.md tells them, too.
FOUND: Final[dict[str, int]] = {}
MOST = 500


def seeds_find(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Play in the copy; exit code 1 means that something was found."""
    command = [sys.executable, "-m", "tests.sim", *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def hunt(name: str, tree: Path) -> tuple[int, str] | None:
    """The first seed that finds this bug, and what it says; None when none does."""
    mutant = next(m for m in read_mutants() if m.name == name)
    problem = apply(mutant, tree)
    assert not problem, problem
    try:
        done = seeds_find(tree, "--until-bad", "--seeds", str(MOST))
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
    for name in names or FOUND:
        found = hunt(name, tree)
        print(f"{name:50} {found or 'NOT FOUND'}"[:250], flush=True)
        if found is None:
            alive.append(name)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
