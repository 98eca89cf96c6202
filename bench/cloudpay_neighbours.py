"""What nine merchants feel of a tenth that calls the Cloud Pay API ten times as much as its share.

Ten merchants' tills query orders, each at its share: a thirtieth of what this machine answers when
nobody waits (measured first, in the same run), so together a third of it. One merchant's limit by
the minute is twice its share. `calls`: the tenth queries at ten times its share. `slow_wallet`: it
pays by code, twenty times a second, over a wallet that takes two seconds. Calls come when they are
due (not when the last one was answered) and their time counts from then, waiting included. What
of the nine's is told to come again is counted; more than one in two hundred in a run raises. The
bound is the nine alone, in turns.

`python -m bench.cloudpay_neighbours open` switches both limits off, to see what they are for.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench import stack
from bench.cloudpay_calls import Till, raw
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, percentile, say, show
from bench.load import complete
from bench.stack import HOME, Stack, load
from config.settings import load_settings
from models.merchant import Merchant
from postgres import embedded
from services.deps import Deps, build_deps
from services.onboarding.rows import make_merchant, make_store

MERCHANTS, TIMES, AIM_RATIO = 10, 10, 1.5
LOAD = 1 / 3  # of what the machine answers: the ten at their shares together
PAYS_PER_S, WALLET_MS = 20.0, 2000
SETTLE_S, SECONDS = (1.0, 1.0) if QUICK else (4.0, 12.0)
MOST_REFUSED = 0.2 if QUICK else 0.005  # of the nine's calls, told to come again
MOST_OPEN = 48  # connections of one merchant's tills
_STATUS = re.compile(rb'\\"status\\": ?(\d+)')


# --- ten merchants ------------------------------------------------------------------------------


def _tills(running: Stack, deps: Deps) -> list[tuple[Till, str]]:
    """Ten merchants' tills and a paid order of each; the first one has a wallet."""
    first = Till(running, deps)
    number, body = first.pay()
    first.call("micro_pay", body)
    made = [(first, number)]
    for n in range(1, MERCHANTS):
        name = f"{time.time_ns() // 1000 % 10**9}n{n}"
        key = deps.transact(lambda s, name=name: _merchant(s, deps, name))  # type: ignore[misc]
        _copy_order(running, number, f"bench{name}")
        made.append((first.of_another(f"bench{name}", f"shop{name}", key), f"bench{name}"))
    for till, own in made:
        till.call("query_order", till.query(own))
    return made


def _merchant(session: Session, deps: Deps, name: str) -> str:
    now: datetime = deps.now()
    provider_id = session.scalars(select(Merchant.provider_id).order_by(Merchant.id)).first()
    assert provider_id is not None
    merchant, key = make_merchant(
        session, deps, provider_id, now=now, out_sub_mch_id=f"bench{name}", name=name,
        short_name=name, order_prefix=secrets.token_hex(5),
    )  # fmt: skip
    make_store(session, merchant, now=now, out_shop_id=f"shop{name}", name=name)
    return key


_COPY = """
INSERT INTO {table} SELECT (jsonb_populate_record(o, jsonb_build_object({values}))).* FROM {table} o
JOIN merchant m ON m.provider_id = o.provider_id AND m.out_sub_mch_id = %(to)s
JOIN store t ON t.provider_id = m.provider_id AND t.merchant_id = m.id
WHERE {which}
"""
_ORDER = _COPY.format(
    table="pay_order",
    values="'id', o.id + 1000000 + m.id, 'merchant_id', m.id, 'store_id', t.id, 'out_trade_no',"
    " %(to)s::text, 'public_id', left(%(to)s::text, 24), 'intent_key', %(to)s::text",
    which="o.out_trade_no = %(of)s",
)
_ATTEMPT = _COPY.format(
    table="pay_attempt",
    values="'id', o.id + 1000000 + m.id, 'order_id', o.order_id + 1000000 + m.id, 'out_trade_no',"
    " %(to)s::text, 'transaction_id', %(to)s::text",
    which="o.out_trade_no = %(of)s",
)


def _copy_order(running: Stack, number: str, to: str) -> None:
    """The same paid order, of another merchant."""
    with psycopg.connect(running.libpq(embedded.OWNER), autocommit=True) as conn:
        for statement in (_ORDER, _ATTEMPT):
            conn.execute(statement.encode(), {"of": number, "to": to})


# --- runs ---------------------------------------------------------------------------------------


@dataclass
class Bench:
    running: Stack
    tills: list[tuple[Till, str]]
    share: float = 0.0  # calls of one merchant in a second

    def measure_share(self, seconds: float) -> None:
        bodies = [
            raw(self.running.settings.port, "/cpay/query_order", till.query(number))
            for till, number in self.tills
        ]
        many = bodies * (int(4000 * seconds / len(bodies)) + 9)
        answered = [
            load(self.running, many, clients=16, seconds=seconds).rate for _ in range(3)
        ]  # fmt: skip
        self.share = median(answered) * LOAD / MERCHANTS

    def restart(self, *, is_open: bool) -> None:
        """The web with the limits that are measured; the address is everybody's here."""
        self.running.stop("web")
        per_minute = 0 if is_open else round(2 * self.share * 60)
        share = {"CPAY_MERCHANT_SHARE": "100"} if is_open else {}
        self.running.start_web(
            CPAY_MERCHANT_PER_MINUTE=str(per_minute), CPAY_ADDRESS_PER_MINUTE="0", **share
        )

    def run(self, noise: str) -> dict[str, Any]:
        """The nine, beside nothing, `calls` or `slow_wallet`."""
        sends = [
            {"rate": self.share, "requests": [self._query(n).decode()], "counts": True}
            for n in range(1, MERCHANTS)
        ]
        if noise == "calls":
            asked = [self._query(0).decode()]
            sends.append({"rate": TIMES * self.share, "requests": asked, "counts": False})
        if noise == "slow_wallet":
            sends.append({"rate": PAYS_PER_S, "requests": self._pays(), "counts": False})
        plan = HOME / "neighbours.json"
        plan.write_text(json.dumps({"port": self.running.settings.port, "sends": sends}))
        done = subprocess.run(
            [sys.executable, "-m", "bench.cloudpay_neighbours", "send", str(plan)],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        said = found["statuses"]
        if set(said) - {"0", "103"} or said.get("103", 0) > MOST_REFUSED * sum(said.values()):
            raise RuntimeError(f"{noise}: the nine were answered {said}")
        return found

    def _query(self, n: int) -> bytes:
        till, number = self.tills[n]
        return raw(self.running.settings.port, "/cpay/query_order", till.query(number))

    def _pays(self) -> list[str]:
        till, port = self.tills[0][0], self.running.settings.port
        codes = int(PAYS_PER_S * (SETTLE_S + SECONDS) * 1.3) + 20
        found = [raw(port, "/cpay/micro_pay", till.pay()[1]).decode() for _ in range(codes)]
        fault = {"on": "wechat.micropay", "kind": "delay", "times": codes, "ms": WALLET_MS}
        requests.post(f"{self.running.sim_url}/sim/faults", json=fault, timeout=10)
        return found

    def rest(self) -> None:
        """The wallet is quick again, and what was under way has ended."""
        requests.delete(f"{self.running.sim_url}/sim/faults", timeout=10)
        time.sleep(0.5 if QUICK else WALLET_MS / 1000)


def figures(*, is_open: bool) -> list[dict[str, Any]]:
    kinds = ("calls", "slow_wallet")
    made: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {kind: [] for kind in kinds}
    with stack.running(cpay_merchant_per_minute=0, cpay_address_per_minute=0,
                       cpay_merchant_share=100) as running:  # fmt: skip
        url = running.cluster.url(embedded.APP)
        deps = build_deps(
            load_settings(data_dir=running.settings.data_dir, database_url=url), pool_size=2
        )
        running.empty()
        bench = Bench(running, _tills(running, deps))
        bench.measure_share(1.0 if QUICK else 4.0)
        bench.restart(is_open=is_open)
        for n in range(LEAST_RUNS + 1):  # the first round warms up
            for kind in kinds:
                alone, beside = bench.run(""), bench.run(kind)
                bench.rest()
                say(f"   round {n} {kind}: {_said(alone)} alone, {_said(beside)} beside")
                if n:
                    made[kind].append((alone, beside))
        deps.db.dispose()
    return [_line(kind, runs, bench.share, is_open) for kind, runs in made.items()]


def _said(found: dict[str, Any]) -> str:
    ms = found["latencies_ms"]
    return f"p50 {percentile(ms, 0.5):.1f}, p99 {percentile(ms, 0.99):.1f} ms"


def _line(
    kind: str, runs: list[tuple[dict[str, Any], dict[str, Any]]], share: float, is_open: bool
) -> dict[str, Any]:
    def p(found: dict[str, Any], of: float) -> float:
        return percentile(found["latencies_ms"], of)

    noise = [run["noise"] for _, run in runs]
    return line(
        f"cloudpay_neighbour_{kind}_p99",
        "ms",
        [p(beside, 0.99) for _, beside in runs],
        [p(alone, 0.99) for alone, _ in runs],
        aim_ratio=AIM_RATIO,
        p50_ms=medians([{"alone": p(a, 0.5), "beside": p(b, 0.5)} for a, b in runs]),
        merchants=MERCHANTS,
        share_per_s=round(share, 1),
        neighbour_per_s=round(median(sum(one.values()) for one in noise) / SECONDS, 1),
        neighbour_done=round(
            median(one.get("0", 0) / max(1, sum(one.values())) for one in noise), 3
        ),
        others_calls=sum(sum(beside["statuses"].values()) for _, beside in runs),
        others_refused=sum(beside["statuses"].get("103", 0) for _, beside in runs),
        **({"limits": "off"} if is_open else {}),
    )


# --- the tills, in a process of their own -------------------------------------------------------


@dataclass
class Shop:
    """One merchant's tills: calls fall due by themselves, on whichever connection is free."""

    port: int
    rate: float
    requests: Iterator[bytes]
    counts: bool
    dice: random.Random
    due: float = 0.0
    free: deque[Wire] = field(default_factory=deque)
    opened: int = 0
    waiting: deque[float] = field(default_factory=deque)  # when each was due


@dataclass(eq=False)
class Wire:
    shop: Shop
    sock: socket.socket
    due: float = 0.0
    heard: bytes = b""


def tills(plan: dict[str, Any]) -> dict[str, Any]:
    clock, picker = time.perf_counter, selectors.DefaultSelector()
    start = clock()
    begin, end = start + SETTLE_S, start + SETTLE_S + SECONDS
    shops = [_shop(plan["port"], one, n, start) for n, one in enumerate(plan["sends"])]
    took: list[float] = []
    seen: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    while (now := clock()) < end:
        for shop in shops:
            while shop.due <= now:
                shop.waiting.append(shop.due)
                shop.due += shop.dice.expovariate(shop.rate)
            _send(shop, picker)
        for key, _ in picker.select(max(0.0, min(shop.due for shop in shops) - clock())):
            wire: Wire = key.data
            piece = wire.sock.recv(65536)
            if not piece:
                raise ConnectionError(f"closed by the server after {wire.heard[:200]!r}")
            wire.heard += piece
            if complete(wire.heard):
                _note(wire, clock(), begin, took, seen[wire.shop.counts])
                wire.shop.free.append(wire)
                _send(wire.shop, picker)
    return {"latencies_ms": took, "statuses": dict(seen[True]), "noise": dict(seen[False])}


def _shop(port: int, given: dict[str, Any], n: int, start: float) -> Shop:
    raws = [one.encode() for one in given["requests"]]
    shop = Shop(port, given["rate"], _around(raws), given["counts"], random.Random(n))
    shop.due = start + shop.dice.expovariate(shop.rate)
    return shop


def _around(raws: list[bytes]) -> Iterator[bytes]:
    """One is sent again and again; of many each is another payment."""
    while True:
        yield from raws
        if len(raws) > 1:
            raise RuntimeError(f"{len(raws)} requests did not last")


def _send(shop: Shop, picker: selectors.BaseSelector) -> None:
    while shop.waiting:
        if shop.free:
            wire = shop.free.popleft()
        elif shop.opened < MOST_OPEN:
            shop.opened += 1
            wire = Wire(shop, socket.create_connection(("127.0.0.1", shop.port)))
            wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            picker.register(wire.sock, selectors.EVENT_READ, wire)
        else:
            return
        wire.due, wire.heard = shop.waiting.popleft(), b""
        wire.sock.sendall(next(shop.requests))


def _note(wire: Wire, now: float, begin: float, took: list[float], seen: Counter[str]) -> None:
    if wire.due < begin:
        return
    found = _STATUS.search(wire.heard)
    seen[found[1].decode() if found else wire.heard[:15].decode("latin-1")] += 1
    if wire.shop.counts:
        took.append(round((now - wire.due) * 1000, 3))


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        print(json.dumps(tills(json.loads(Path(sys.argv[2]).read_text()))))
    else:
        show(figures(is_open="open" in sys.argv[1:]))
