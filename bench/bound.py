"""The upper bound of ordering: two RSA-2048 signatures and one durable commit of the same two rows.

Nothing else: no HTTP, no upstream, no worker. The statement is the product's own, on the same
server and tables, prepared, in one round trip. Run by checkout.py in turns with the product.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bench import cpu
from bench.figures import ROOT
from bench.stack import Loaded, Stack
from gateways import rsa
from services.attempts import _INSERT, _PAYABLE, NewOrder, _values

INSERT, PAYABLE = _INSERT._sql, _PAYABLE._sql
MESSAGE = b"POST\n/v3/pay/partner/transactions/jsapi\n1763846400\n" + b"0" * 32 + b"\n" + b"x" * 400


def row(ids: dict[str, int], person_id: int, number: str) -> dict[str, Any]:
    """An order and its attempt, as the product writes them."""
    now = datetime.now(UTC)
    return _values(
        NewOrder(
            provider_id=ids["provider_id"],
            out_trade_no=number,
            public_id=number[-24:],
            intent_key=f"bench:{number}:0",
            merchant_id=ids["merchant_id"],
            store_id=ids["store_id"],
            pay_code_id=ids["code_id"],
            person_id=person_id,
            channel="wechat",
            amount_fen=1234,
            undiscountable_fen=None,
            deposit_fen=None,
            quantity=1,
            remark="",
            app="wx8888888888888888",
            payee="1900000109",
            request={"description": "青禾茶事 · 湖滨店", "notify_url": "x" * 70},
            created_at=now,
            expires_at=now + timedelta(minutes=5),
            first_question_s=86_400,
        )
    )


def measure(stack: Stack, person_id: int, *, clients: int, seconds: float) -> Loaded:
    """As many processes as cores (or clients), the clients as threads over them."""
    processes = min(clients, os.cpu_count() or 1)
    roots = {"database": stack.roots["database"]}
    before = cpu.snapshot(roots)
    plan = json.dumps(
        {
            "where": stack.libpq(),
            "ids": stack.ids(),
            "person": person_id,
            "threads": clients // processes,
            "seconds": seconds,
        }
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.bound", plan], cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]
    said = [json.loads(process.communicate()[0]) for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("the bound's process failed")
    spent = cpu.since(before, roots)
    latencies = [value for one in said for value in one["latencies_ms"]]
    spent["client"] = sum(one["cpu_s"] for one in said)
    return Loaded(
        rate=sum(len(one["latencies_ms"]) / one["seconds"] for one in said),
        answers=len(latencies),
        latencies_ms=latencies,
        cpu_s=spent,
        extra=[],
    )


def main() -> None:
    plan = json.loads(sys.argv[1])
    key = generate_private_key(65537, 2048)
    latencies: list[float] = []
    gate = threading.Barrier(plan["threads"] + 1)
    ended = [0.0]

    def work(name: str) -> None:
        try:
            orders(name)
        except BaseException:
            gate.abort()  # else the others wait for ever
            raise

    def orders(name: str) -> None:
        with psycopg.connect(plan["where"], autocommit=True, prepare_threshold=1) as conn:
            n = 0

            def order() -> None:
                rsa.sign(key, MESSAGE)
                conn.execute(INSERT, row(plan["ids"], plan["person"], f"{name}n{n:07d}"))
                rsa.sign(key, MESSAGE)

            for _ in range(3):
                order()
                n += 1
            gate.wait()
            deadline = time.perf_counter() + plan["seconds"]
            while (started := time.perf_counter()) < deadline:
                order()
                n += 1
                latencies.append(round((time.perf_counter() - started) * 1000, 3))
            ended[0] = max(ended[0], time.perf_counter())

    stamp = f"{time.time_ns() // 1000 % 10**9:09d}"
    threads = [
        threading.Thread(target=work, args=(f"b{os.getpid() % 10**5}t{i:02d}x{stamp}"[:24],))
        for i in range(plan["threads"])
    ]
    for thread in threads:
        thread.start()
    gate.wait()
    used, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for thread in threads:
        thread.join()
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(json.dumps({"latencies_ms": latencies, "seconds": ended[0] - started, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
