"""The wallets of one process: the real simulator, with its threads' work in the play's hands."""

from __future__ import annotations

import heapq
import io
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.structures import CaseInsensitiveDict
from werkzeug.test import run_wsgi_app

from gateways.http import Answer
from simulator.app import create_app
from simulator.books import Books
from simulator.due import Due
from simulator.freezes import FreezeBook
from simulator.keys import KeyStore
from simulator.outbox import Outbox, Parcel
from simulator.world import World
from tests.sim.timeline import Timeline, WalletClock


class HeldOutbox(Outbox):
    """Nothing leaves by itself: the play takes what is due and says what becomes of it."""

    def start(self) -> None:
        pass

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def take(self) -> Parcel:
        return heapq.heappop(self._heap)[2]

    def again(self, parcel: Parcel) -> None:
        """Not acknowledged: the schedule goes on, to its end."""
        parcel.tries += 1
        if parcel.tries <= len(parcel.waits):
            self.post(parcel, parcel.waits[parcel.tries - 1])

    def later(self, parcel: Parcel, after_s: float) -> None:
        self.post(parcel, after_s)


class HeldFreezes(FreezeBook):
    """Without a journal: these wallets never start again, and others share their folder."""

    def _write(self, text: str) -> None:
        pass


class HeldDue(Due):
    def __init__(self, clock: WalletClock) -> None:
        super().__init__(clock)
        self._thread = threading.current_thread()  # so that it never starts one

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None


class Wallets:
    """`home` holds the test keys, the same for every process of a run."""

    def __init__(self, timeline: Timeline, home: Path, product_url: str) -> None:
        clock = WalletClock(timeline)
        world = World(
            home=home,
            clock=clock,
            books=Books(None),
            keys=KeyStore(home / "keys.json"),
            public_url=product_url,
        )
        self.outbox = world.outbox = HeldOutbox(clock, world._told, world.faults)
        self.due = world.due = HeldDue(clock)
        world.freezes = HeldFreezes(home / "no journal")
        self.world = world
        self.app = create_app(world=world)
        self._expiry = self.app.extensions["sim_alipay"].expiry
        self._expiry._thread = threading.current_thread()

    def reset(self) -> None:
        self.world.reset()
        self._expiry._heap.clear()

    def next_due(self) -> float | None:
        """When something happens there by itself: a refund ends, a trade expires."""
        expiry = self._expiry._heap[0][0] if self._expiry._heap else None
        return min((at for at in (self.due.next_due(), expiry) if at is not None), default=None)

    def run_due(self) -> None:
        self.due.run()
        for owner, number in self._expiry._due():
            self._expiry._on_due(owner, number)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request at the wallets' door, as HTTP brings it."""
        return knock(self.app, method, url, headers, body)


def knock(app: Any, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """One request at an application's WSGI door, byte for byte."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    said = {"Host": parts.netloc, **headers}
    environ = _environ(method, parts.path, parts.query, target, said, body)
    chunks, status, found = run_wsgi_app(app, environ, buffered=True)
    return Answer(int(status.split()[0]), CaseInsensitiveDict(found), b"".join(chunks))


def _environ(
    method: str, path: str, query: str, target: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
