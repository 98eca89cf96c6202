"""Processes that meet a token together, and what WeChat heard of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.settings import ROOT
from services.oa import store
from services.oa.book import Key
from services.oa.tokens import access_asker
from tests.harness.phone import MAIN
from tests.harness.product import Product

STABLE = "/cgi-bin/stable_token"


def provider(product: Product, out_mch_id: str = MAIN) -> int:
    return int(product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=out_mch_id).id)


def key_of(product: Product) -> Key:
    return access_asker(product.deps, provider(product)).key


def dead_token(product: Product, *, over: bool = False) -> None:
    """A token in the row that WeChat does not know; by our clock good, or `over`."""
    key = key_of(product)
    product.do("DELETE FROM lease WHERE starts_with(name, 'oa:')")
    product.do("UPDATE oa_token SET due_at = NULL, sealed = NULL WHERE kind = 'access'")
    sealed = product.deps.ring.seal("SIM_BASE_long_gone", store.token_place(key))
    product.do(
        "INSERT INTO oa_token (provider_id, kind, app_id, version, sealed, got_at, until_at, tries,"
        " said_code, said) VALUES (:p, 'access', :a, 1, :s, :now, :until, 0, '', '')"
        " ON CONFLICT (provider_id, kind, app_id) DO UPDATE SET sealed = :s, until_at = :until,"
        " version = oa_token.version + 1",
        p=key.provider_id, a=key.app_id, s=sealed, now=product.deps.now(),
        until=product.deps.now() if over else product.deps.now().replace(year=2100),
    )  # fmt: skip


def asked(product: Product, path: str = STABLE) -> int:
    """How often WeChat was asked for a token."""
    rows: list[dict[str, Any]] = product.simulator.get("/sim/trail")
    return sum((row["way"], row["what"]) == ("in", path) for row in rows)


def job(product: Product, threads: int) -> str:
    s = product.deps.settings
    settings = {
        "data_dir": str(s.data_dir), "database_url": product.deps.db.url,
        "public_url": s.public_url, "simulator_url": s.simulator_url, "log_level": "CRITICAL",
    }  # fmt: skip
    return json.dumps({"settings": settings, "threads": threads, "provider_id": provider(product)})


@contextmanager
def processes(product: Product, count: int, threads: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Started, and ready to begin."""
    made = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.oa.crowd"], cwd=ROOT, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        for process in made:
            _say(process, job(product, threads))
        for process in made:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield made
    finally:
        for process in made:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def begin(made: list[subprocess.Popen[str]]) -> None:
    for process in made:
        _say(process, "go")


def results(made: list[subprocess.Popen[str]]) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for process in made:
        assert process.stdout is not None
        found += [(said, took) for said, took in json.loads(process.stdout.readline())]
    return found


def p95(found: list[tuple[str, float]]) -> float:
    times = sorted(took for _, took in found)
    return times[int(len(times) * 0.95)]


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
