"""How soon a new scan gets its page while 200 pages wait for their orders, with 8 threads in all.

One web process of 8 threads. The 200 pages behave as static/js/pay/result.js does: they ask, and
whoever is answered at once asks again in 2 seconds, whoever waited, in 0.2. They share one process
with the scans, which come four a second.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from bench import bound, cpu, stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, percentile, say, show
from bench.load import complete
from bench.stack import CODE, HOME, MAIN, Stack

PAGES = 200
THREADS = 8
PROMISE_MS = 300.0
SECONDS = 2.0 if QUICK else 10.0
SETTLE_S = 1.0 if QUICK else 4.0
SCAN_EVERY_S = 0.25


def figures() -> list[dict[str, Any]]:
    p95: list[float] = []
    alone: list[float] = []
    rates: list[float] = []
    share: list[float] = []
    with stack.running(web_workers=1, web_threads=THREADS) as running:
        running.empty()
        who = running.session("lin")
        paths = _pages(running, who.person_id)
        scan = running.request("GET", f"/q/{MAIN}/{CODE}", running.session("zhou").cookie)
        for n in range(LEAST_RUNS + 1):
            quiet = _run(running, scan, [])
            full = _run(running, scan, [running.request("GET", path) for path in paths])
            say(f"   round {n}: scan p95 {full['p95']:.0f} ms, alone {quiet['p95']:.0f} ms")
            if n:
                p95.append(full["p95"])
                alone.append(quiet["p95"])
                rates.append(full["asks_per_s"])
                share.append(full["web_cpu"])
    return [
        line(
            "scan_beside_200_waiting_pages_p95",
            "ms",
            p95,
            PROMISE_MS,
            threads=THREADS,
            without_pages_ms=round(median(alone), 1),
            asks_per_s=round(median(rates), 1),
            web_cores_used=round(median(share), 2),
        )
    ]


def _pages(running: Stack, person_id: int) -> list[str]:
    """200 orders that are being paid; nobody asks the wallet about them during the bench."""
    ids, stamp = running.ids(), time.time_ns() // 1000 % 10**9
    numbers = [f"live{stamp}n{n:011d}" for n in range(PAGES)]
    with psycopg.connect(running.libpq()) as conn, conn.cursor() as cursor:
        cursor.executemany(bound.INSERT, [bound.row(ids, person_id, one) for one in numbers])
        cursor.execute("UPDATE pay_attempt SET status = 'payable', prepay_id = out_trade_no")
        cursor.execute(
            "UPDATE pay_order SET status = 'paying', expires_at = now() + interval '1 hour'"
        )
        found = cursor.execute("SELECT public_id FROM pay_order").fetchall()
    return [f"/q/{MAIN}/o/{row[0]}/state?seen=pending" for row in found]


def _run(running: Stack, scan: bytes, asks: list[bytes]) -> dict[str, float]:
    plan = HOME / "live.json"
    plan.write_text(
        json.dumps(
            {
                "port": running.settings.port,
                "seconds": SECONDS,
                "scan": scan.decode(),
                "asks": [one.decode() for one in asks],
            }
        )
    )
    roots = {"web": running.roots["web"]}
    before = cpu.snapshot(roots)
    done = subprocess.run(
        [sys.executable, "-m", "bench.live_pages", str(plan)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    said = json.loads(done.stdout)
    spent = cpu.since(before, roots)["web"]
    return {
        "p95": percentile(said["scans_ms"], 0.95),
        "asks_per_s": said["asks"] / said["seconds"],
        "web_cpu": spent / said["seconds"],
    }


# --- the phones, in a process of their own ------------------------------------------------------


@dataclass
class Phone:
    request: bytes
    due: float
    is_scan: bool = False
    sock: socket.socket | None = None  # opened with the first request, as a browser does
    asked_at: float | None = None
    heard: bytes = b""


def phones(plan: dict[str, Any]) -> dict[str, Any]:
    picker, clock = selectors.DefaultSelector(), time.perf_counter
    start = clock()
    settled, end = start + SETTLE_S, start + SETTLE_S + plan["seconds"]
    everyone = []
    for n, ask in enumerate(plan["asks"]):
        everyone.append(Phone(ask.encode(), start + 2.0 * n / len(plan["asks"])))
    for n in range(8):  # scans go on coming while one waits
        due = settled + n * SCAN_EVERY_S
        everyone.append(Phone(plan["scan"].encode(), due, is_scan=True))
    scans: list[float] = []
    asks = 0
    while clock() < end:
        now = clock()
        for phone in everyone:
            if phone.asked_at is None and phone.due <= now:
                phone.heard, phone.asked_at = b"", clock()
                if phone.sock is None:
                    phone.sock = _connect(plan)
                    picker.register(phone.sock, selectors.EVENT_READ, phone)
                phone.sock.sendall(phone.request)
        waiting = [phone.due for phone in everyone if phone.asked_at is None]
        pause = min(waiting, default=end) - clock()
        for key, _ in picker.select(max(0.0, min(pause, 0.05))):
            phone = key.data
            assert phone.sock is not None
            piece = phone.sock.recv(65536)
            if not piece:
                raise ConnectionError("closed by the server")
            phone.heard += piece
            if not complete(phone.heard):
                continue
            assert phone.asked_at is not None
            took = clock() - phone.asked_at
            if phone.heard[9:12] != b"200":
                raise RuntimeError(phone.heard[:500].decode("utf-8", "replace"))
            if phone.is_scan:
                scans.append(took * 1000)
                phone.due = max(clock(), phone.due + 8 * SCAN_EVERY_S)
            else:
                asks += phone.asked_at >= settled
                phone.due = clock() + (0.2 if took > 1 else 2.0)
            phone.asked_at = None
    return {"scans_ms": scans, "asks": asks, "seconds": plan["seconds"]}


def _connect(plan: dict[str, Any]) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", plan["port"]))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(phones(json.loads(Path(sys.argv[1]).read_text()))))
    else:
        show(figures())
