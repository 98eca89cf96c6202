"""Where the sweep plays: its own database, the simulator, real web and worker processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from cli.supervise import migrate
from config.settings import ROOT, load_settings
from services.deps import build_deps
from services.seed import seed
from tasks.jobs import libpq
from tests.harness.database import Server
from tests.harness.ports import free_port, wait_for
from tests.harness.product import Product
from tests.harness.simulator import Simulator, run_simulator

OTHER_SP, OTHER_APP = "1900000501", "2021000000000501"
PATIENCE_S = 60.0
PUSH_AFTER_S = 2.0  # a wait that long needs a later hour: a resend, a question, a stalled claim
PUSH_S = 16.0


@dataclass
class Stage:
    """`folder` is where the processes tell their points and read which one is armed."""

    folder: Path
    product: Product
    owner: str  # libpq address of the database's owner
    programs: list[subprocess.Popen[bytes]]

    @property
    def simulator(self) -> Simulator:
        return self.product.simulator

    def begin(self, part: str) -> None:
        """What the processes do from now on belongs to this part of the road."""
        _put(self.folder / "part", part)

    def arm(self, **point: Any) -> None:
        (self.folder / "fired.json").unlink(missing_ok=True)
        _put(self.folder / "arm.json", json.dumps(point))

    def disarm(self) -> bool:
        """Whether the armed point was reached."""
        (self.folder / "arm.json").unlink(missing_ok=True)
        return (self.folder / "fired.json").exists()

    def points(self, part: str) -> list[dict[str, Any]]:
        rows = [json.loads(line) for line in _lines(self.folder / "points.log")]
        return [row for row in rows if row["part"] == part]

    def kills(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in _lines(self.folder / "kills.log")]

    def is_gone(self, pid: int) -> bool:
        """The process ended by SIGKILL: seen by its supervisor (worker) or reaped (web)."""
        ends = [line.split() for line in _lines(self.folder / "worker.exits")]
        if any(int(who) == pid and int(code) == -9 for who, code in ends):
            return True
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"

    def wait(self, what: str, is_so: Callable[[], bool], *, push: bool = True) -> None:
        """Until it is so; where that takes long, the clock moves on as the night would."""
        started = pushed = time.monotonic()
        while not is_so():
            now = time.monotonic()
            if now - started > PATIENCE_S:
                raise AssertionError(f"still not after {PATIENCE_S:.0f} s: {what}")
            dead = [p.args for p in self.programs if p.poll() is not None]
            assert not dead, f"a supervisor ended: {dead}"
            if push and now - pushed > PUSH_AFTER_S:
                pushed = now
                self.simulator.advance(PUSH_S)
                self._age_dead_workers()
            time.sleep(0.05)

    def _age_dead_workers(self) -> None:
        """The queue's clock is the database's, so the hour of its dead workers is moved there."""
        with psycopg.connect(self.owner, autocommit=True) as conn:
            conn.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
                " WHERE id IN (SELECT id FROM procrastinate_workers ORDER BY id DESC OFFSET 3)"
            )


@contextmanager
def open_stage(server: Server, home: Path) -> Iterator[Stage]:
    """Everything started once; a case costs a walk and the restart of what it killed."""
    data, folder, port = home / "data", home / "points", free_port()
    folder.mkdir()
    url = f"http://127.0.0.1:{port}"
    with run_simulator(data / "sim", data / "clock", url) as simulator:
        name = server.create()
        where = server.addresses(name)
        migrate(where)
        values: dict[str, Any] = {
            "data_dir": data,
            "database_url": where.app,
            "migrate_database_url": where.owner,
            "port": port,
            "public_url": url,
            "simulator_url": simulator.url,
            "read_timeout_s": 3.0,
            "query_after_s": "20,40,3600",
            "web_workers": 1,
            "log_level": "CRITICAL",
        }
        deps = build_deps(load_settings(**values))
        others = {
            "wechat": simulator.credentials(OTHER_SP)["wechat"],
            "alipay": simulator.credentials(OTHER_APP)["alipay"],
        }
        seed(deps, simulator.credentials(), others)
        named = {key.upper(): str(value) for key, value in values.items()}
        env = {**os.environ, **named, "SWEEP_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
        web = [
            "gunicorn",
            "--config",
            str(ROOT / "config" / "gunicorn.py"),
            "tests.sweep.web:app",
        ]
        programs = [
            subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env)
            for command in (web, ["tests.sweep.worker"])
        ]
        try:
            wait_for(f"{url}/readyz")
            # The books are compared by the harness's own product, which serves nothing here.
            product = Product(url, Flask("unused"), deps, simulator)
            yield Stage(folder, product, libpq(where.owner), programs)
        finally:
            for program in programs:
                program.terminate()
            for program in programs:
                program.wait(20)
            deps.db.dispose()


def _put(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(path)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
