"""Things that happen by themselves when the simulator's clock reaches their hour."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from simulator.clock import Clock

LOOK_EVERY_S = 0.25


class Due:
    """`at` says when to call what; a jump of the clock calls all that it passed before it returns.

    What is called looks at the books itself: called late, or twice, it does no harm.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def at(self, when: float, act: Callable[[], None]) -> None:
        with self._lock:
            heapq.heappush(self._heap, (when, next(self._ids), act))
            if self._thread is None:  # at first use, so after any fork
                self._thread = threading.Thread(target=self._watch, name="due", daemon=True)
                self._thread.start()

    def run(self) -> None:
        """Call everything whose hour has come."""
        while True:
            with self._lock:
                if not self._heap or self._heap[0][0] > self._clock.time():
                    return
                act = heapq.heappop(self._heap)[2]
            act()

    def clear(self) -> None:
        with self._lock:
            self._heap.clear()

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_EVERY_S):
            self.run()
