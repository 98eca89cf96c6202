"""query_order_list and its overview over ten million orders, one merchant having half of them.

Signed calls go through gunicorn with the product's own settings, eight at a time; each asks for
other days, pages and merchants, and gets fifty rows with the count of all. The bound, in turns with
it: the same number of connections that read fifty orders by their primary key with psycopg.

`python -m bench.cloudpay_lists 1000000` asks with fewer orders.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

import psycopg
import requests

from bench import filled
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, percentile, say, show
from bench.filled import MERCHANTS, Filled
from bench.stack import HOME, Loaded, Stack, load
from services.accounts import seal_place
from services.bills.days import china_date, starts
from services.cloudpay.authen import code_of
from tests.harness.ports import free_port, wait_for

ORDERS = int(sys.argv[1]) if sys.argv[1:] else 20_000 if QUICK else filled.MOST
CLIENTS, SECONDS = 8, 1.0 if QUICK else 8.0
MOST_A_SECOND = 1500  # requests made ready: more than any run answers
KEY = "benchbenchbenchbenchbenchbench12"
ROWS = 50
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Draw:
    """Other merchants, days and pages at every call, within what is filled."""

    dice: random.Random
    since: datetime
    until: datetime

    def shared(self) -> int:
        return self.dice.randrange(2, MERCHANTS + 1)

    def whole_days(self, days: int) -> tuple[datetime, datetime]:
        """From a China midnight to the last second of a day, as tills ask."""
        first = china_date(self.since) + DAY
        room = (china_date(self.until) - first).days - days
        begins = starts(first + self.dice.randrange(max(1, room)) * DAY)
        return begins, begins + days * DAY - timedelta(seconds=1)

    def any_span(self, days: int) -> tuple[datetime, datetime]:
        room = max(1, int((self.until - self.since - days * DAY).total_seconds()))
        begins = self.since + timedelta(seconds=self.dice.randrange(room))
        return begins, begins + days * DAY - timedelta(seconds=1)


Ask = tuple[str, dict[str, Any]]


def questions(draw: Draw) -> dict[str, Callable[[], Ask]]:
    """By name: what draws a call."""
    longest = min(90, max(1, (draw.until - draw.since).days - 2))
    a_day = ORDERS // 2 * 95 // 100 // max(1, (draw.until - draw.since).days)  # of the large one

    def listed(
        merchant: Callable[[], int], span: Callable[[], Any], pages: int, **more: Any
    ) -> Callable[[], Ask]:
        def drawn() -> Ask:
            since, until = span()
            page = 1 + draw.dice.randrange(max(1, pages))
            return "query_order_list", _content(
                merchant(), since, until, page_num=page, page_size=ROWS, **more
            )

        return drawn

    def summed(span: Callable[[], Any], **more: Any) -> Callable[[], Ask]:
        return lambda: ("query_order_list_overview", _content(1, *span(), **more))

    def big() -> int:
        return 1

    return {
        "day": listed(big, lambda: draw.whole_days(1), a_day // ROWS),
        "deep": listed(big, lambda: draw.any_span(longest), longest * a_day // ROWS),
        "shared": listed(draw.shared, lambda: draw.any_span(longest), 2),
        "shop": listed(
            big, lambda: draw.any_span(longest), longest * a_day // 3 // ROWS, out_shop_id="s2"
        ),
        "refunds": listed(
            big, lambda: draw.any_span(longest), longest * a_day // 50 // ROWS, order_type=2
        ),
        "all_states_day": listed(big, lambda: draw.whole_days(1), a_day // ROWS, status=1),
        "device_day": listed(
            big, lambda: draw.whole_days(1), 1, out_shop_id="s2", device_id="77"
        ),
        "overview_day": summed(lambda: draw.whole_days(1)),
        "overview_long": summed(lambda: draw.any_span(longest)),
    }  # fmt: skip


def _content(merchant: int, since: datetime, until: datetime, **more: Any) -> dict[str, Any]:
    return {
        "out_sub_mch_id": f"m{merchant}",
        "order_type": 3,
        "start_time": int(since.timestamp()),
        "end_time": int(until.timestamp()),
        "nonce_str": "416492026bc84091bcaf7e74ea90ceba",
        **more,
    }


def _body(content: dict[str, Any]) -> bytes:
    text = json.dumps(content)
    info = {"a": {"authen_type": 1, "authen_code": code_of(KEY, text)}}
    return json.dumps({"request_content": text, "authen_info": info}).encode()


def _raw(ask: Ask, port: int) -> bytes:
    method, content = ask
    body = _body(content)
    head = (
        f"POST /cpay/{method} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def _served(there: Filled) -> Iterator[tuple[int, int]]:
    """gunicorn over the filled database: its port and its first process."""
    port = free_port()
    settings = there.deps.settings
    env = {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SIMULATOR_URL": "http://127.0.0.1:9",
        "PORT": str(port),
        "LOG_LEVEL": "ERROR",
        "CPAY_MERCHANT_PER_MINUTE": "0",
        "CPAY_ADDRESS_PER_MINUTE": "0",
        "CPAY_MERCHANT_SHARE": "100",
    }
    with (HOME / "lists.log").open("ab") as log:
        config = str(ROOT / "config" / "gunicorn.py")
        web = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", config, "wsgi:app"],
            cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port, web.pid
    finally:
        web.terminate()
        web.wait(20)


def _give_keys(there: Filled) -> None:
    """The API's keys and ways in, for merchants that were filled in without."""
    sealed = there.deps.ring.seal(KEY, seal_place("merchant", "authen_key_sealed", "bench"))
    with there.connect() as conn:
        conn.execute(
            "UPDATE merchant SET seal_key = 'bench', authen_key_sealed = %s"
            " WHERE seal_key <> 'bench'",
            [sealed],
        )
        conn.execute(
            "INSERT INTO route (kind, external_id, provider_id)"
            " SELECT 'sub_mch', out_sub_mch_id, provider_id FROM merchant ON CONFLICT DO NOTHING"
        )


def _check(port: int, ask: Ask) -> int:
    """One call as a client makes it; how many rows it told. Raises unless it was answered."""
    method, content = ask
    url = f"http://127.0.0.1:{port}/cpay/{method}"
    outer = requests.post(url, data=_body(content), timeout=60).json()
    said = json.loads(outer["response_content"])
    assert said["status"] == 0, said
    found = said[method]
    return len(found.get("order_details", found.get("overviews")))


def _bound(there: Filled, dice: random.Random) -> float:
    """Reads of fifty orders by their keys in a second, all connections together."""
    done: list[int] = []
    ends = time.perf_counter() + SECONDS / 4

    def read(seed: int) -> None:
        own, count = random.Random(seed), 0
        with psycopg.connect(there.where, autocommit=True, prepare_threshold=1) as conn:
            while time.perf_counter() < ends:
                first = own.randrange(1, ORDERS - ROWS)
                keys = list(range(first, first + ROWS))
                conn.execute(
                    "SELECT * FROM pay_order WHERE provider_id = 1 AND id = ANY(%s)", [keys]
                ).fetchall()
                count += 1
        done.append(count)

    threads = [threading.Thread(target=read, args=(dice.randrange(10**9),)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (SECONDS / 4)


def figures() -> list[dict[str, Any]]:
    with filled.database() as there:
        there.fill_to(ORDERS)
        _give_keys(there)
        since, until = (
            there.one(f"SELECT {word}(paid_at) FROM pay_order").astimezone(UTC)
            for word in ("min", "max")
        )
        dice = random.Random(7)
        asked = questions(Draw(dice, since, until))
        with _served(there) as (port, pid):
            return _measure(there, dice, asked, port, pid)


def _measure(
    there: Filled, dice: random.Random, asked: dict[str, Callable[[], Ask]], port: int, pid: int
) -> list[dict[str, Any]]:
    roots = {"database": there.server, "web": pid}
    runs: dict[str, list[Loaded]] = {name: [] for name in asked}
    limits: list[float] = []
    told = {name: [_check(port, drawn()) for _ in range(3)] for name, drawn in asked.items()}
    for n in range(LEAST_RUNS + 1):
        limit = _bound(there, dice)
        took = {name: _load(drawn, port, roots) for name, drawn in asked.items()}
        if n == 0:  # a round to warm up
            continue
        limits.append(limit)
        for name, one in took.items():
            runs[name].append(one)
        say(f"   run {n}: " + ", ".join(f"{name} {one.rate:.0f}/s" for name, one in took.items()))
    return [_line(name, found, limits, told[name]) for name, found in runs.items()]


def _load(drawn: Callable[[], Ask], port: int, roots: dict[str, int]) -> Loaded:
    plan = [_raw(drawn(), port) for _ in range(int(MOST_A_SECOND * SECONDS))]
    return load(cast(Stack, None), plan, clients=CLIENTS, seconds=SECONDS, port=port, roots=roots)


def _line(name: str, found: list[Loaded], limits: list[float], told: list[int]) -> dict[str, Any]:
    every = [ms for one in found for ms in one.latencies_ms]
    return line(
        f"cloudpay_list_{name}", "req/s", [one.rate for one in found], limits,
        p50_ms=round(median(every), 2), p99_ms=round(percentile(every, 0.99), 2), clients=CLIENTS,
        rows=told, orders=ORDERS,
        web_cpu_ms=round(median(one.cpu_ms("web") for one in found), 2),
        database_cpu_ms=round(median(one.cpu_ms("database") for one in found), 2),
    )  # fmt: skip


if __name__ == "__main__":
    show(figures())
