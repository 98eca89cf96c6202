"""`python -m tests.sim [--seeds N] [--first N] [--jobs N] [--until-bad]`, or `--seed N`.

Plays seeds and prints what they reached. `--seed N` plays one and prints its trace: a failing seed
replays exactly. 1 when one went wrong, or when 500 seeds or more left something unreached.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.database import Server, open_server
from tests.sim.many import play_many
from tests.sim.reach import missing
from tests.sim.run import play_seed
from tests.sim.stage import Stage, Theatre, open_theatre

ENOUGH = 500  # seeds after which everything must have been reached


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.sim")
    words.add_argument("--seeds", type=int, default=ENOUGH, help="how many")
    words.add_argument("--first", type=int, default=1)
    words.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    words.add_argument("--until-bad", action="store_true", help="stop at the first that goes wrong")
    words.add_argument("--seed", type=int, help="play this one and print its trace")
    words.add_argument("--theatre", nargs=2, metavar=("DATABASE", "HOME"), help="one that is open")
    given = words.parse_args()
    with open_server() as server, _theatre(server, given.theatre) as theatre:
        if given.seed is not None:
            return _one(theatre, given.seed)
        seeds = range(given.first, given.first + given.seeds)
        return _all(theatre, seeds, given.jobs, until_bad=given.until_bad)


@contextmanager
def _theatre(server: Server, given: list[str] | None) -> Iterator[Theatre]:
    if given is not None:
        yield Theatre(server, given[0], Path(given[1]))
        return
    with tempfile.TemporaryDirectory() as home, open_theatre(server, Path(home)) as made:
        yield made


def _one(theatre: Theatre, seed: int) -> int:
    stage = Stage(theatre)
    found = play_seed(stage, seed)
    stage.close()
    print(found.trace + found.problem)
    return 1 if found.problem else 0


def _all(theatre: Theatre, seeds: range, jobs: int, *, until_bad: bool) -> int:
    began, reached, bad = time.monotonic(), Counter[str](), 0
    for found in play_many(theatre, seeds, jobs):
        reached += found.reached
        if found.problem:
            bad += 1
            print(f"seed {found.seed}: {found.problem}", flush=True)
            if until_bad:
                for child in multiprocessing.active_children():
                    child.kill()  # what they still play is of no use
                break
    for kind, times in sorted(reached.items()):
        print(f"{times:7} {kind}")
    lacking = missing(reached) if len(seeds) >= ENOUGH else []
    for kind in lacking:
        print(f"never reached: {kind}")
    print(f"{len(seeds)} seeds, {bad} bad, {time.monotonic() - began:.0f} s")
    return 1 if bad or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
