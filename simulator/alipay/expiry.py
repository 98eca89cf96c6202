"""Closes what is not paid in time, on the simulator's clock, whether or not anybody asks."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable

from simulator.clock import Clock

LOOK_EVERY_S = 0.25  # the clock may jump


class Expiry:
    """`watch` says when to call `on_due` with (owner, out_trade_no). Called again does no harm."""

    def __init__(self, clock: Clock, on_due: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._heap: list[tuple[float, str, str]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, at: float, owner: str, out_trade_no: str) -> None:
        with self._lock:
            heapq.heappush(self._heap, (at, owner, out_trade_no))

    def start(self) -> None:
        """At the first request, so that a forked server has the thread in its worker."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_EVERY_S):
            for owner, out_trade_no in self._due():
                self._on_due(owner, out_trade_no)

    def _due(self) -> list[tuple[str, str]]:
        found = []
        with self._lock:
            while self._heap and self._heap[0][0] <= self._clock.time():
                found.append(heapq.heappop(self._heap)[1:])
        return found
