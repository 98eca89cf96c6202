"""Whose calls hold a web process's threads: one merchant leaves others as many as it takes.

The limits by the minute do not see how long a call takes: twenty payments over a wallet that is
slow today, or twenty repeats that wait for their first, would hold every thread while they are far
below any of them. So of the threads that others leave, one merchant's calls hold half at most
(`CPAY_MERCHANT_SHARE`), one always. Alone in a process of eight it has four, beside four pages that
wait for their orders, two: the more there is to do, the less one merchant can take.

A call above that waits half a second for one of its own merchant's to end, as long as a quarter of
the threads is free for others (one of each merchant waits on these, too, on the last only if all of
its merchant's calls are quick ones), and then hears that it is to come again: short bursts pass
unseen. Where some have gone on for more than a moment, a wallet is slow, and each call that waits
holds one more of the threads left to others: then it waits only for one that began just now and for
which no other waits, or for its merchant's only one.

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
_MOMENT_S: Final = 0.2
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
    _held: dict[Merchant, list[float]] = field(default_factory=dict, repr=False)  # since when
    _all_held: int = 0
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
        since = self._take(settings, whose, min(PATIENCE_S, most_s))
        try:
            yield since is not None
        finally:
            if since is not None:
                self._give_back(whose, since)

    def _take(self, settings: Settings, whose: Merchant, patience_s: float) -> float | None:
        """Since when it holds a thread; None: it may not."""
        ends, waits = self.clock() + patience_s, False
        with self._turn:
            self._visits.note(whose, self.clock())
            while not self._is_within(settings, whose):
                left = ends - self.clock()
                if left <= 0 or not self._may_wait(settings.web_threads, whose, waits):
                    return None
                waits = True
                self._waiting[whose] += 1
                try:
                    self._turn.wait(left)
                finally:
                    _one_less(self._waiting, whose)
            since = self.clock()
            self._held.setdefault(whose, []).append(since)
            self._all_held += 1
            return since

    def _is_within(self, settings: Settings, whose: Merchant) -> bool:
        own = len(self._held.get(whose, ()))
        free = settings.web_threads - self._pages - self._all_held + own
        share = free * settings.cpay_merchant_share // 100
        if self._visits.is_alone(whose, self.clock()):
            share = max(share, free - spare(settings.web_threads))
        return own < max(1, share)

    def _may_wait(self, threads: int, whose: Merchant, waits: bool = False) -> bool:
        """Whether one of the merchant's calls is about to end (asked to begin with), and enough
        threads stay free with one more that waits. Or nobody is here who could miss it."""
        now, waiting = self.clock(), self._waiting[whose]
        if self._visits.is_alone(whose, now):
            return True
        held = self._held.get(whose, [])
        young = sum(now - since < _MOMENT_S for since in held)
        are_quick = young == len(held)
        if not (waits or are_quick or waiting < max(young, len(held) == 1)):
            return False
        free = threads - self._pages - self._all_held - self._waiting.total() - 1
        return free >= (spare(threads) if waiting else not are_quick)

    def _give_back(self, whose: Merchant, since: float) -> None:
        with self._turn:
            held = self._held[whose]
            held.remove(since)
            if not held:  # nobody stays whose calls have ended
                del self._held[whose]
            self._all_held -= 1
            self._turn.notify_all()


def _one_less(counted: Counter[Merchant], whose: Merchant) -> None:
    counted[whose] -= 1
    if not counted[whose]:
        del counted[whose]


def spare(threads: int) -> int:
    """How many are always left to others."""
    return max(1, threads // 4)
