"""Faults that a test or the phone page asks for: on an operation, of a kind, so many times."""

from __future__ import annotations

import threading
from dataclasses import dataclass

KINDS = (
    "delay",
    "drop",
    "error",
    "lose_answer",
    "bad_signature",
    "wrong_amount",
    "duplicate",
    "reorder",
)


@dataclass
class Fault:
    """`on` is an operation's name ("wechat.query"), an upstream path or method, or "*"."""

    on: str
    kind: str
    times: int = 1
    ms: int = 0
    code: str = ""  # kind "error": the upstream's own code to answer with


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Fault]:
        with self._lock:
            return [Fault(**vars(f)) for f in self._armed]

    def take(self, kind: str, *names: str) -> Fault | None:
        """The first armed fault of this kind on one of these names, used up by one."""
        if not self._armed:
            return None
        with self._lock:
            for fault in self._armed:
                if fault.kind == kind and (fault.on == "*" or fault.on in names):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._armed.remove(fault)
                    return fault
        return None

    def wanted(self, kind: str, *names: str) -> bool:
        """Whether `take` would give one, without using it up."""
        with self._lock:
            return any(f.kind == kind and (f.on == "*" or f.on in names) for f in self._armed)
