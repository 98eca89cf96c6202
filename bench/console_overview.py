"""The provider's first page over ten million orders of 20,000 merchants: how long the server takes.

A year of orders up to now, a tenth of them at a hundred large merchants, two stores for most; each
merchant has checked its configuration, one in fifty with something amiss; three hundred payments
wait to be added up. The whole application answers in this process, from cookie to page, over the
embedded PostgreSQL. The bound is one row read by its primary key through the same pool, in the same
run. The aims: 150 ms, 400 ms at the 99th percentile.

`python -m bench.console_overview 100000` asks with fewer orders.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import median
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import create_app
from bench import filled
from bench.figures import LEAST_RUNS, QUICK, line, percentile, say, show
from bench.filled import Filled
from config.settings import load_settings
from models.console import ConsoleRole
from services import totals_check
from services.console import signing_in
from services.console.accounts import add_member, add_user
from services.deps import Deps
from web.visit import CONSOLE_COOKIE, cookie_name

ORDERS = int(sys.argv[1]) if sys.argv[1:] else 20_000 if QUICK else 10_000_000
MERCHANTS = 20_000
ASKED = 10 if QUICK else 60  # per run
AIM_MS, AIM_P99_MS = 150.0, 400.0
NAME, COOKIE = "yima_console", "bench-console-session"
_WHOSE = f"CASE WHEN g % 10 = 0 THEN 1 + r % 100 ELSE 1 + r % {MERCHANTS} END"
_MADE = f"now() - interval '30 seconds' - interval '365 days' * (1 - g / {ORDERS}.0)"
_MORE = (  # beside the 1,001 merchants that every filled database has
    "INSERT INTO merchant (provider_id, id, out_sub_mch_id, name, short_name, order_prefix,"
    " is_active, alipay_state, alipay_wap, unsigned_links, seal_key, authen_key_sealed, created_at)"
    " SELECT 1, m, 'm' || m, 'm' || m, 'm' || m, 'c' || lpad(m::text, 5, '0'), true,"
    " CASE m % 5000 WHEN 7 THEN 'expired' ELSE 'valid' END, false, false, '', '', now()"
    f" FROM generate_series({filled.MERCHANTS + 1}, {MERCHANTS}) m",
    "INSERT INTO store (provider_id, id, merchant_id, out_shop_id, name, branch_name, is_active,"
    " page_mode, created_at) SELECT 1, s, (s - 1) / 3 + 1, 's' || s, 's' || s, '', true,"
    " 'default', now()"
    f" FROM generate_series({filled.MERCHANTS * 3 + 1}, {MERCHANTS * 3}) s",
    "INSERT INTO health_finding (provider_id, merchant_id, store_id, check_name, level, said,"
    " upstream_code, upstream_text, since_at, checked_at)"
    " SELECT 1, m, NULL, c, CASE WHEN m % 50 = 0 AND c = 'wechat_sub_merchant' THEN 'bad' ELSE 'ok'"
    " END, '', '', '', now(), now() FROM generate_series(1, 20000) m,"
    " unnest(ARRAY['wechat_sub_merchant', 'alipay_grant', 'permissions']) c",
    "INSERT INTO money_case (provider_id, kind, dedupe_key, out_trade_no, order_id, facts,"
    " created_at, closed_at, healed) SELECT 1, 'no_answer', 'bench' || n, 'bench' || n, n, '{}',"
    " now() - interval '1 hour' * n, CASE WHEN n > 20 THEN now() END, n > 20"
    " FROM generate_series(1, 20000) n",
    "ANALYZE merchant", "ANALYZE store", "VACUUM (ANALYZE) health_finding", "ANALYZE money_case",
)  # fmt: skip
_WAITING = (
    "INSERT INTO day_delta (provider_id, merchant_id, day_on, hour, store_id, channel, paid_count,"
    " paid_fen, refund_count, refund_fen, returned_fen, last_order_id)"
    " SELECT 1, 1 + n * 61 % 20000, CAST(now() AT TIME ZONE 'Asia/Shanghai' AS date), 0,"
    " (1 + n * 61 % 20000 - 1) * 3 + 1, 'wechat', 1, 100, 0, 0, 0, 0 FROM generate_series(1, 300) n"
)


def figures() -> list[dict[str, Any]]:
    with filled.database(NAME, fresh=True) as empty:
        there = replace(empty, whose=_WHOSE, when_made=_MADE)
        with there.connect() as conn:
            conn.execute("SET session_replication_role = replica")
            for statement in _MORE:
                conn.execute(statement.encode())
        there.fill_to(ORDERS)
        with there.connect() as conn:
            differing = len(there.deps.transact(totals_check.hour_differences))
            assert not differing, f"{differing} days differ from their hours"
            conn.execute(_WAITING.encode())
        deps = _served(there)
        return _asked(there, deps, _signed_in(deps))


def _asked(there: Filled, deps: Deps, client: FlaskClient) -> list[dict[str, Any]]:
    a_merchant = "/console/figures?span=month&by=store&m=m17"
    number = there.one(f"SELECT out_trade_no FROM pay_order WHERE id = {ORDERS // 3}")
    others = {
        "figures_week": "/console/figures?span=week",
        "figures_of_a_merchant": a_merchant,
        "merchants_of_a_day": "/console/figures?span=day&by=merchant",
        "recon": "/console/recon?all=1",
        "order": f"/console/orders/{number}",
    }
    every: list[float] = []
    middles: list[float] = []
    bounds: list[float] = []
    for n in range(LEAST_RUNS + 1):
        took, rows = [], []
        for turn in range(ASKED):
            took.append(_ask(client, "/console/")[0])
            rows.append(_row(deps, 1 + turn * 7919 % ORDERS))
        if n == 0:  # a round to warm up
            continue
        middles.append(median(took))
        bounds.append(median(rows))
        every += took
        say(f"   run {n}: p50 {middles[-1]:.1f} ms, a row {bounds[-1]:.2f} ms")
    page = _ask(client, "/console/")[1]
    more = {
        f"{name}_p50_ms": round(median([_ask(client, path)[0] for _ in range(LEAST_RUNS)]), 1)
        for name, path in others.items()
    }
    month = "/console/figures?span=month&by=merchant"
    more["merchants_of_a_month_ms"] = round(min(_ask(client, month)[0] for _ in range(2)), 1)
    return [
        line(
            "console_overview_p50", "ms", middles, bounds,
            p99_ms=round(percentile(every, 0.99), 1), aim_ms=AIM_MS, aim_p99_ms=AIM_P99_MS,
            orders=ORDERS, merchants=MERCHANTS, page_bytes=len(page.data), **more,
        )
    ]  # fmt: skip


def _served(there: Filled) -> Deps:
    settings = load_settings(
        data_dir=there.deps.settings.data_dir,
        database_url=there.deps.settings.database_url,
        simulator_url="http://127.0.0.1:9",
        log_level="ERROR",
    )
    return replace(there.deps, settings=settings)


def _signed_in(deps: Deps) -> FlaskClient:
    """An operator's session, begun without the form: its password takes long on purpose."""

    def unit(session: Any) -> None:
        now = deps.now()
        user = add_user(
            session, deps, username="bench", name="bench", password="a password of a bench",
            totp_secret="JBSWY3DPEHPK3PXP", now=now,
        )  # fmt: skip
        add_member(session, 1, user.id, ConsoleRole.OPERATOR, now)
        signing_in.begin_session(session, user.id, COOKIE, now, "bench")

    deps.transact(unit)
    client = create_app(deps.settings, deps).test_client()
    client.set_cookie(cookie_name(CONSOLE_COOKIE, deps.settings), COOKIE)
    return client


def _ask(client: FlaskClient, path: str) -> tuple[float, TestResponse]:
    """Milliseconds of one page, and the page."""
    started = time.perf_counter()
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    took = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return took, answer


_ROW = text("SELECT amount_fen FROM pay_order WHERE provider_id = 1 AND id = :i")


def _row(deps: Deps, key: int) -> float:
    started = time.perf_counter()
    deps.transact(lambda s: s.scalar(_ROW, {"i": key}))
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    show(figures())
