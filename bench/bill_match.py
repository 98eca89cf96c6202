"""A WeChat bill of a million rows against as many payments of ours, with 500 planted differences.

Read, checked, matched and written down by the product in a process of its own, whose peak memory is
measured; it must find exactly the planted ones, or no line is printed. The bound, in turns with it:
the same engine reads the same file and counts its rows.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from bench import stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, say, show
from bench.stack import HOME, Stack
from postgres import embedded

ROWS = 10_000 if QUICK else 1_000_000
PLANTED = 500
EACH = PLANTED // 5  # missing here, missing there, amount, state, duplicate
DAY = dt.date(2026, 11, 20)
SP, SUB = "1900000001", "1900000109"
HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
SECONDS, MEMORY_MB = 30.0, 300.0  # what the product promises


def figures() -> list[dict[str, Any]]:
    seconds: list[float] = []
    limits: list[float] = []
    memory: list[float] = []
    parts: list[dict[str, float]] = []
    with stack.running(worker=False) as running:
        running.empty()
        bill = HOME / "bill.csv"
        say(f"   writing {ROWS} payments and their bill")
        _write_bill(bill)
        _write_books(running)
        for n in range(LEAST_RUNS):
            limits.append(_run("scan", bill, running)["seconds"])
            found = _run("match", bill, running)
            if (found["differences"], found["false"]) != (PLANTED, 0):
                raise RuntimeError(f"planted {PLANTED}, found {found}")
            seconds.append(found["seconds"])
            memory.append(found["memory_mb"])
            parts.append(found["parts"])
            took = f"scan {limits[-1]:.1f} s, product {seconds[-1]:.1f} s"
            say(f"   run {n}: {took}, {memory[-1]:.0f} MB")
        running.empty()
    more = {
        "rows": ROWS,
        "planted": PLANTED,
        "found": PLANTED,
        "false": 0,
        "promised_s": SECONDS,
        "read_s": round(sorted(p["read"] for p in parts)[LEAST_RUNS // 2], 2),
        "match_s": round(sorted(p["match"] for p in parts)[LEAST_RUNS // 2], 2),
    }
    return [
        line("bill_match", "s", seconds, limits, **more),
        line("bill_match_memory", "MB", memory, MEMORY_MB, rows=ROWS),
    ]


# --- the two sides --------------------------------------------------------------------------------


def _kind(n: int) -> str:
    """What is planted at this row: spread evenly over the day."""
    step = ROWS // PLANTED
    if n % step:
        return ""
    return ("missing_here", "missing_there", "amount", "state", "duplicate")[n // step % 5]


def _fen(n: int) -> int:
    return 100 + n * 7919 % 30000


def _number(n: int) -> str:
    return f"sz0100qhcs{n:018d}"


def _upstream(n: int) -> str:
    return f"4200{n:024d}"


def _at(n: int) -> dt.datetime:
    """From 1:00 to 23:00: what is missing near midnight would wait for the neighbour's bill."""
    opens = dt.datetime.combine(DAY, dt.time(1), dt.timezone(dt.timedelta(hours=8)))
    return opens + dt.timedelta(seconds=n * 79200 // ROWS)


def _write_bill(path: Path) -> None:
    rows = paid = fees = 0
    order = list(range(ROWS))
    random.Random(48).shuffle(order)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for n in order:
            kind = _kind(n)
            if kind == "missing_there":
                continue
            fen = _fen(n) + (kind == "amount")
            for _ in range(2 if kind == "duplicate" else 1):
                file.write(_line(n, fen))
                rows, paid, fees = rows + 1, paid + fen, fees + fen * 6
        total = f"{paid // 100}.{paid % 100:02d}"
        fee = f"{fees // 100000}.{fees % 100000:05d}"
        cells = (rows, total, "0.00", "0.00", fee, total, "0.00")
        file.write(SUMMARY + "\n" + ",".join(f"`{cell}" for cell in cells) + "\n")


def _line(n: int, fen: int) -> str:
    yuan, fee = f"{fen // 100}.{fen % 100:02d}", f"{fen * 6 / 100000:.5f}"
    return (
        f"`{_at(n):%Y-%m-%d %H:%M:%S},`wx8888888888888888,`{SP},`{SUB},`,`{_upstream(n)},"
        f"`{_number(n)},`oSim{n:024d},`JSAPI,`SUCCESS,`OTHERS,`CNY,`{yuan},`0.00,`0,`0,`0.00,"
        f"`0.00,`,`,`青禾茶事 · 湖滨店,`,`{fee},`0.60%,`{yuan},`0.00,`\n"
    )


def _write_books(running: Stack) -> None:
    """Our side, by COPY: orders and their attempts."""
    ids = running.ids()
    with psycopg.connect(running.libpq(embedded.OWNER)) as conn, conn.cursor() as cursor:
        orders = (
            "COPY pay_order (provider_id, out_trade_no, public_id, intent_key, merchant_id,"
            " store_id, channel, status, amount_fen, quantity, refunded_fen, remark, is_unknown,"
            " is_late, is_frozen, created_at, expires_at, paid_at, transaction_id) FROM STDIN"
        )
        with cursor.copy(orders) as copy:
            for row in _orders(ids):
                copy.write_row(row)
        cursor.execute("ANALYZE pay_order")  # or each foreign key is looked up by a scan
        cursor.execute(
            "INSERT INTO pay_attempt (provider_id, order_id, out_trade_no, channel, app, payee,"
            " amount_fen, status, is_unknown, request, transaction_id, polls, created_at,"
            " expires_at, paid_at) SELECT provider_id, id, out_trade_no, channel,"
            " 'wx8888888888888888', %s, amount_fen, CASE status WHEN 'paid' THEN 'paid' ELSE"
            " 'closed' END, false, '{}', transaction_id, 0, created_at, expires_at, paid_at"
            " FROM pay_order",
            [SUB],
        )
        conn.commit()
        conn.autocommit = True
        cursor.execute("ANALYZE pay_attempt")


def _orders(ids: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    for n in range(ROWS):
        kind = _kind(n)
        if kind == "missing_here":
            continue
        is_paid = kind != "state"
        at = _at(n)
        yield (
            ids["provider_id"], _number(n), f"b{n:020d}", f"bench:{n}", ids["merchant_id"],
            ids["store_id"], "wechat", "paid" if is_paid else "closed", _fen(n), 1, 0, "", False,
            False, False, at, at, at if is_paid else None, _upstream(n) if is_paid else None,
        )  # fmt: skip


# --- one run, in a process of its own -------------------------------------------------------------


def _run(what: str, bill: Path, running: Stack) -> dict[str, Any]:
    plan = json.dumps({"what": what, "bill": str(bill), "ids": running.ids()})
    done = subprocess.run(
        [sys.executable, "-m", "bench.bill_match", plan],
        cwd=ROOT,
        env=running.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _scan(plan: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    started = time.perf_counter()
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "128MB"}) as duck:
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in HEADER.split(","))
        duck.execute(
            f"SELECT count(*) FROM read_csv('{plan['bill']}', columns={{{columns}}},"
            " auto_detect=false, header=false, skip=1, delim=',`', quote='', escape='',"
            " ignore_errors=true)"
        ).fetchone()
    return {"seconds": time.perf_counter() - started}


class _Handed:
    """The wallet's gateway with the download left out: the file is here already."""

    def __init__(self, bill: Path, memory_mb: int) -> None:
        self._bill, self._memory_mb = bill, memory_mb

    def fetch(self, account: Any, on: dt.date, folder: Path, into: Path) -> Any:
        from gateways.wechat_pay.bill_file import read_bill

        raw = folder / "wechat.txt"
        raw.write_bytes(b"")
        subprocess.run(["cp", str(self._bill), str(raw)], check=True)
        return read_bill(raw, SP, into, self._memory_mb)


def _match(plan: dict[str, Any]) -> dict[str, Any]:
    from dataclasses import replace

    from sqlalchemy import text

    from config.settings import load_settings
    from services.bills import planning
    from services.bills.fetching import fetch_bill
    from services.bills.matching import match_bill
    from services.deps import build_deps

    settings = load_settings()
    deps = build_deps(settings, pool_size=2)
    handed = _Handed(Path(plan["bill"]), settings.bill_memory_mb)
    gateways = replace(deps.gateways, bills={"wechat": handed, "alipay": handed})
    deps = replace(deps, gateways=gateways)
    deps.transact(
        lambda s: s.execute(text("UPDATE channel_account SET created_at = :t"), {"t": _at(0)})
    )
    planning.want_bills(deps, DAY)
    wanted = text("SELECT id FROM bill WHERE account = :a AND bill_on = :on")
    bill_id = deps.transact(lambda s: s.scalar(wanted, {"a": SP, "on": DAY}))
    started = time.perf_counter()
    fetch_bill(deps, int(bill_id))
    read, held = time.perf_counter(), _peak_mb()
    report = match_bill(deps, int(bill_id))
    ended = time.perf_counter()
    told = text("SELECT kind, number FROM bill_case WHERE bill_id = :b AND status = 'found'")
    cases = deps.transact(lambda s: s.execute(told, {"b": bill_id}).all())
    wrong = [1 for kind, number in cases if _kind(int(number[-18:])) != kind]
    deps.db.dispose()
    return {
        "seconds": ended - started,
        "parts": {"read": read - started, "match": ended - read, "read_mb": held},
        "memory_mb": _peak_mb(),
        "differences": sum(report.differences.values()),
        "false": len(wrong) + abs(len(cases) - PLANTED),
    }


def _peak_mb() -> float:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asked = json.loads(sys.argv[1])
        print(json.dumps(_scan(asked) if asked["what"] == "scan" else _match(asked)))
    else:
        show(figures())
