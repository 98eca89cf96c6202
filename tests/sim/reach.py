"""What a run must have reached to mean anything: each move of each table, each fault, each case."""

from __future__ import annotations

from collections import Counter

from tests.sim.checks import TABLES
from tests.sim.clerks import OUTCOMES
from tests.sim.storms import CALL_FAULTS, NOTICE_FAULTS

__all__ = ["missing", "wanted"]

FAULTS = (
    *(f"fault call {kind}" for kind in CALL_FAULTS if kind != "none"),
    *(f"fault notice {kind}" for kind in NOTICE_FAULTS if kind != "none"),
    *("fault call cross", "fault killed", "fault meanwhile", "fault worker away"),
    *("fault job stalled", "fault clock", "fault call refused", "fault held after its end"),
    *(f"mood {name} {word}" for name, words in OUTCOMES.items() for word in words),
)
# Rows of the table of failures that a play can meet; the others have a test of their own.
CASES = (1, 2, 4, 5, 6, 7, 9, 17, 18, 19, 23, 25, 26, 27, 29, 30, 31, 32, 34, 35)


def wanted() -> set[str]:
    moves = {f"move {tab} {a} -> {b}" for tab, edges in TABLES.items() for a, b in edges}
    return moves | set(FAULTS) | {f"case {number}" for number in CASES}


def missing(reached: Counter[str]) -> list[str]:
    """What five hundred seeds should have reached and did not, in order of name."""
    return sorted(wanted() - set(reached))
