"""The first page of a merchant with a million orders: how long the server takes, how much comes.

A year of orders of one merchant with three stores; 2,740 of them today, wherever the clock stands.
The whole application answers in this process, from cookie to page, over the embedded PostgreSQL;
stores are asked for in turns. Bytes are the page as it leaves, and what a browser that has the
styles asks for to know that they are still good. The aims: 50 ms, 150 ms at the 99th percentile,
20 KB.

`python -m bench.merchant_home 100000` asks with fewer.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from statistics import median
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from bench import filled
from bench.figures import LEAST_RUNS, QUICK, line, percentile, say, show
from bench.filled import STORES, Filled
from config.settings import load_settings

ORDERS = int(sys.argv[1]) if sys.argv[1:] else 20_000 if QUICK else 1_000_000
ASKED = 10 if QUICK else 100  # per run
TODAY = max(ORDERS // 365, 1)
AIM_MS, AIM_P99_MS, AIM_BYTES = 50.0, 150.0, 20 * 1024
NAME = "yima_home"
# The newest `TODAY` orders since China's midnight, the others over the year before it.
_MIDNIGHT = "(date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai')"
_MADE = (
    f"CASE WHEN g > {ORDERS - TODAY} THEN {_MIDNIGHT} + (now() - interval '30 seconds'"
    f" - {_MIDNIGHT}) * ((g - {ORDERS - TODAY}) / {TODAY}.0)"
    f" ELSE {_MIDNIGHT} - interval '364 days' * (1 - g / {ORDERS}.0) END"
)
_SOMEBODY = (
    "INSERT INTO staff (provider_id, merchant_id, public_id, name, role, is_active, can_refund,"
    " created_at) SELECT 1, 1, 'bench', 'bench', 'owner', true, true, now()"
    " WHERE NOT EXISTS (SELECT 1 FROM staff WHERE public_id = 'bench')"
)


def figures() -> list[dict[str, Any]]:
    with filled.database(NAME, fresh=True) as empty:
        there = replace(empty, whose="1", when_made=_MADE)
        there.fill_to(ORDERS)
        client = _signed_in(there)
        paths = ["/m/", *(f"/m/?store={n + 1}" for n in range(STORES)), "/m/orders"]
        every: dict[str, list[float]] = {path: [] for path in paths}
        middles: list[float] = []
        for n in range(LEAST_RUNS + 1):
            took = {path: [_ask(client, path)[0] for _ in range(ASKED)] for path in paths}
            if n == 0:  # a round to warm up
                continue
            middles.append(median(took["/m/"]))
            for path, one in took.items():
                every[path] += one
            say(f"   run {n}: p50 {middles[-1]:.1f} ms")
        page = _ask(client, "/m/")[1]
        month = [_ask(client, "/m/statistics?span=month&by=code")[0] for _ in range(LEAST_RUNS)]
        sent = [float(_bytes(client, page))] * LEAST_RUNS
    return [
        line(
            "merchant_home_p50",
            "ms",
            middles,
            AIM_MS,
            p99_ms=round(percentile(every["/m/"], 0.99), 1),
            aim_p99_ms=AIM_P99_MS,
            store_p50_ms=round(median(every["/m/?store=1"]), 1),
            store_p99_ms=round(percentile(every["/m/?store=1"], 0.99), 1),
            orders_page_p50_ms=round(median(every["/m/orders"]), 1),
            month_by_code_ms=round(median(month), 1),
            orders=ORDERS,
            today=TODAY,
        ),
        line(
            "merchant_home_bytes_on_a_warm_cache",
            "bytes",
            sent,
            AIM_BYTES,
            page_bytes=len(page.data),
        ),
    ]


def _signed_in(there: Filled) -> FlaskClient:
    with there.connect() as conn:
        conn.execute(_SOMEBODY.encode())
    settings = load_settings(
        data_dir=there.deps.settings.data_dir,
        database_url=there.deps.settings.database_url,
        simulator_url="http://127.0.0.1:9",
        log_level="ERROR",
    )
    client = create_app(settings, replace(there.deps, settings=settings)).test_client()
    assert client.get("/m/demo-login/bench").status_code == 303
    return client


def _ask(client: FlaskClient, path: str) -> tuple[float, TestResponse]:
    """Milliseconds of one page, and the page."""
    started = time.perf_counter()
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    took = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return took, answer


def _bytes(client: FlaskClient, page: TestResponse) -> int:
    """The page with its headers, and a 304 for each style that the browser has."""
    whole = _wire(page)
    for linked in re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text):
        first = client.get(linked)
        again = client.get(linked, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304, linked
        whole += _wire(again)
    return whole


def _wire(answer: TestResponse) -> int:
    head = f"HTTP/1.1 {answer.status}\r\n{answer.headers}"
    return len(head.encode()) + len(answer.data)


if __name__ == "__main__":
    show(figures())
