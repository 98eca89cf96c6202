"""One real simulator for the whole run: gunicorn on a free port, emptied before each test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = "http://127.0.0.1:8000"  # nothing listens there; pay directories are derived from it


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Simulator:
    """A running simulator and its /sim calls."""

    url: str
    home: Path
    http: requests.Session

    def get(self, path: str) -> Any:
        answer = self.http.get(self.url + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
        answer = self.http.post(self.url + path, json=body or {}, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()

    def fault(self, on: str, kind: str, **more: Any) -> None:
        self.post("/sim/faults", {"on": on, "kind": kind, **more}, 201)

    def switch(self, **values: str) -> None:
        """Names with "__" for the dot: wechat__probe="notify"."""
        self.post("/sim/switches", {n.replace("__", "."): v for n, v in values.items()})

    def advance(self, seconds: float) -> None:
        self.post("/sim/clock", {"advance_s": seconds})

    def books(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/sim/books")
        return rows


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    env = os.environ | {
        "SIM_DIR": str(home),
        "SIM_CLOCK_FILE": str(home / "clock"),
        "SIM_PRODUCT_URL": PRODUCT,
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "--threads",
        "16",
        "--keep-alive",
        "60",
    ]
    command += ["-b", f"127.0.0.1:{port}", "--no-control-socket", "simulator.wsgi:app"]
    with (home / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{url}/sim/health", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    pytest.fail(f"the simulator did not start: {log.read_text()}")


@contextmanager
def own_simulator(home: Path) -> Iterator[Simulator]:
    """A simulator with its data in `home`, for as long as the block lasts."""
    port = free_port()
    process = start(home, port)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(url, process, home / "log")
        with requests.Session() as http:
            http.trust_env = False
            yield Simulator(url, home, http)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with own_simulator(tmp_path_factory.mktemp("sim")) as running:
        yield running


@pytest.fixture
def sim(simulator: Simulator) -> Simulator:
    """The simulator, empty, with its clock at now."""
    simulator.post("/sim/reset")
    return simulator


@dataclass
class Heard:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Listener:
    """Where notifications arrive. `answers` are given in turn, the last one for ever."""

    url: str
    heard: list[Heard] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(204, b"")])
    before_answer: Callable[[], object] = lambda: None

    def next_answer(self) -> tuple[int, bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait(self, count: int, within_s: float = 5.0) -> list[Heard]:
        wait_for(lambda: len(self.heard) >= count, within_s)
        return self.heard


def wait_for(done: Callable[[], bool], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            inbox.heard.append(Heard(self.path, headers, body))
            status, said = inbox.next_answer()
            inbox.before_answer()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            if status != 204:
                self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    inbox = Listener(f"http://127.0.0.1:{server.server_port}/notify")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield inbox
    server.shutdown()
    server.server_close()
