"""Four processes of fifty threads meet an official account's token that WeChat takes no more.

Each thread's time is from its call to WeChat's good answer, the waiting for the new token and the
second call included. A run in which one fails, or in which WeChat is asked for a token more often
than it must be, raises and no line is printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import requests

from bench import stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, percentile, say, show
from bench.stack import HOME, MAIN, Stack
from services.oa import store
from services.oa.book import Key

PROCESSES, THREADS = 4, 50
STABLE = "/cgi-bin/stable_token"
SLOW_MS = 800 if QUICK else 8000


def figures() -> list[dict[str, Any]]:
    runs: dict[str, list[tuple[float, float]]] = {}
    with stack.running(worker=False) as running:
        for n in range(LEAST_RUNS):
            for name, play in PLAYS.items():
                running.empty()
                _dead(running)
                runs.setdefault(name, []).append(play(running))
                say(
                    f"   run {n} {name}: p95 {runs[name][-1][0]:.3f}, all {runs[name][-1][1]:.3f} s"
                )
    bounds = {"expired": 1.0, "lost_answer": 1.0, "slow_8s": SLOW_MS / 1000 + 1, "killed": 30.0}
    return [
        line(
            f"oa_tokens_{name}", "s", [p95 for p95, _ in found], bounds[name],
            all_s=round(max(took for _, took in found), 3),
            processes=PROCESSES, threads=THREADS, failed=0,
        )
        for name, found in runs.items()
    ]  # fmt: skip


def _expired(running: Stack) -> tuple[float, float]:
    return _crowd(running, asked=1)


def _lost(running: Stack) -> tuple[float, float]:
    _fault(running, "lose_answer")
    return _crowd(running, asked=2)


def _slow(running: Stack) -> tuple[float, float]:
    _fault(running, "delay", SLOW_MS)
    return _crowd(running, asked=1)


def _killed(running: Stack) -> tuple[float, float]:
    """The holder is killed by SIGKILL while WeChat has its question."""
    _fault(running, "delay", SLOW_MS)
    [holder] = _processes(running, 1, 1)
    others = _processes(running, PROCESSES, THREADS)
    _begin([holder])
    while running.row("SELECT count(*) FROM lease WHERE starts_with(name, 'oa:')") == (0,):
        time.sleep(0.02)
    time.sleep(0.2)
    holder.kill()
    holder.wait()
    return _crowd(running, asked=2, made=others)


PLAYS = {"expired": _expired, "lost_answer": _lost, "slow_8s": _slow, "killed": _killed}


def _key(running: Stack) -> Key:
    row = running.row(
        "SELECT c.provider_id, c.facts->>'app_id' FROM channel_account c JOIN provider p"
        " ON p.id = c.provider_id WHERE p.out_mch_id = %s AND c.kind = 'oa'",
        (MAIN,),
    )
    return Key(int(row[0]), "access", str(row[1]))


def _dead(running: Stack) -> None:
    """A token in the row that is good by our clock and unknown to WeChat."""
    key = _key(running)
    sealed = running.ring().seal("LONG_GONE", store.token_place(key))
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        conn.execute("DELETE FROM lease WHERE starts_with(name, 'oa:')")
        conn.execute(
            "INSERT INTO oa_token (provider_id, kind, app_id, version, sealed, got_at, until_at,"
            " tries, said_code, said) VALUES (%s, 'access', %s, 1, %s, now(), now() + interval"
            " '1 day', 0, '', '') ON CONFLICT (provider_id, kind, app_id) DO UPDATE SET"
            " sealed = excluded.sealed, version = oa_token.version + 1,"
            " until_at = excluded.until_at",
            (key.provider_id, key.app_id, sealed),
        )


def _fault(running: Stack, kind: str, ms: int = 0) -> None:
    fault = {"on": STABLE, "kind": kind, "times": 1, "ms": ms}
    requests.post(f"{running.sim_url}/sim/faults", json=fault, timeout=10).raise_for_status()


def _processes(running: Stack, count: int, threads: int) -> list[subprocess.Popen[str]]:
    plan = HOME / "oa_tokens.json"
    plan.write_text(json.dumps({"provider_id": _key(running).provider_id}))
    made = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.oa_tokens", str(plan), str(threads)],
            cwd=ROOT, env=running.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1,
        )
        for _ in range(count)
    ]  # fmt: skip
    for process in made:
        _hear(process)  # ready
    return made


def _begin(made: list[subprocess.Popen[str]]) -> None:
    for process in made:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    heard = process.stdout.readline()
    if not heard:
        raise RuntimeError("a process ended")
    return heard


def _crowd(
    running: Stack, *, asked: int, made: list[subprocess.Popen[str]] | None = None
) -> tuple[float, float]:
    """p95 of all threads, and seconds until the last has its answer."""
    made = made or _processes(running, PROCESSES, THREADS)
    began = time.perf_counter()
    _begin(made)
    found = [one for process in made for one in json.loads(_hear(process))]
    took = time.perf_counter() - began
    for process in made:
        process.communicate()
    failed = [said for said, _ in found if said != "ok"]
    trail = requests.get(f"{running.sim_url}/sim/trail", timeout=10).json()
    heard = sum((row["way"], row["what"]) == ("in", STABLE) for row in trail)
    if failed or heard != asked or len(found) != PROCESSES * THREADS:
        raise RuntimeError(f"{len(failed)} failed {failed[:1]}, WeChat was asked {heard} times")
    return percentile([seconds for _, seconds in found], 0.95), took


def _caller(provider_id: int, threads: int) -> None:
    """One line on stdin, and all threads call at once."""
    from config.settings import load_settings
    from services.deps import build_deps
    from services.oa import tokens

    deps = build_deps(load_settings(), pool_size=16)
    tokens.access_asker(deps, provider_id)  # as a process that has served before
    together = Barrier(threads)

    def one(_: int) -> tuple[str, float]:
        together.wait(60)
        began = time.perf_counter()
        ask = deps.gateways.wechat_tokens.ticket
        try:
            tokens.call(deps, provider_id, lambda token: ask(token, "jsapi"))
            said = "ok"
        except Exception as problem:
            said = repr(problem)
        return said, time.perf_counter() - began

    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(one, n) for n in range(threads - 1)]
        print("ready", flush=True)
        sys.stdin.readline()
        waiting.append(pool.submit(one, threads))
        print(json.dumps([done.result() for done in waiting]), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as handle:
            _caller(int(json.load(handle)["provider_id"]), int(sys.argv[2]))
    else:
        show(figures())
