"""`make mutants`: break the product on purpose, one promise at a time, and expect a red test.

Each `*.patch` here says in its first lines which promise it breaks (`# breaks:`, with the number
of the invariant in architecture.md section 6) and which tests must notice (`# tests:`, as given to
pytest). The tree is copied once; every patch is applied, tried and taken back there. A mutant that
its own tests let live is tried against all others; one that lives on, or a patch that no longer
applies, is a failure. Names as arguments run only those.
"""

from __future__ import annotations

import atexit
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from config.settings import ROOT
from tests.harness.database import start_embedded

HERE = Path(__file__).parent
PATIENCE_S = 900
EVERYTHING = ("tests/unit", "tests/simulator", "tests/integration")


@dataclass(frozen=True)
class Mutant:
    name: str
    path: Path
    breaks: str
    tests: tuple[str, ...]


def read_mutants() -> list[Mutant]:
    """All of them, by name. ValueError where a header is missing."""
    found = []
    for path in sorted(HERE.glob("*.patch")):
        said = dict(re.findall(r"^# (breaks|tests): (.+)$", path.read_text("utf-8"), re.M))
        if set(said) != {"breaks", "tests"}:
            raise ValueError(f"{path.name} must say `# breaks:` and `# tests:`")
        tests = tuple(shlex.split(said["tests"]))
        found.append(Mutant(path.stem, path, said["breaks"], tests))
    return found


def apply(mutant: Mutant, tree: Path, *more: str) -> str:
    """Apply it (or with `--check` only try); what git says against it, empty if nothing."""
    words = ["git", "apply", "-p1", *more, str(mutant.path)]
    # Inside a repository git would leave out what is not below the current folder: there is none.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent), "GIT_DIR": "/nonexistent"}
    done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or "git apply failed") if done.returncode else ""


def copy_tree() -> Path:
    """What git knows or would take, in a folder that the database's user may enter.

    It is removed when the process ends, after the database in it was stopped (the handlers of
    `atexit` run backwards, and the server's comes later).
    """
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    made = Path(tempfile.mkdtemp(prefix="yima-mutants-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    made.chmod(0o755)
    tree = made / "tree"
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for linked in (".venv", "node_modules", "static/vendor", "tests/sdk/node_modules"):
        if (ROOT / linked).exists() and not (tree / linked).exists():
            (tree / linked).symlink_to(ROOT / linked)
    return tree


def run_tests(tree: Path, tests: tuple[str, ...], *, tell: bool = False) -> tuple[bool, str]:
    """Whether all is green, and the first test that is not (or pytest's last word).

    With `tell` everything that pytest said about it is printed.
    """
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            words, cwd=tree, env=env, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return False, f"no end after {PATIENCE_S} s"
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing said"]
    if done.returncode == 0:
        return True, lines[-1]
    if done.returncode != 1:  # no test was found, or pytest could not start: that proves nothing
        raise RuntimeError(f"{shlex.join(tests)}: {lines[-1]}")
    if tell:
        print(done.stdout)
    red = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return False, re.sub(r"^\w+ ([^ ]*).*$", r"\1", red[0]) if red else lines[-1]


def main(names: list[str]) -> int:
    mutants = [m for m in read_mutants() if not names or m.name in names]
    tree = copy_tree()
    # Held open for the whole run, so that no mutant waits for the database to start.
    start_embedded(tree)
    files = sorted({word for m in mutants for word in m.tests if word.endswith(".py")})
    green, word = run_tests(tree, tuple(files), tell=True)
    if not green:
        print(f"red without any mutant: {word}")
        return 1
    print(f"{len(mutants)} mutants; their tests are green on the tree as it is", flush=True)
    problems = [m for m in mutants if not _dies(m, tree)]
    print(f"{len(mutants) - len(problems)} of {len(mutants)} mutants die")
    for mutant in problems:
        print(f"  alive: {mutant.name}: {mutant.breaks}")
    return 1 if problems else 0


def _dies(mutant: Mutant, tree: Path) -> bool:
    started = time.monotonic()
    problem = apply(mutant, tree)
    if problem:
        print(f"{mutant.name:44} DOES NOT APPLY: {problem}", flush=True)
        return False
    try:
        green, word = run_tests(tree, mutant.tests)
        note = ""
        if green:
            green, word = run_tests(tree, EVERYTHING)
            note = "" if green else " (not by its own tests)"
    except RuntimeError as error:
        green, word, note = True, str(error), ""
    finally:
        back = apply(mutant, tree, "--reverse")
        assert not back, back
    took = time.monotonic() - started
    verdict = "ALIVE" if green else f"{word}{note}"
    print(f"{mutant.name:44} {took:5.1f} s  {verdict}", flush=True)
    return not green


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
