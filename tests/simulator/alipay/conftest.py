"""The simulator on a loopback port, a listener for its notices, and a client of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.app import create_app
from simulator.world import World
from tests.simulator.alipay.client import Client

LIN, ZHOU = "2088102000000001", "2088102000000002"


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Says nothing."""


class Listener:
    """A merchant's notify_url: keeps what came and answers what the test wants."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.kinds: list[str] = []
        self.answer: tuple[int, bytes] = (200, b"success")
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = listener.answer
                listener.kinds.append(self.headers["Content-Type"])
                listener.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/n/alipay"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def notices(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(b.decode(), keep_blank_values=True)) for b in self.bodies]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, World]]:
    home: Path = tmp_path_factory.mktemp("sim")
    app = create_app(home)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", app.extensions["sim_world"]
    server.shutdown()
    thread.join()
    server.server_close()
    close_journal(app.extensions["sim_world"])


def close_journal(world: World) -> None:
    """A process ends with its file; a test must close it."""
    if world.books._file is not None:
        world.books._file.close()


@pytest.fixture
def base(site: tuple[str, World]) -> Iterator[str]:
    url, world = site
    world.reset()
    yield url
    world.reset()


@pytest.fixture
def world(site: tuple[str, World], base: str) -> World:
    return site[1]


@pytest.fixture(scope="session")
def holdings(site: tuple[str, World]) -> dict[str, Any]:
    said = requests.get(f"{site[0]}/sim/credentials", timeout=10).json()
    return dict(said["alipay"])


@pytest.fixture
def client(base: str, holdings: dict[str, Any]) -> Iterator[Client]:
    client = Client(base, holdings)
    yield client
    client.http.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.stop()


@pytest.fixture
def phone(base: str) -> Callable[..., requests.Response]:
    """Acts in the wallet: phone("confirm", trade_no, person="lin")."""

    def act(act: str, trade_no: str = "", **more: str) -> requests.Response:
        body = {"act": act} | ({"tradeNO": trade_no} if trade_no else {}) | more
        return requests.post(f"{base}/sim/wallet/alipay/pay", json=body, timeout=10)

    return act


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    def wait(true: Callable[[], Any]) -> None:
        ends = time.monotonic() + 5
        while not true():
            assert time.monotonic() < ends, "it did not happen within 5 s"
            time.sleep(0.02)

    return wait


@pytest.fixture
def order() -> dict[str, Any]:
    return {
        "out_trade_no": "T20261122000001",
        "total_amount": "12.30",
        "subject": "拿铁 大杯+奶",
        "buyer_id": LIN,
    }
