"""A burst of 1,000 payments, each told to five people of its store: notices per second.

From the commit that makes them all paid (their follow-ups are jobs of the same transaction) until
the last notice is written as told. The bound, in turns with it: the same messages handed to the
same WeChat by as many threads, without a database. Then the same burst with the worker killed by
SIGKILL in the middle and another started: seconds from the kill until the last one is told. A run
in which a notice is lost, or shown twice to anybody, raises and no line is printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import requests

from bench import cpu, stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, say, show
from bench.stack import HOME, MAIN, Stack
from config.settings import load_settings
from gateways.wechat_oa.messages import Message
from services.deps import Deps, build_deps
from services.oa import tokens
from services.payers import find_or_make_person
from services.payment_notices import setting

PAYMENTS, PEOPLE = (40 if QUICK else 1000), ("p01", "p02", "p03", "p04", "p05")
THREADS = 8  # NOTICE_THREADS
TITLE = "收款到账通知"
PATIENCE_S = 240.0

PEOPLE_SQL = b"""
INSERT INTO staff (provider_id, merchant_id, store_id, person_id, public_id, name, role, is_active,
    wants_notices, created_at)
VALUES (%(provider_id)s, %(merchant_id)s, %(store_id)s, %(person)s, %(name)s, %(name)s, 'clerk',
    true, true, now())
ON CONFLICT DO NOTHING
"""
BURST = b"""
WITH o AS (
    INSERT INTO pay_order (provider_id, out_trade_no, public_id, intent_key, merchant_id, store_id,
        pay_code_id, channel, status, amount_fen, quantity, refunded_fen, remark, is_unknown,
        is_late, is_frozen, created_at, expires_at, paid_at, transaction_id)
    SELECT %(provider_id)s, %(mark)s || n, %(mark)s || n, 'bench:' || %(mark)s || n,
        %(merchant_id)s, %(store_id)s, %(code_id)s, 'wechat', 'paid', 1234, 1, 0, '', false, false,
        false, now(), now(), now(), 'T' || %(mark)s || n FROM generate_series(1, %(count)s) n
    RETURNING id
)
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
SELECT 'effects', 'order_paid', 0, jsonb_build_object('provider_id', %(provider_id)s::bigint,
    'order_id', o.id) FROM o
"""


def figures() -> list[dict[str, Any]]:
    limits: list[float] = []
    runs: list[tuple[float, dict[str, float]]] = []
    killed: list[float] = []
    with stack.running(worker=False) as running:
        deps = build_deps(load_settings(**_settings(running)), pool_size=4)
        _people(running, deps)
        for n in range(LEAST_RUNS):
            _begin(running, deps)
            limits.append(_limit(running, deps, f"l{n}"))
            runs.append(_run(running, deps, f"r{n}"))
            killed.append(_killed(running, deps, f"k{n}"))
            say(
                f"   run {n}: bound {limits[-1]:.0f}/s, product {runs[-1][0]:.0f}/s,"
                f" told {killed[-1]:.0f} s after a kill"
            )
        deps.db.dispose()
    each = medians([spent for _, spent in runs])
    size = {"payments": PAYMENTS, "people": len(PEOPLE), "threads": THREADS}
    return [
        line(
            "payment_notices", "notices/s", [rate for rate, _ in runs], limits, cpu_ms_each=each,
            lost=0, doubled=0, **size,
        ),
        line(
            "payment_notices_killed", "s", killed, 120.0, lost=0, doubled=0, **size,
        ),
    ]  # fmt: skip


def _settings(running: Stack) -> dict[str, Any]:
    kept = ("data_dir", "port", "sim_port", "simulator_url")
    return {name: getattr(running.settings, name) for name in kept} | {"database_url": ""}


def _people(running: Stack, deps: Deps) -> None:
    """Five people of the bench's store, whoever was there before has no part in it."""
    wechat = requests.get(f"{running.sim_url}/sim/credentials", timeout=10).json()["wechat"]
    ids = running.ids()
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        conn.execute(
            "UPDATE staff SET wants_notices = false WHERE provider_id = %s", (ids["provider_id"],)
        )
        conn.execute(
            "UPDATE store SET receive_notify_after_duty = true WHERE id = %s", (ids["store_id"],)
        )
        for who in PEOPLE:
            openid = wechat["people"][who]
            person = deps.transact(
                lambda s, o=openid: find_or_make_person(  # type: ignore[misc]
                    s, deps, ids["provider_id"], "wechat", wechat["sp_appid"], o
                )
            )
            name = f"bench {who} {time.time_ns() % 10**9}"
            conn.execute(PEOPLE_SQL, ids | {"person": person, "name": name})
            conn.execute(
                "UPDATE staff SET wants_notices = true WHERE store_id = %s AND person_id = %s",
                (ids["store_id"], person),
            )
    [template] = [t for t in wechat["accounts"][0]["templates"] if t["title"] == TITLE]
    setting.use(deps, MAIN, template["template_id"], {}, actor="bench")


def _begin(running: Stack, deps: Deps) -> None:
    running.empty()
    appid = _appid(running)
    for who in PEOPLE:
        requests.post(
            f"{running.sim_url}/sim/oa/{appid}/follow", json={"person": who}, timeout=10
        ).raise_for_status()
    tokens.call(deps, running.ids()["provider_id"], deps.gateways.wechat_notices.templates)


def _appid(running: Stack) -> str:
    wechat = requests.get(f"{running.sim_url}/sim/credentials", timeout=10).json()["wechat"]
    return str(wechat["sp_appid"])


def _worker(running: Stack) -> None:
    running.start("worker", "flask", "worker")
    deadline = time.monotonic() + 30
    while running.row("SELECT count(*) FROM heartbeat WHERE seen_at > now() - interval '2 s'")[0]:
        time.sleep(0.1)  # of the one before
    while not running.row("SELECT count(*) FROM heartbeat WHERE seen_at > now() - interval '3 s'")[
        0
    ]:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not start")
        time.sleep(0.1)


def _burst(running: Stack, mark: str) -> None:
    values = running.ids() | {"mark": f"{mark}x{time.time_ns() % 10**9}x", "count": PAYMENTS}
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        conn.execute(BURST, values)


def _wait(running: Stack, wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        while True:
            row = conn.execute(
                "SELECT count(*) FROM payment_notice WHERE status = 'sent'"
            ).fetchone()
            if row is not None and row[0] >= wanted:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{row} of {wanted} told in {PATIENCE_S} s")
            time.sleep(0.1)


def _run(running: Stack, deps: Deps, mark: str) -> tuple[float, dict[str, float]]:
    """Notices per second, and CPU milliseconds of each part per notice."""
    _begin(running, deps)
    _worker(running)
    before, began = cpu.snapshot(running.roots), time.perf_counter()
    _burst(running, mark)
    wanted = PAYMENTS * len(PEOPLE)
    _wait(running, wanted)
    took = time.perf_counter() - began
    spent = cpu.since(before, running.roots)
    running.stop("worker")
    _check(running)
    return wanted / took, {name: 1000 * value / wanted for name, value in spent.items()}


def _killed(running: Stack, deps: Deps, mark: str) -> float:
    _begin(running, deps)
    _worker(running)
    _burst(running, mark)
    wanted = PAYMENTS * len(PEOPLE)
    _wait(running, wanted // 2)
    process = running.processes.pop("worker")
    process.kill()
    process.wait()
    began = time.perf_counter()
    _worker(running)
    _wait(running, wanted)
    took = time.perf_counter() - began
    running.stop("worker")
    _check(running)
    return took


def _check(running: Stack) -> None:
    """Each of the five has each payment once on the phone."""
    rows = requests.get(f"{running.sim_url}/sim/messages?kind=template", timeout=60).json()
    told = Counter((row["person"], row["data"]["character_string4"]) for row in rows)
    doubled = sum(count > 1 for count in told.values())
    if len(told) != PAYMENTS * len(PEOPLE) or doubled:
        raise RuntimeError(f"{len(told)} of {PAYMENTS * len(PEOPLE)} arrived, {doubled} doubled")


def _limit(running: Stack, deps: Deps, mark: str) -> float:
    """The same messages by a process of its own, that does nothing else."""
    wechat = requests.get(f"{running.sim_url}/sim/credentials", timeout=10).json()["wechat"]
    [template] = [t for t in wechat["accounts"][0]["templates"] if t["title"] == TITLE]
    plan = HOME / "payment_notices.json"
    token = tokens.call(deps, running.ids()["provider_id"], lambda one: one)
    plan.write_text(
        json.dumps(
            {
                "token": token,
                "template": template["template_id"],
                "openids": [wechat["people"][who] for who in PEOPLE],
                "mark": mark,
            }
        )
    )
    words = [sys.executable, "-m", "bench.payment_notices", str(plan)]
    done = subprocess.run(
        words, cwd=ROOT, env=running.environment(), stdout=subprocess.PIPE, check=True
    )
    _check(running)
    return float(json.loads(done.stdout)["rate"])


def _limit_process(plan: dict[str, Any]) -> None:
    deps = build_deps(load_settings(), pool_size=1)
    data = {
        "amount1": "12.34元", "time2": "2026-11-26 12:00:00", "thing3": "湖滨店",
        "phrase5": "微信支付",
    }  # fmt: skip
    messages = [
        Message(
            openid, plan["template"], data | {"character_string4": f"{plan['mark']}{n}"},
            "https://pay.example/m/orders/1", f"{plan['mark']}{n}-{at}",
        )
        for n in range(PAYMENTS)
        for at, openid in enumerate(plan["openids"])
    ]  # fmt: skip
    send = deps.gateways.wechat_notices.send
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        sent = sum(bool(number) for number in pool.map(lambda m: send(plan["token"], m), messages))
    print(json.dumps({"rate": sent / (time.perf_counter() - began)}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as handle:
            _limit_process(json.load(handle))
    else:
        show(figures())
