"""`python -m bench [name…]`: run every figure's file, one process each; 1 if one of them failed.

BENCH_QUICK=1 makes the runs very short: it shows that the benches work, its figures mean nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.figures import ROOT, say

HELPERS = {"__init__", "__main__", "figures", "stack", "cpu", "load", "bound"}
HELPERS |= {"filled", "bare_flask", "bare_select", "timed_wsgi", "profiled_wsgi"}
HELPERS |= {"profile_road", "messages"}


def names() -> list[str]:
    """Every figure's file, by name."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return [name for name in found if name not in HELPERS]


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(names())
    if unknown:
        say(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
        return 2
    failed = []
    for name in wanted or names():
        say(f"-- {name}")
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        if done.returncode == 0:
            print(done.stdout, end="", flush=True)
        else:
            failed.append(name)
    if failed:
        say(f"failed, so without a line: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
