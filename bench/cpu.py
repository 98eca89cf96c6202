"""CPU time and memory of process trees, from /proc: what a noisy machine cannot blur."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name, which may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(root: int) -> list[int]:
    """`root` and everything below it that lives."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))) is not None:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += parents.get(pid, [])
    return found


def seconds(root: int) -> float:
    """CPU seconds of a tree since its start: user and system, children that ended included."""
    total = 0.0
    for pid in tree(root):
        fields = _stat(pid)
        if fields is not None:
            own = int(fields[11]) + int(fields[12])
            waited_for = int(fields[13]) + int(fields[14])
            total += (own + waited_for) * TICK_S
    return total


def snapshot(roots: Mapping[str, int]) -> dict[str, float]:
    return {name: seconds(pid) for name, pid in roots.items()}


def since(before: Mapping[str, float], roots: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds of each tree since `before`."""
    now = snapshot(roots)
    return {name: max(0.0, now[name] - before[name]) for name in roots}


def memory_mb(root: int, *, alone: bool = False) -> float:
    """Memory of a tree, or one process, in MB: a page that n processes share counts 1/n (PSS)."""
    total_kb = 0
    for pid in [root] if alone else tree(root):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total_kb += sum(int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:"))
    return round(total_kb / 1024, 1)
