"""What happened in one play, line by line, and how often each kind of thing was reached."""

from __future__ import annotations

from collections import Counter


class Violation(AssertionError):
    """What must always hold does not."""


class Trace:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reached: Counter[str] = Counter()

    def say(self, at: float, depth: int, what: str) -> None:
        self.lines.append(f"{at:.3f} {'  ' * depth}{what}")

    def reach(self, kind: str, times: int = 1) -> None:
        """`kind` is "fault …", "case …" (a number of the table of failures) or "move …"."""
        self.reached[kind] += times

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
