"""What a process keeps for some seconds so that it is not read for every call."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

_MOST = 20_000
T = TypeVar("T")


class Kept:
    """Values by key for some seconds each; per process, bounded."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, seconds: float, read: Callable[[], T | None]) -> T | None:
        now = time.monotonic()
        found = self._rows.get(key)
        if found is not None and now < found[0]:
            value: T = found[1]
            return value
        made = read()
        if made is not None and seconds > 0:
            if len(self._rows) >= _MOST:
                self._rows.clear()
            self._rows[key] = (now + seconds, made)
        return made
