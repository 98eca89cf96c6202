"""What a figure line holds: medians of at least five runs, their spread, the machine, the commit.

A figure and its bound are taken in turns in one run of the bench, so the ratio compares the same
minutes of the same machine. The ratio is the median of the runs' own ratios.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LEAST_RUNS = 5
QUICK = os.environ.get("BENCH_QUICK", "") == "1"


class TooFewRuns(Exception):
    """A figure of fewer than five runs is no figure: no line is printed."""


def spread(values: Sequence[float]) -> float:
    """(largest - smallest) / median: 0.1 means that the runs lie within 10 % of each other."""
    middle = median(values)
    return round((max(values) - min(values)) / middle, 3) if middle else 0.0


def line(
    figure: str,
    unit: str,
    values: Sequence[float],
    bounds: Sequence[float] | float,
    **more: Any,
) -> dict[str, Any]:
    """One figure. `bounds` is one per run, or a constant (a limit that the product promises)."""
    limits = [float(bounds)] * len(values) if isinstance(bounds, int | float) else list(bounds)
    if len(values) < LEAST_RUNS or len(limits) != len(values):
        raise TooFewRuns(f"{figure}: {len(values)} runs, {len(limits)} bounds")
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    return {
        "figure": figure,
        "value": round(median(values), 3),
        "unit": unit,
        "bound": round(median(limits), 3),
        "ratio": round(median(ratios), 3),
        "runs": len(values),
        "spread": spread(values),
        "ratio_spread": spread(ratios),
        **more,
        **({"quick": True} if QUICK else {}),
        "machine": machine(),
        "commit": commit(),
    }


def medians(rows: Sequence[Mapping[str, float]], digits: int = 2) -> dict[str, float]:
    """The median of each column."""
    return {name: round(median(row[name] for row in rows), digits) for name in rows[0]}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1))]


@cache
def commit() -> str:
    """The short hash; `+` when files differ from it; "unknown" outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@cache
def machine() -> dict[str, Any]:
    """Where the figure was taken. `load` is the load average when the bench began: the share of
    the machine that others had."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print the lines of a bench that has ended well."""
    for row in lines:
        print(json.dumps(row, ensure_ascii=False), flush=True)


def say(text: str) -> None:
    """Progress, for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)
