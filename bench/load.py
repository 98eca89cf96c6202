"""The load generator: one process, raw sockets kept alive, one request in flight per client.

`python -m bench.load <plan> <port> <clients> <seconds> <good status>` sends the plan's requests in
order and prints what it saw as JSON. It parses as little as it can: it shares the cores.
"""

from __future__ import annotations

import json
import re
import resource
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_EXTRA = re.compile(rb"\r\nx-upstream-ms: *([0-9.]+)", re.I)


@dataclass
class Client:
    sock: socket.socket
    sent_at: float = 0.0
    heard: bytes = b""


@dataclass
class Seen:
    good: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    first_bad: str = ""
    latencies_ms: list[float] = field(default_factory=list)
    extra: list[float] = field(default_factory=list)
    ran_out: bool = False


def read_plan(path: Path) -> list[bytes]:
    raw, at, found = path.read_bytes(), 0, []
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def complete(heard: bytes) -> bool:
    """Whether a whole answer has come: our server always says how long it is, save for a 204."""
    end = heard.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(heard, 0, end + 2)
    return len(heard) >= end + 4 + (int(length[1]) if length else 0)


def run(plan: list[bytes], port: int, clients: int, seconds: float, good: bytes) -> Seen:
    seen, picker, waiting = Seen(), selectors.DefaultSelector(), iter(plan)
    for _ in range(clients):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        picker.register(sock, selectors.EVENT_READ, Client(sock))
    clock = time.perf_counter
    deadline, busy = clock() + seconds, 0

    def send(client: Client) -> bool:
        request = next(waiting, None)
        if request is None:
            seen.ran_out = True
            return False
        client.heard, client.sent_at = b"", clock()
        client.sock.sendall(request)
        return True

    for key in list(picker.get_map().values()):
        busy += send(key.data)
    while busy:
        for key, _ in picker.select(30):
            client: Client = key.data
            piece = client.sock.recv(65536)
            if not piece:
                raise ConnectionError(f"closed by the server after {client.heard[:200]!r}")
            client.heard += piece
            if not complete(client.heard):
                continue
            _note(seen, client, clock(), good)
            busy -= 1
            if clock() < deadline:
                busy += send(client)
    return seen


def _note(seen: Seen, client: Client, now: float, good: bytes) -> None:
    status = client.heard[9:12]
    if status != good:
        seen.bad[status.decode()] = seen.bad.get(status.decode(), 0) + 1
        seen.first_bad = seen.first_bad or client.heard[:1500].decode("utf-8", "replace")
        return
    seen.good += 1
    seen.latencies_ms.append(round((now - client.sent_at) * 1000, 3))
    extra = _EXTRA.search(client.heard)
    if extra:
        seen.extra.append(float(extra[1]))


def main() -> None:
    path, port, clients, seconds, good = sys.argv[1:]
    plan = read_plan(Path(path))
    own = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    seen = run(plan, int(port), int(clients), float(seconds), good.encode())
    took = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime
    print(json.dumps(vars(seen) | {"seconds": took, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
