"""`python -m bench.profile_road [press|scan|notify]`: where a request's time goes, by library.

Not a figure: cProfile slows Python two- to threefold and C not at all, and counts waiting as time.
It names what to look at; what a change brings is measured by the benches.
"""

from __future__ import annotations

import collections
import pstats
import shutil
import sys

from bench import stack
from bench.messages import Sender
from bench.notifications import _orders
from bench.stack import CODE, HOME, MAIN, load

LIBRARIES = (
    *("sqlalchemy", "psycopg", "flask", "werkzeug", "urllib3", "requests", "cryptography"),
    *("structlog", "jinja2", "procrastinate", "gunicorn"),
)
OURS = ("gateways", "services", "blueprints", "models", "web", "secretbox", "config")
WAITS = {"recv_into": "wait: upstream", "sendall": "send: upstream"}


def owner(path: str) -> str:
    """Whose code a file is."""
    for name in LIBRARIES:
        if f"site-packages/{name}" in path:
            return name
    if "generated" in path:
        return "sqlalchemy"
    for name in ("http", "email", "logging", "json"):
        if f"/python3.11/{name}/" in path:
            return f"stdlib {name}"
    return next((f"yima {name}" for name in OURS if f"/{name}/" in path), "stdlib")


def shares(stats: pstats.Stats) -> collections.Counter[str]:
    """Own time by owner; a builtin's time is its caller's, unless it waits or signs."""
    found: collections.Counter[str] = collections.Counter()
    table = vars(stats)["stats"]
    for (path, _, name), (_, _, own, _, callers) in table.items():
        if path != "~":
            is_wait = name == "wait" and "psycopg" in path
            found["wait: database" if is_wait else owner(path)] += own
            continue
        special = next((label for mark, label in WAITS.items() if mark in name), None)
        if "rsa" in name.lower() and ("sign" in name or "verify" in name):
            special = "RSA"
        for (caller, _, _), (_, _, its, _) in callers.items():
            found[special or owner(caller)] += its
    return found


def main(what: str) -> None:
    folder = HOME / "profile"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with stack.running(
        app="bench.profiled_wsgi:app",
        worker=False,
        bench_profile=folder,
        bench_profile_method="GET" if what == "scan" else "POST",
        web_workers=1,
    ) as running:
        running.empty()
        who = running.session("lin")
        if what == "press":
            requests = running.presses([who], 3000, 1)
        elif what == "scan":
            requests = [running.request("GET", f"/q/{MAIN}/{CODE}", who.cookie)] * 3000
        else:
            sender = Sender(running)
            requests = [sender.request(n) for n in _orders(running, who.person_id, "z", 2000)]
        load(running, requests, clients=1, seconds=6, good=204 if what == "notify" else 200)
    for path in folder.glob("*.prof"):
        count = int(path.stem.split("-")[1])
        print(f"{what}: {count} requests, milliseconds of each, profiled")
        for name, seconds in shares(pstats.Stats(str(path))).most_common(24):
            print(f"  {1000 * seconds / count:7.3f}  {name}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "press")
