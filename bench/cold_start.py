"""From `make run` on a fresh checkout to a first simulated payment; and the memory of the whole.

The checkout is a copy of this one without .venv and var/: the virtual environment is made, the
locked packages are installed (from uv's cache where it has them), the database is initialised,
migrated and filled, everything starts, and a phone pays. BENCH_QUICK=1 keeps the environment.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import requests

from bench import cpu
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, say, show
from bench.stack import CODE, HOME
from tests.harness.phone import Phone
from tests.harness.ports import free_port
from tests.harness.simulator import Simulator

COPY = HOME / "checkout"
LIMIT_S = 600.0
OUR_LIMIT_S = 60.0  # ours: the architecture names no figure
SMALL_SERVER_MB = 512.0


def figures() -> list[dict[str, Any]]:
    if shutil.which("make") is None:
        raise RuntimeError("no make")
    runs = []
    for n in range(LEAST_RUNS):
        runs.append(_one())
        say(f"   run {n}: {runs[-1]}")
    names = ("web_mb", "worker_mb", "database_mb")
    whole = [sum(run[name] for name in names) for run in runs]
    return [
        line(
            "make_run_to_first_payment",
            "s",
            [run["paid_s"] for run in runs],
            OUR_LIMIT_S,
            phases=medians(
                [{n: run[n] for n in ("installed_s", "ready_s", "paid_s")} for run in runs]
            ),
            has_environment=QUICK,
        ),
        line(
            "memory_of_the_whole",
            "MB",
            whole,
            SMALL_SERVER_MB,
            parts=medians([{name: run[name] for name in names} for run in runs]),
            simulator_mb=round(median(run["simulator_mb"] for run in runs), 1),
            says="proportional set size after the first payment; the bound is half a small server",
        ),
    ]


def _one() -> dict[str, float]:
    _copy()
    port, sim_port = free_port(), free_port()
    log = (HOME / "logs" / "make-run.log").open("wb")
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "DATABASE_URL")}
    python = os.environ.get("BENCH_PYTHON", getattr(sys, "_base_executable", sys.executable))
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "run", f"PYTHON={python}"],
        cwd=COPY,
        env=env | {"PORT": str(port), "SIM_PORT": str(sim_port), "DATA_DIR": str(COPY / "var")},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        installed = _until(process, started, lambda: (COPY / ".venv" / ".run").exists())
        ready = _until(process, started, lambda: _is_ready(f"http://127.0.0.1:{port}/readyz"))
        _pay(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sim_port}")
        paid = time.monotonic() - started
        return {"installed_s": installed, "ready_s": ready, "paid_s": paid} | _memory(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _clear()


def _copy() -> None:
    """What git would check out, with the changes of the moment."""
    _clear()
    (HOME / "logs").mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    if QUICK:
        (COPY / ".venv").mkdir()
        for part in ("bin", "lib", "pyvenv.cfg"):
            (COPY / ".venv" / part).symlink_to(ROOT / ".venv" / part)
        for mark in ("uv", ".run"):
            (COPY / ".venv" / mark).touch()


def _clear() -> None:
    told = COPY / "var" / "pg-is-elsewhere.txt"
    if told.exists() and (found := re.search(r"data is in (\S+)/pg,", told.read_text())):
        shutil.rmtree(found[1], ignore_errors=True)
    shutil.rmtree(COPY, ignore_errors=True)


def _until(process: subprocess.Popen[bytes], started: float, is_so: Any) -> float:
    while not is_so():
        if process.poll() is not None:
            tail = (HOME / "logs" / "make-run.log").read_text()[-2000:]
            raise RuntimeError(f"make run ended: {tail}")
        if time.monotonic() - started > LIMIT_S:
            raise TimeoutError(f"not so after {LIMIT_S} s")
        time.sleep(0.02)
    return time.monotonic() - started


def _is_ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _pay(url: str, sim_url: str) -> None:
    session = requests.Session()
    session.trust_env = False
    phone = Phone(url, Simulator(sim_url, session))
    made = phone.pay(CODE)
    deadline = time.monotonic() + 30
    while phone.state(made, seen="pending")["state"] != "paid":
        if time.monotonic() > deadline:
            raise TimeoutError("not paid")
    session.close()


def _memory(root: int) -> dict[str, float]:
    """By what each process under `make run` was started as."""
    found = {"web_mb": 0.0, "worker_mb": 0.0, "simulator_mb": 0.0}
    marks = {"wsgi:app": "web_mb", "worker": "worker_mb", "simulator.wsgi:app": "simulator_mb"}
    for pid in cpu.tree(root):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        last = next((word for word in reversed(words) if word), "")
        if last in marks:
            found[marks[last]] += cpu.memory_mb(pid, alone=True)
    postmaster = _postmaster()
    return found | {"database_mb": cpu.memory_mb(postmaster)}


def _postmaster() -> int:
    told = COPY / "var" / "pg-is-elsewhere.txt"
    place = COPY / "var" / "pg"
    if told.exists() and (found := re.search(r"data is in (\S+)/pg,", told.read_text())):
        place = Path(found[1]) / "pg"
    return int((place / "postmaster.pid").read_text().split()[0])


if __name__ == "__main__":
    show(figures())
