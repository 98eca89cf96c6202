"""Five hundred plays in which everything breaks, the planted bugs, and the same bytes twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.harness.database import Server
from tests.mutants.run import apply, copy_tree, read_mutants
from tests.sim.many import play_many
from tests.sim.planted import FOUND, seeds_find
from tests.sim.reach import missing
from tests.sim.stage import Theatre, open_theatre

SEEDS = range(1, 501)
TWICE = (7, 42, 26, 78, 16)  # two have members with cards, the last has deposits


@pytest.fixture(scope="module")
def theatre(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with open_theatre(server, tmp_path_factory.mktemp("theatre")) as made:
        yield made


@pytest.fixture(scope="module")
def tree() -> Path:
    return copy_tree()


@pytest.mark.timeout(1500)
def test_five_hundred_seeds_hold_and_reach_everything(
    theatre: Theatre, capsys: pytest.CaptureFixture[str]
) -> None:
    reached, bad = Counter[str](), {}
    for found in play_many(theatre, SEEDS, os.cpu_count() or 1):
        reached += found.reached
        if found.problem:
            bad[found.seed] = found.problem
    with capsys.disabled():
        print()
        for kind, times in sorted(reached.items()):
            print(f"{times:7} {kind}")
    assert bad == {}, f"python -m tests.sim --seed {next(iter(bad), 0)} plays it again"
    assert missing(reached) == []


@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_bytes_in_another_process_and_another_order(theatre: Theatre) -> None:
    there = {o.seed: o.trace for o in play_many(theatre, TWICE, 2, keep_traces=True)}
    backwards = tuple(reversed(TWICE))
    here = {o.seed: o.trace for o in play_many(theatre, backwards, 1, keep_traces=True)}
    for seed in TWICE:
        assert here[seed] == there[seed]
        assert here[seed].count("\n") > 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("bug", "seed"), FOUND.items(), ids=str)
def test_a_planted_bug_is_found_by_its_seed(
    theatre: Theatre, tree: Path, bug: str, seed: int
) -> None:
    mutant = next(m for m in read_mutants() if m.name == bug)
    assert apply(mutant, tree) == ""
    try:
        done = seeds_find(tree, theatre, "--seed", str(seed))
    finally:
        assert apply(mutant, tree, "--reverse") == ""
    assert done.returncode == 1, f"seed {seed} does not see {bug}"
    assert "Violation" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


def test_bugs_are_planted_and_the_document_says_which_seed_finds_each() -> None:
    said = (ROOT / "docs" / "failures.md").read_text("utf-8")
    assert len(FOUND) >= 16
    for bug, seed in FOUND.items():
        assert f"| `{bug}` | {seed} |" in said
