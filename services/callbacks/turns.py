"""Whose turn it is: one provider's dead server must not hold up another's callbacks.

In this process only; what is under way elsewhere is not due, since its claim has moved its time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

SHARE = 4  # one provider has at most a quarter of the threads
REST = timedelta(seconds=5)  # after no answer; doubled each time …
LONGEST_REST = timedelta(seconds=30)  # … up to this, so that the first retries keep their times


class Turns:
    """Who is being called, who was last called when, and whom to leave alone for a while."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._most = max(1, threads // SHARE)
        self._busy: Counter[int] = Counter()
        self._last: dict[int, int] = {}
        self._count = 0
        self._silent: Counter[int] = Counter()
        self._until: dict[int, datetime] = {}
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """Threads with nothing to do."""
        with self._lock:
            return self._threads - self._busy.total()

    def choose(self, waiting: Iterable[int], now: datetime, most: int) -> list[int]:
        """Up to `most` of the providers that have something due: the longest not served first."""
        with self._lock:
            ready = [
                provider
                for provider in waiting
                if self._busy[provider] < self._most and not self._rests(provider, now)
            ]
            ready.sort(key=lambda p: (self._busy[p], self._last.get(p, 0), p))
            return ready[: min(most, self._threads - self._busy.total())]

    def _rests(self, provider: int, now: datetime) -> bool:
        left = self._until.get(provider, now) - now
        return timedelta(0) < left <= LONGEST_REST  # more is left only if the clock was put back

    def begin(self, provider: int) -> None:
        with self._lock:
            self._busy[provider] += 1
            self._count += 1
            self._last[provider] = self._count

    def end(self, provider: int, now: datetime, *, answered: bool) -> None:
        """`answered`: there is somebody, whatever was said. Silence brings a rest."""
        with self._lock:
            self._busy[provider] -= 1
            if answered:
                del self._silent[provider]
                self._until.pop(provider, None)
                return
            self._silent[provider] += 1
            rest = REST * 2 ** min(self._silent[provider] - 1, 8)
            self._until[provider] = now + min(rest, LONGEST_REST)
