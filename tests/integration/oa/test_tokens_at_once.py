"""4 processes of 50 threads meet a token that is over: one question, and nobody fails."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from services.oa import sweep, tokens
from tests.harness.product import Product
from tests.integration.oa.crowds import (
    STABLE,
    asked,
    begin,
    dead_token,
    key_of,
    p95,
    processes,
    provider,
    results,
)

PROCESSES, THREADS = 4, 50
SOON = 3.0  # seconds; `bench/oa_tokens.py` wants one, on a machine with nothing else to do


def _one_lease_at_least(product: Product, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if product.sql("SELECT 1 FROM lease WHERE starts_with(name, 'oa:') AND until > :now",
                       now=product.deps.now()):  # fmt: skip
            return
        time.sleep(0.02)
    raise AssertionError("nobody asks")


def test_one_new_token_for_all(product: Product) -> None:
    dead_token(product)
    with processes(product, PROCESSES, THREADS) as made:
        begin(made)
        found = results(made)
    print(f"p95 {p95(found):.3f} s")
    assert [said for said, _ in found if said != "ok"] == []
    assert len(found) == PROCESSES * THREADS
    assert asked(product) == 1
    assert p95(found) < SOON


def test_a_lost_answer_is_asked_for_again_and_nobody_fails(product: Product) -> None:
    dead_token(product)
    product.simulator.fault(STABLE, "lose_answer")
    with processes(product, PROCESSES, THREADS) as made:
        begin(made)
        found = results(made)
    print(f"p95 {p95(found):.3f} s")
    assert [said for said, _ in found if said != "ok"] == []
    assert asked(product) == 2
    assert p95(found) < SOON


def test_a_slow_wechat_is_asked_once_and_waited_for(product: Product) -> None:
    dead_token(product)
    product.simulator.fault(STABLE, "delay", ms=8000)
    with processes(product, PROCESSES, THREADS) as made:
        begin(made)
        found = results(made)
    print(f"p95 {p95(found):.3f} s")
    assert [said for said, _ in found if said != "ok"] == []
    assert asked(product) == 1
    assert p95(found) < 8 + SOON


def test_while_a_slow_wechat_renews_the_old_one_serves(product: Product) -> None:
    """At 2/3 of its life: nobody waits, and the next is there when it is done."""
    deps, who = product.deps, provider(product)
    tokens.call(deps, who, lambda token: token)
    before = product.one("SELECT version v FROM oa_token WHERE kind = 'access'").v
    product.simulator.advance(2 * 7200 / 3 + 5)
    product.simulator.fault(STABLE, "delay", ms=8000)
    with processes(product, PROCESSES, THREADS) as made, ThreadPoolExecutor(1) as worker:
        [claim] = sweep.claim_due(deps, 10)
        renewing = worker.submit(sweep.pursue, deps, claim)
        _one_lease_at_least(product)
        begin(made)
        found = results(made)
        assert not renewing.done()
        renewing.result(20)
    print(f"p95 {p95(found):.3f} s")
    assert [said for said, _ in found if said != "ok"] == []
    assert p95(found) < SOON
    assert asked(product) == 2  # the first of all, and the renewal
    after = product.one("SELECT version v, until_at u FROM oa_token WHERE kind = 'access'")
    assert after.v == before + 1


def test_a_killed_holder_is_replaced_within_thirty_seconds(product: Product) -> None:
    """The holder is killed by SIGKILL while WeChat has its question."""
    dead_token(product, over=True)
    product.simulator.fault(STABLE, "delay", ms=8000)
    with processes(product, 1, 1) as holder, processes(product, PROCESSES, THREADS) as made:
        begin(holder)
        _one_lease_at_least(product)
        holder[0].kill()
        began = time.monotonic()
        begin(made)
        found = results(made)
        took = time.monotonic() - began
    print(f"p95 {p95(found):.3f} s, replaced after {took:.1f} s")
    assert [said for said, _ in found if said != "ok"] == []
    assert took < 30
    assert asked(product) == 2  # the killed one's, and the one of its successor


def test_while_the_killed_holder_was_renewing_nobody_waits(product: Product) -> None:
    deps, who = product.deps, provider(product)
    tokens.call(deps, who, lambda token: token)
    key = key_of(product)
    with processes(product, PROCESSES, THREADS) as made:
        # A holder's lease that nobody will ever release: what a SIGKILL leaves.
        product.do(
            "INSERT INTO lease (name, holder, until, fencing) VALUES (:n, 'dead', :u, 7) ON"
            " CONFLICT (name) DO UPDATE SET until = :u, fencing = 7",
            n=key.lease, u=deps.now() + timedelta(seconds=15),
        )  # fmt: skip
        begin(made)
        found = results(made)
    assert [said for said, _ in found if said != "ok"] == []
    assert p95(found) < SOON
