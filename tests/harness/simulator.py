"""The simulator as a process of its own, driven over HTTP only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from config.settings import ROOT
from tests.harness.ports import free_port, wait_for


@dataclass
class Simulator:
    url: str
    http: requests.Session

    def get(self, path: str) -> Any:
        answer = self.http.get(self.url + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(self.url + path, json=body, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def fault(self, on: str, kind: str, times: int = 1, **more: Any) -> None:
        self.post("/sim/faults", {"on": on, "kind": kind, "times": times, **more})

    def clear_faults(self) -> None:
        self.http.delete(self.url + "/sim/faults", timeout=10)

    def switch(self, name: str, value: str) -> None:
        self.post("/sim/switches", {name: value})

    def settle(self) -> None:
        """Notifications that are due have arrived, but for those that somebody holds."""
        self.post("/sim/outbox/settle", {})

    def advance(self, seconds: float) -> None:
        """What was to come by now has come before the time goes on."""
        self.settle()
        self.post("/sim/clock", {"advance_s": seconds})

    def reset(self) -> None:
        self.post("/sim/reset", {})

    def books(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/sim/books")
        return rows

    def trade(self, out_trade_no: str) -> dict[str, Any] | None:
        return next((row for row in self.books() if row["out_trade_no"] == out_trade_no), None)

    def wallet(
        self, channel: str, bridge: dict[str, Any], act: str = "confirm", **more: Any
    ) -> Any:
        """What the phone does with the bridge's parameters. Gives (status, answer)."""
        answer = self.http.post(
            f"{self.url}/sim/wallet/{channel}/pay", json={**bridge, "act": act, **more}, timeout=10
        )
        return answer.status_code, answer.json()

    def credentials(self, owner: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/sim/credentials?owner={owner}")
        return found


@contextmanager
def run_simulator(home: Path, clock_file: Path, product_url: str) -> Iterator[Simulator]:
    port = free_port()
    env = {
        **os.environ,
        "SIM_DIR": str(home),
        "SIM_CLOCK_FILE": str(clock_file),
        "SIM_PRODUCT_URL": product_url,
    }
    words = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "32"]
    words += ["--keep-alive", "30", "--log-level", "warning", "--no-control-socket"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *words, "simulator.wsgi:app"], cwd=ROOT, env=env
    )
    session = requests.Session()
    session.trust_env = False
    try:
        wait_for(f"http://127.0.0.1:{port}/sim/health")
        yield Simulator(f"http://127.0.0.1:{port}", session)
    finally:
        session.close()
        process.terminate()
        process.wait(20)
