"""Whose calls hold a web process's threads: one merchant leaves others as many as it takes.

The limits by the minute do not see how long a call takes: twenty payments over a wallet that is
slow today, or twenty repeats that wait for their first, would hold every thread while they are far
below any of them. So of the threads that others leave, one merchant's calls hold half at most
(`CPAY_MERCHANT_SHARE`), one always. Alone in a process of eight it has four, beside four pages that
wait for their orders, two: the more there is to do, the less one merchant can take.

A call above that waits half a second for one of its own merchant's to end, as long as a quarter of
the threads is free for others (one of each merchant waits on these, too, down to the last), and
then hears that it is to come again: short bursts pass unseen.

A process in which nobody else was for ten seconds is that merchant's but for a quarter of its
threads, and all of the others may wait: thirty tills of one chain share with nobody.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from config.settings import Settings

PATIENCE_S: Final = 0.5
ALONE_S: Final = 10.0
Merchant = tuple[int, int]  # provider_id, merchant_id


@dataclass
class Visits:
    """When somebody was here last, and when somebody else than him."""

    _last: tuple[Merchant | None, float] = (None, -ALONE_S)
    _other: float = -ALONE_S

    def note(self, who: Merchant | None, now: float) -> None:
        """`who`: None for a page."""
        if self._last[0] != who:
            self._other = self._last[1]
        self._last = (who, now)

    def is_alone(self, who: Merchant, now: float) -> bool:
        last, at = self._last
        return now - (self._other if last == who else at) >= ALONE_S


@dataclass
class Threads:
    """Of one process."""

    clock: Callable[[], float] = time.monotonic
    _pages: int = 0  # requests that are no call
    _held: Counter[Merchant] = field(default_factory=Counter, repr=False)
    _waiting: Counter[Merchant] = field(default_factory=Counter, repr=False)
    _visits: Visits = field(default_factory=Visits, repr=False)
    _turn: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @contextmanager
    def page(self) -> Iterator[None]:
        """A request of a browser, a wallet or a machine is under way."""
        with self._turn:
            self._pages += 1
            self._visits.note(None, self.clock())
        try:
            yield
        finally:
            with self._turn:
                self._pages -= 1
                self._turn.notify_all()

    @contextmanager
    def call(self, settings: Settings, whose: Merchant, most_s: float) -> Iterator[bool]:
        """Whether this call of a merchant may go on; it waits for that `most_s` at most."""
        if settings.cpay_merchant_share >= 100:
            yield True
            return
        is_within = self._take(settings, whose, min(PATIENCE_S, most_s))
        try:
            yield is_within
        finally:
            if is_within:
                self._give_back(whose)

    def _take(self, settings: Settings, whose: Merchant, patience_s: float) -> bool:
        now = self.clock()
        ends = now + patience_s
        with self._turn:
            self._visits.note(whose, now)
            while not self._is_within(settings, whose):
                left = ends - self.clock()
                if left <= 0 or not self._may_wait(settings.web_threads, whose):
                    return False
                self._waiting[whose] += 1
                try:
                    self._turn.wait(left)
                finally:
                    _one_less(self._waiting, whose)
            self._held[whose] += 1
            return True

    def _is_within(self, settings: Settings, whose: Merchant) -> bool:
        own = self._held[whose]
        free = settings.web_threads - self._pages - self._held.total() + own
        share = free * settings.cpay_merchant_share // 100
        if self._visits.is_alone(whose, self.clock()):
            share = max(share, free - spare(settings.web_threads))
        return own < max(1, share)

    def _may_wait(self, threads: int, whose: Merchant) -> bool:
        """Whether a quarter of the threads stays free with one more that waits; or one thread, if
        it is the only one of its merchant's; or nobody is here who could miss it."""
        if self._visits.is_alone(whose, self.clock()):
            return True
        busy = self._pages + self._held.total() + self._waiting.total() + 1
        return threads - busy >= (spare(threads) if self._waiting[whose] else 1)

    def _give_back(self, whose: Merchant) -> None:
        with self._turn:
            _one_less(self._held, whose)
            self._turn.notify_all()


def _one_less(counted: Counter[Merchant], whose: Merchant) -> None:
    """Nobody stays whose calls have ended."""
    counted[whose] -= 1
    if not counted[whose]:
        del counted[whose]


def spare(threads: int) -> int:
    """How many are always left to others."""
    return max(1, threads // 4)
