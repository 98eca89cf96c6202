"""WeChat notifications verified, decrypted and applied per second: each makes another order paid.

The bound, in turns with it: verify, decrypt, and one durable commit of the same writes (event,
order, attempt, audit line, job) by psycopg in one round trip, on one connection per client.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from statistics import median
from typing import Any

import psycopg
import requests

from bench import bound, cpu, stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, percentile, say, show
from bench.messages import Sender
from bench.stack import HOME, Loaded, Stack, load
from gateways import rsa
from gateways.wechat_pay import crypto

SECONDS = 0.4 if QUICK else 3.0
CLIENTS = 32
MOST_PER_S = 900

APPLY = b"""
WITH e AS (
    INSERT INTO upstream_event (provider_id, channel, kind, dedupe_key, body_hash, out_trade_no,
        sealed, received_at)
    VALUES (%(p)s, 'wechat', 'trade', %(key)s, %(hash)s, %(n)s, %(sealed)s, now())
), a AS (
    UPDATE pay_attempt SET status = 'paid', due_at = NULL, transaction_id = %(t)s, paid_at = now(),
        raw_state = 'SUCCESS' WHERE provider_id = %(p)s AND out_trade_no = %(n)s RETURNING order_id
), o AS (
    UPDATE pay_order SET status = 'paid', transaction_id = %(t)s, paid_at = now() FROM a
    WHERE provider_id = %(p)s AND id = a.order_id RETURNING id
), u AS (
    INSERT INTO audit_entry (provider_id, actor, action, subject, facts, created_at)
    SELECT %(p)s, 'upstream:wechat', 'order_paid', %(n)s, '{}', now() FROM o
)
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
SELECT 'bench', 'order_paid', 0, jsonb_build_object('provider_id', %(p)s, 'order_id', o.id) FROM o
"""


def figures() -> list[dict[str, Any]]:
    limits: list[Loaded] = []
    made: list[Loaded] = []
    with stack.running() as running:
        running.empty()
        who = running.session("lin")
        sender = Sender(running)
        for n in range(LEAST_RUNS + 1):
            seconds = SECONDS if n else min(1.0, SECONDS)
            running.empty()
            numbers = _orders(running, who.person_id, f"q{n}", int(4000 * seconds) + 99)
            limit = _limit(running, sender, numbers, seconds)
            running.empty()
            count = int(MOST_PER_S * seconds) + 99
            numbers = _orders(running, who.person_id, f"p{n}", count)
            requests_ = [sender.request(number) for number in numbers]
            run = load(running, requests_, clients=CLIENTS, seconds=seconds, good=204)
            _check(running, run.answers)
            say(f"   round {n}: bound {limit.rate:.0f}, product {run.rate:.0f} notifications/s")
            if n:
                limits.append(limit)
                made.append(run)
    return _lines(made, limits)


def _lines(made: list[Loaded], limits: list[Loaded]) -> list[dict[str, Any]]:
    parts = ("web", "database", "worker", "load")
    latency = [
        {"p50": percentile(r.latencies_ms, 0.5), "p99": percentile(r.latencies_ms, 0.99)}
        for r in made
    ]
    return [
        line(
            "notifications",
            "notifications/s",
            [run.rate for run in made],
            [run.rate for run in limits],
            clients=CLIENTS,
            latency_ms=medians(latency, 1),
            cpu_ms_each=medians([{p: run.cpu_ms(p) for p in parts} for run in made]),
            bound_cpu_ms_each=medians(
                [{p: run.cpu_ms(p) for p in ("client", "database")} for run in limits]
            ),
            bound_latency_ms=round(median(median(run.latencies_ms) for run in limits), 2),
        )
    ]


def _orders(running: Stack, person_id: int, mark: str, count: int) -> list[str]:
    """Orders that wait for their payment, written straight into the tables."""
    stamp, ids = time.time_ns() // 1000 % 10**9, running.ids()
    numbers = [f"{mark}x{stamp}n{n:06d}" for n in range(count)]
    with psycopg.connect(running.libpq()) as conn, conn.cursor() as cursor:
        cursor.executemany(bound.INSERT, [bound.row(ids, person_id, one) for one in numbers])
        cursor.execute(
            "UPDATE pay_attempt SET status = 'payable', prepay_id = 'wx' || out_trade_no"
            " WHERE out_trade_no LIKE %s",
            [f"{mark}x%"],
        )
        cursor.execute("UPDATE pay_order SET status = 'paying' WHERE status = 'created'")
    return numbers


def _check(running: Stack, answered: int) -> None:
    """What was acknowledged is paid: a figure of work that was not done is no figure."""
    (paid,) = running.row("SELECT count(*) FROM pay_order WHERE status = 'paid'")
    if paid != answered:
        raise RuntimeError(f"{answered} acknowledged, {paid} paid")


def _limit(running: Stack, sender: Sender, numbers: list[str], seconds: float) -> Loaded:
    processes = os.cpu_count() or 1
    share = len(numbers) // processes
    roots = {"database": running.roots["database"]}
    certificate = requests.get(f"{running.sim_url}/sim/credentials", timeout=10).json()["wechat"]
    message = sender.request("x" * 24)
    before = cpu.snapshot(roots)
    started = []
    for n in range(processes):
        plan = HOME / f"limit{n}.json"
        plan.write_text(
            json.dumps(
                {
                    "where": running.libpq(),
                    "provider_id": running.ids()["provider_id"],
                    "numbers": numbers[n * share : (n + 1) * share],
                    "threads": CLIENTS // processes,
                    "seconds": seconds,
                    "public_key": certificate["public_key"],
                    "apiv3_key": certificate["apiv3_key"],
                    "message": message.decode(),
                }
            )
        )
        words = [sys.executable, "-m", "bench.notifications", str(plan)]
        started.append(subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE))
    said = [json.loads(process.communicate()[0]) for process in started]
    spent = cpu.since(before, roots)
    spent["client"] = sum(one["cpu_s"] for one in said)
    latencies = [value for one in said for value in one["latencies_ms"]]
    rate = sum(len(one["latencies_ms"]) / one["seconds"] for one in said)
    return Loaded(rate, len(latencies), latencies, spent, [])


def _limit_process(plan: dict[str, Any]) -> None:
    head, _, body = plan["message"].encode().partition(b"\r\n\r\n")
    fields = dict(row.split(": ", 1) for row in head.decode().split("\r\n")[1:])
    key, cipher = rsa.public_key(plan["public_key"]), crypto.cipher(plan["apiv3_key"])
    signed = crypto.answer_message(fields["Wechatpay-Timestamp"], fields["Wechatpay-Nonce"], body)
    numbers, latencies = iter(plan["numbers"]), list[float]()
    deadline = time.perf_counter() + plan["seconds"]

    def work() -> None:
        with psycopg.connect(plan["where"], autocommit=True, prepare_threshold=1) as conn:
            while (started := time.perf_counter()) < deadline:
                number = next(numbers)
                assert rsa.verify(key, signed, fields["Wechatpay-Signature"])
                crypto.decrypt(cipher, json.loads(body)["resource"])
                values = {"p": plan["provider_id"], "n": number, "t": f"4200{number}"}
                more = {"key": f"k:{number}", "hash": "0" * 64, "sealed": "x" * 900}
                conn.execute(APPLY, values | more)
                latencies.append(round((time.perf_counter() - started) * 1000, 3))

    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(plan["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = resource.getrusage(resource.RUSAGE_SELF)
    spent = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    took = time.perf_counter() - began
    print(json.dumps({"latencies_ms": latencies, "seconds": took, "cpu_s": spent}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as handle:
            _limit_process(json.load(handle))
    else:
        show(figures())
