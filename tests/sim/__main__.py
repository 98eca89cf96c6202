"""`python -m tests.sim [--seeds N] [--first N] [--seed N] [--jobs N] [--trace]`: play seeds.

`--seed N` plays one and prints its trace: a failing seed replays exactly.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.harness.database import open_server
from tests.sim.run import play_seed
from tests.sim.stage import Stage, open_theatre


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.sim")
    words.add_argument("--seeds", type=int, default=20)
    words.add_argument("--first", type=int, default=1)
    words.add_argument("--seed", type=int)
    given = words.parse_args()
    with (
        open_server() as server,
        tempfile.TemporaryDirectory() as home,
        open_theatre(server, Path(home)) as theatre,
    ):
        stage = Stage(theatre)
        try:
            if given.seed is not None:
                one = play_seed(stage, given.seed)
                print(one.trace)
                print(one.problem)
                return 1 if one.problem else 0
            began, reached, bad = time.monotonic(), Counter[str](), 0
            for seed in range(given.first, given.first + given.seeds):
                found = play_seed(stage, seed)
                reached += found.reached
                if found.problem:
                    bad += 1
                    print(f"seed {seed}: {found.problem}", flush=True)
            took = time.monotonic() - began
            for kind, times in sorted(reached.items()):
                print(f"{times:6} {kind}")
            print(f"{given.seeds} seeds, {bad} bad, {took / given.seeds:.3f} s a seed")
            return 1 if bad else 0
        finally:
            stage.close()


if __name__ == "__main__":
    sys.exit(main())
