"""The real stack for a bench: embedded PostgreSQL with fsync on, simulator, gunicorn, worker.

Everything lies below var/bench, so nothing touches the data of `make run`. The processes are the
ones that `make run` starts, with the same settings; only ports and the data folder differ.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from bench import cpu
from bench.figures import ROOT, say
from cli.supervise import migrate
from config.settings import Settings, load_settings
from models.all import Base as _every_table  # noqa: F401
from postgres import embedded
from postgres.addresses import Addresses
from secretbox.ring import KeyRing
from services import intents
from services.payers import hashed
from tests.harness.ports import free_port, wait_for

HOME = ROOT / "var" / "bench"
MAIN, CODE = "sz01lXKA6DKGjNzr2l4B", "8K3FQ2"
PEOPLE = ("lin", "zhou", "chen")
AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Mobile/15E148 MicroMessenger/8.0.43(0x18002b2c) NetType/WIFI Language/zh_CN"
)
EMPTIED = (
    "pay_order, pay_attempt, upstream_event, audit_entry, audit_seal, audit_tail, audit_head,"
    " money_case, upstream_quota, oauth_state, day_total, day_delta, provider_hour"
)


@dataclass(frozen=True)
class Session:
    """One payer's browser: the cookie, and who he is in our tables."""

    person: str
    cookie: str
    person_id: int


@dataclass
class Stack:
    settings: Settings
    cluster: embedded.Cluster
    logs: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.settings.base_url

    @property
    def sim_url(self) -> str:
        return self.settings.simulator_url

    @property
    def roots(self) -> dict[str, int]:
        """The first process of each part whose CPU is counted apart."""
        postmaster = int((self.cluster.data / "postmaster.pid").read_text().split()[0])
        return {"database": postmaster} | {name: p.pid for name, p in self.processes.items()}

    # --- processes ----------------------------------------------------------------------------

    def start(self, name: str, *words: str, **more: str) -> None:
        log = (self.logs / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=self.environment() | more,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATA_DIR": str(self.settings.data_dir),
            "PORT": str(self.settings.port),
            "SIM_PORT": str(self.settings.sim_port),
            "SIMULATOR_URL": self.sim_url,
            "FLASK_APP": "app",
            "SIM_DIR": str(self.settings.data_dir / "sim"),
            "SIM_CLOCK_FILE": str(self.settings.data_dir / "clock"),
            "SIM_PRODUCT_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }

    def start_web(self, app: str = "wsgi:app", **more: str) -> None:
        config = str(ROOT / "config" / "gunicorn.py")
        self.start("web", "gunicorn", "--config", config, app, **more)
        wait_for(f"{self.url}/healthz")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # --- database -----------------------------------------------------------------------------

    def libpq(self, user: str = embedded.APP) -> str:
        return f"host={self.cluster.socket_dir} user={user} dbname={embedded.DATABASE}"

    def row(self, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        with psycopg.connect(self.libpq(), autocommit=True) as conn:
            found = conn.execute(sql.encode(), values).fetchone()
        assert found is not None
        return tuple(found)

    def empty(self) -> None:
        """No orders, no due times, no jobs, empty books: each run begins alike."""
        with psycopg.connect(self.libpq(embedded.OWNER), autocommit=True) as conn:
            for again in range(5):
                try:
                    with conn.transaction():
                        conn.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_keep")
                        conn.execute("ALTER TABLE audit_seal DISABLE TRIGGER audit_seal_keep")
                        conn.execute(f"TRUNCATE {EMPTIED} CASCADE".encode())
                        conn.execute("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_keep")
                        conn.execute("ALTER TABLE audit_seal ENABLE TRIGGER audit_seal_keep")
                    conn.execute("DELETE FROM procrastinate_jobs WHERE status <> 'doing'")
                    break
                except psycopg.errors.DeadlockDetected:
                    if again == 4:
                        raise
        requests.post(f"{self.sim_url}/sim/reset", json={}, timeout=10).raise_for_status()

    def ids(self) -> dict[str, int]:
        """What an order of the bench's code points to."""
        names = ("provider_id", "merchant_id", "store_id", "code_id")
        row = self.row(
            "SELECT c.provider_id, c.merchant_id, c.store_id, c.id FROM pay_code c JOIN provider p"
            " ON p.id = c.provider_id WHERE p.out_mch_id = %s AND c.code = %s",
            (MAIN, CODE),
        )
        return dict(zip(names, row, strict=True))

    # --- people -------------------------------------------------------------------------------

    def session(self, person: str) -> Session:
        """Go through the silent OAuth as a phone does."""
        browser = requests.Session()
        browser.trust_env = False
        browser.headers["User-Agent"] = AGENT
        browser.cookies.set("sim_person", person, domain="127.0.0.1")
        answer = browser.get(f"{self.url}/q/{MAIN}/{CODE}", timeout=20)
        token = re.search(r'name="intent" value="([^"]*)"', answer.text)
        if token is None:
            raise RuntimeError(f"no pay form: {answer.status_code} {answer.text[:300]}")
        # In simulation the cookie's name ends in the person; without `sim_person` it does not.
        cookie = next(c.value or "" for c in browser.cookies if c.name.startswith("yima_payer"))
        (person_id,) = self.row(
            "SELECT wechat_person_id FROM web_session WHERE id_hash = %s", (hashed(cookie),)
        )
        return Session(person, cookie, int(person_id))

    def ring(self) -> KeyRing:
        return KeyRing(path=self.settings.data_dir / "keyring.json")

    def presses(self, sessions: list[Session], count: int, first: int) -> list[bytes]:
        """`count` raw requests, each the press of a pay form's key; every form is another one.

        The form's token is signed here with the product's key ring, as rendering the page would.
        """
        ring, ids, now = self.ring(), self.ids(), dt.datetime.now(dt.UTC)
        made = []
        for n in range(first, first + count):
            who = sessions[n % len(sessions)]
            intent = intents.Intent(ids["provider_id"], ids["code_id"], who.person_id, n)
            body = urllib.parse.urlencode(
                {"intent": intents.sign(ring, intent, now), "amount": "12.34", "remark": ""}
            )
            made.append(self.request("POST", f"/q/{MAIN}/{CODE}/pay", who.cookie, body))
        return made

    def request(self, method: str, path: str, cookie: str = "", body: str = "") -> bytes:
        """A request as WeChat's page sends it."""
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.settings.port}",
            f"User-Agent: {AGENT}",
            "Accept: application/json" if method == "POST" else "Accept: text/html",
            "Accept-Language: zh-CN",
            "Accept-Encoding: gzip, deflate",
        ]
        if cookie:
            head.append(f"Cookie: yima_payer={cookie}")
        if method == "POST":
            head += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body.encode())}",
            ]
        return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


@contextmanager
def running(*, app: str = "wsgi:app", worker: bool = True, **settings: Any) -> Iterator[Stack]:
    """Start everything, give the stack, stop everything that was started here."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("another bench is running: both would spoil each other") from None
        yield from _running(app, worker, settings)


def _running(app: str, worker: bool, settings: dict[str, Any]) -> Iterator[Stack]:
    sim_port = free_port()
    chosen = load_settings(
        data_dir=HOME / "data",
        database_url="",
        port=free_port(),
        sim_port=sim_port,
        public_url="",
        simulator_url=f"http://127.0.0.1:{sim_port}",
        **settings,
    )
    cluster = embedded.start(chosen)
    where = Addresses(cluster.url(embedded.APP), cluster.url(embedded.OWNER))
    migrate(where)
    logs = HOME / "logs"
    logs.mkdir(exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    stack = Stack(chosen, cluster, logs)
    extra = {name.upper(): str(value) for name, value in settings.items()}
    try:
        _start(stack, app, worker, extra)
        yield stack
    finally:
        for name in list(reversed(stack.processes)):
            stack.stop(name)


def _start(stack: Stack, app: str, worker: bool, extra: Mapping[str, str]) -> None:
    say("   starting simulator, web and worker")
    bind = f"127.0.0.1:{stack.settings.sim_port}"
    stack.start(
        "simulator",
        *("gunicorn", "--bind", bind, "--worker-class", "gthread", "--threads", "32"),
        *("--workers", "1", "--keep-alive", "30", "--log-level", "warning"),
        *("--no-control-socket", "simulator.wsgi:app"),
    )
    wait_for(f"{stack.sim_url}/sim/health")
    subprocess.run(
        [sys.executable, "-m", "flask", "seed"],
        cwd=ROOT,
        env=stack.environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    stack.start_web(app, **extra)
    if worker:
        stack.start("worker", "flask", "worker", **extra)
        wait_for(f"{stack.url}/readyz")


# --- load ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """What one run of the generator saw, and what each part of the stack spent on it."""

    rate: float  # good answers per second
    answers: int
    latencies_ms: list[float]
    cpu_s: dict[str, float]
    extra: list[float]  # the header X-Upstream-Ms of each answer, where there is one

    def cpu_ms(self, *parts: str) -> float:
        """CPU milliseconds per answer, of these parts together."""
        return 1000 * sum(self.cpu_s.get(part, 0.0) for part in parts) / max(1, self.answers)


def load(
    stack: Stack,
    requests_: list[bytes],
    *,
    clients: int,
    seconds: float,
    port: int | None = None,
    good: int = 200,
    roots: Mapping[str, int] | None = None,
) -> Loaded:
    """Send the requests from a process of its own, `clients` at a time, until time is up.

    Raises when an answer had another status, or when the requests did not last.
    """
    counted = dict(roots if roots is not None else stack.roots)
    plan = HOME / "plan.bin"
    with plan.open("wb") as out:
        for one in requests_:
            out.write(len(one).to_bytes(4, "big") + one)
    before = cpu.snapshot(counted)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.load", str(plan)),
            *(str(port or stack.settings.port), str(clients), str(seconds), str(good)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    spent = cpu.since(before, counted)
    seen = json.loads(done.stdout)
    if seen["bad"]:
        raise RuntimeError(f"answers other than {good}: {seen['bad']}: {seen['first_bad'][:500]}")
    if seen["ran_out"]:
        raise RuntimeError(f"{len(requests_)} requests did not last {seconds} s")
    spent["load"] = seen["cpu_s"]
    return Loaded(
        rate=seen["good"] / seen["seconds"],
        answers=seen["good"],
        latencies_ms=seen["latencies_ms"],
        cpu_s=spent,
        extra=seen["extra"],
    )
