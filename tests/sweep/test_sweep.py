"""failures.md 25: SIGKILL just before and just after every commit and upstream call of a road.

The sweep finds its points by itself: a first walk counts them. Then for each point the road's part
is walked again and one process, web or worker, is killed there; it is started again, the person
goes on, and at the end our books equal the wallet's, trade by trade. `make test` kills at a few
points, another choice every day; `make soak` at all.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from itertools import product as every

import pytest

from tests.sweep.road import PARTS, Walk
from tests.sweep.stage import Stage

FEWEST_POINTS = 12
# What an ordinary payment surely does: fewer, and the sweep has lost sight of something.
SURELY = {"web commit": 6, "web call": 2, "worker job": 2, "worker commit": 1}
SAMPLE = 4  # per wallet, in `make test`
NOT_REACHED = "not killed: the point was not reached"
TRIES = 3  # a fetch is a point only if its job was there a moment before, which is a race
VICTIMS, MOMENTS = ("web", "worker"), ("before", "after")


@dataclass(frozen=True)
class Case:
    part: str
    role: str  # which process reaches the point
    what: str
    nth: int
    victim: str
    moment: str

    def __str__(self) -> str:
        where = f"{self.role}'s {self.what} #{self.nth}"
        return f"{self.part:8} {self.victim:6} killed {self.moment:6} {where}"


@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_kill_at_any_point_loses_and_doubles_nothing(
    stage: Stage, wallet: str, request: pytest.FixtureRequest
) -> None:
    cases, count = _find_cases(stage, wallet)
    assert count >= FEWEST_POINTS, f"only {count} points: does the sweep still see the road?"
    whole = bool(request.config.getoption("--whole-sweep", default=False))
    only = str(request.config.getoption("--sweep-only", default=""))
    named = [case for case in cases if only in str(case)]
    chosen = named if whole or only else _sample(cases, wallet)
    print(f"\n{wallet}: N = {count} points, {len(cases)} cases, {len(chosen)} walked", flush=True)
    failures: list[str] = []
    killed: Counter[str] = Counter()
    for number, case in enumerate(chosen, 1):
        started = time.monotonic()
        for again in range(TRIES):
            wrong = _survive(stage, wallet, case, f"{wallet[0]}{number}.{again}")
            if wrong != NOT_REACHED:
                break
        killed[case.victim] += wrong is None or "not killed" not in wrong
        took = time.monotonic() - started
        print(f"{number:4} {case} {took:5.1f} s {wrong or 'ok'}", flush=True)
        if wrong is not None:
            failures.append(f"{case}: {wrong}")
    print(f"{wallet}: N = {count}, cases = {len(chosen)}, kills = {dict(killed)}", end=" ")
    print(f"failures = {len(failures)}", flush=True)
    assert sum(killed.values()) >= 1, "the sweep killed nothing"
    assert not failures, "\n".join(failures)
    assert sum(killed.values()) == len(chosen)


def _find_cases(stage: Stage, wallet: str) -> tuple[list[Case], int]:
    """Walk once without a kill: every point that a process tells is N; each is four cases."""
    cases: list[Case] = []
    count = 0
    for part in PARTS:
        name = f"count:{wallet}:{part}"
        walk = Walk(stage, wallet, f"{wallet} count {part}")
        _walk(stage, walk, part, name)
        walk.check()
        points = stage.points(name)
        count += len(points)
        if part == "paid":
            seen = Counter(f"{p['role']} {p['what'].split()[0]}" for p in points)
            assert seen >= Counter(SURELY), f"the sweep does not see all of the road: {seen}"
        for point, victim, moment in every(points, VICTIMS, MOMENTS):
            cases.append(Case(part, point["role"], point["what"], point["nth"], victim, moment))
    return cases, count


def _walk(stage: Stage, walk: Walk, part: str, name: str) -> None:
    stage.begin(name)
    PARTS[part](walk)
    walk.rest()
    stage.begin("between")


def _survive(stage: Stage, wallet: str, case: Case, mark: str) -> str | None:
    """Walk the part with the kill armed; what was wrong in the end, or None."""
    name = f"{mark}:{case.part}"
    before = len(stage.kills())
    stage.arm(
        part=name, role=case.role, what=case.what, nth=case.nth,
        when=case.moment, kill=case.victim,
    )  # fmt: skip
    walk = Walk(stage, wallet, f"{wallet} {mark} {case.part}")
    try:
        _walk(stage, walk, case.part, name)
        walk.check()
    except AssertionError as problem:
        return f"{type(problem).__name__}: {problem}"
    finally:
        fired = stage.disarm()
        stage.simulator.clear_faults()
    if not fired:
        return NOT_REACHED
    (kill,) = stage.kills()[before:]
    return None if stage.is_gone(kill["pid"]) else f"not killed: {kill['pid']} still lives"


def _sample(cases: list[Case], wallet: str) -> list[Case]:
    """Another choice every day (or SWEEP_SEED), with each victim and moment in it."""
    seed = os.environ.get("SWEEP_SEED") or dt.datetime.now(dt.UTC).date().isoformat()
    choice = random.Random(f"{seed}:{wallet}")
    kinds = list(every(VICTIMS, MOMENTS))
    return [
        choice.choice([c for c in cases if (c.victim, c.moment) == kinds[n % len(kinds)]])
        for n in range(SAMPLE)
    ]
