"""The Cloud Pay API through gunicorn: micro_pay and query_order per second; a call's proof alone.

`query_order` is measured beside one row by its primary key behind bare Flask and SQLAlchemy
(`bench/bare_select.py`), in turns, under the same settings of gunicorn (aim: at least 60 % of it).
`micro_pay` pays every order over the simulator, whose one process is part of what it takes: its
bound is the same bare select, so its ratio says how many of those one payment costs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import time
from copy import copy
from typing import Any

import requests

from bench import stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, medians, percentile, say, show
from bench.stack import Loaded, Stack, load
from config.settings import load_settings
from postgres import embedded
from services.cloudpay import proving
from services.cloudpay.table import TABLE
from services.demo_info import demo_info
from services.deps import Deps, build_deps
from tests.harness.ports import free_port, wait_for

SECONDS = 0.4 if QUICK else 3.0
CLIENTS = 16
MOST_PAYS_PER_S = 300
MOST_READS_PER_S = 4000
AIM_RATIO, AIM_PROOF_MS = 0.6, 0.2
PROOFS = 200 if QUICK else 3000


class Till:
    """The demo's first till: it signs as a client does."""

    def __init__(self, running: Stack, deps: Deps) -> None:
        info = demo_info(deps)
        merchant = info["merchants"][0]
        self._running = running
        self._key, self._prefix = merchant["authen_key"], merchant["order_prefix"]
        self._mch_key = {
            "pay_platform": 1,
            "out_mch_id": info["provider"]["out_mch_id"],
            "out_sub_mch_id": merchant["out_sub_mch_id"],
            "out_shop_id": merchant["stores"][0]["out_shop_id"],
        }
        self._client = {
            "device_id": "1", "staff_id": "1003", "terminal_type": 2, "sdk_version": "1.0",
            "machine_no": "32-62-A8-14-B3-C0", "spbill_create_ip": "192.168.100.75",
        }  # fmt: skip
        self._made = 0

    def of_another(self, out_sub_mch_id: str, out_shop_id: str, key: str) -> Till:
        """The till of another merchant of the same provider."""
        till = copy(self)
        till._key, till._prefix = key, out_sub_mch_id
        till._mch_key = self._mch_key | {
            "out_sub_mch_id": out_sub_mch_id, "out_shop_id": out_shop_id
        }  # fmt: skip
        return till

    def sealed(self, content: dict[str, Any]) -> bytes:
        text = json.dumps(
            {
                **content,
                "pay_mch_key": self._mch_key,
                "order_client": self._client,
                "nonce_str": "416492026bc84091bcaf7e74ea90ceba",
            }
        )
        code = hmac.new(self._key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
        info = {"a": {"authen_type": 1, "authen_code": code}}
        return json.dumps({"request_content": text, "authen_info": info}).encode()

    def pay(self) -> tuple[str, bytes]:
        """(number, body) of a payment with a code that the simulator's phone shows now."""
        url = f"{self._running.sim_url}/sim/wechat/paycode"
        code = _HTTP.post(url, json={"person": "zhou"}, timeout=10).json()["auth_code"]
        self._made += 1
        number = f"{self._prefix}b{time.time_ns() // 10**6 % 10**9}n{self._made:07d}"
        pay = {
            "out_trade_no": number, "author_code": code, "total_fee": 1234, "fee_type": "CNY",
            "body": "咖啡",
        }  # fmt: skip
        return number, self.sealed({"pay_content": pay})

    def query(self, number: str) -> bytes:
        return self.sealed({"out_trade_no": number})

    def call(self, method: str, body: bytes) -> dict[str, Any]:
        """Checked: the figure of a refusal would be worth nothing."""
        answer = _HTTP.post(f"{self._running.url}/cpay/{method}", data=body, timeout=20)
        content: dict[str, Any] = json.loads(answer.json()["response_content"])
        if content["status"] != 0:
            raise RuntimeError(f"{method}: {content['status']} {content['description']}")
        return content


_HTTP = requests.Session()
_HTTP.trust_env = False


def raw(port: int, path: str, body: bytes) -> bytes:
    """The request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def figures() -> list[dict[str, Any]]:
    made: dict[str, list[Loaded]] = {"micro_pay": [], "query_order": [], "bare": []}
    with stack.running(cpay_merchant_per_minute=0, cpay_address_per_minute=0) as running:
        url = running.cluster.url(embedded.APP)
        deps = build_deps(
            load_settings(data_dir=running.settings.data_dir, database_url=url), pool_size=2
        )
        running.empty()
        till = Till(running, deps)
        number, body = till.pay()
        till.call("micro_pay", body)
        port = _bare(running, url, number)
        for n in range(LEAST_RUNS + 1):  # the first round warms up
            seconds = SECONDS if n else min(1.0, SECONDS)
            one = _round(running, till, port, number, seconds)
            say("   round " + str(n) + ": " + _said(one))
            if n:
                for name, run in one.items():
                    made[name].append(run)
        proofs, limit = _proofs(deps, till, number)
        deps.db.dispose()
    return [*_lines(made), _proof_line(proofs, limit)]


def _bare(running: Stack, url: str, number: str) -> int:
    key = running.row("SELECT provider_id, id FROM pay_order WHERE out_trade_no = %s", (number,))
    port = free_port()
    running.start(
        "bare",
        *("gunicorn", "--config", str(ROOT / "config" / "gunicorn.py")),
        *("--bind", f"127.0.0.1:{port}", "bench.bare_select:app"),
        BENCH_URL=url,
        BENCH_KEY=json.dumps(key),
    )
    wait_for(f"http://127.0.0.1:{port}/healthz")
    return port


def _round(running: Stack, till: Till, port: int, number: str, seconds: float) -> dict[str, Loaded]:
    own = running.settings.port
    reads = int(MOST_READS_PER_S * seconds) + 99
    bare = load(running, [raw(port, "/", b"")] * reads, clients=CLIENTS, seconds=seconds, port=port)
    asked = till.query(number)
    till.call("query_order", asked)
    queries = [raw(own, "/cpay/query_order", asked)] * reads
    query = load(running, queries, clients=CLIENTS, seconds=seconds)
    till.call("query_order", asked)
    pays = [till.pay() for _ in range(int(MOST_PAYS_PER_S * seconds) + 20)]
    wires = [raw(own, "/cpay/micro_pay", body) for _, body in pays]
    pay = load(running, wires, clients=CLIENTS, seconds=seconds)
    _check(running, [number for number, _ in pays], pay.answers)
    return {"bare": bare, "query_order": query, "micro_pay": pay}


def _check(running: Stack, numbers: list[str], answers: int) -> None:
    """Every answer was a payment."""
    (paid,) = running.row(
        "SELECT count(*) FROM pay_order WHERE status = 'paid' AND out_trade_no = ANY(%s)",
        (numbers,),
    )
    if paid != answers:
        raise RuntimeError(f"{answers} answers, {paid} payments")


def _said(one: dict[str, Loaded]) -> str:
    return ", ".join(f"{name} {run.rate:.0f}/s" for name, run in one.items())


def _lines(made: dict[str, list[Loaded]]) -> list[dict[str, Any]]:
    limits = [run.rate for run in made["bare"]]
    least = [run.cpu_ms("bare", "database") for run in made["bare"]]
    found = []
    for name in ("query_order", "micro_pay"):
        runs = made[name]
        latency = [
            {"p50": percentile(r.latencies_ms, 0.5), "p99": percentile(r.latencies_ms, 0.99)}
            for r in runs
        ]
        own = [run.cpu_ms("web", "database") for run in runs]
        more: dict[str, Any] = {"aim_ratio": AIM_RATIO} if name == "query_order" else {}
        found.append(
            line(
                f"cloudpay_{name}",
                "calls/s",
                [run.rate for run in runs],
                limits,
                clients=CLIENTS,
                latency_ms=medians(latency, 2),
                cpu_ms_per_call=medians(
                    [{p: r.cpu_ms(p) for p in ("web", "database", "simulator")} for r in runs]
                ),
                bound_cpu_ms=medians(
                    [
                        {"web": r.cpu_ms("bare"), "database": r.cpu_ms("database")}
                        for r in made["bare"]
                    ]
                ),
                share_of_bound_cpu=round(
                    sorted(b / v for v, b in zip(own, least, strict=True))[len(own) // 2], 3
                ),
                **more,
            )
        )
    return found


def _proofs(deps: Deps, till: Till, number: str) -> tuple[list[float], list[float]]:
    """Milliseconds of a call's proof, p50 of each run: from bytes to a merchant that is proven."""
    method, body = TABLE["query_order"], till.query(number)
    runs, worst = [], []
    for n in range(LEAST_RUNS + 1):
        took = []
        for _ in range(PROOFS):
            started = time.perf_counter()
            proving.prove(deps, method, body, 1, "")
            took.append((time.perf_counter() - started) * 1000)
        if n:
            runs.append(percentile(took, 0.5))
            worst.append(percentile(took, 0.99))
    return runs, worst


def _proof_line(runs: list[float], worst: list[float]) -> dict[str, Any]:
    return line(
        "cloudpay_proof", "ms", runs, AIM_PROOF_MS, p99_ms=round(sorted(worst)[len(worst) // 2], 3),
        says="envelope read, merchant found among those kept, code compared; the bound is the aim",
    )  # fmt: skip


if __name__ == "__main__":
    show(figures())
    sys.exit(0)
