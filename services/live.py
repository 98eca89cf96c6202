"""Live pages: one watcher thread per web process asks for all the orders being waited for.

Polling is enough, and LISTEN/NOTIFY would take a lock over the whole server at every commit. At
most half of a process's threads may wait; the rest get the state at once and come again.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models.order import PayOrder
from services.deps import Deps
from services.orders import FINAL, state_of

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
Key = tuple[int, int]  # provider_id, order id


@dataclass
class Waiting:
    """Pages that wait for one order, and what they have seen."""

    pages: int = 0
    state: str = ""


@dataclass
class Watcher:
    deps: Deps
    places: int  # pages that may wait at a time in this process
    _waiting: dict[Key, Waiting] = field(default_factory=dict)
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def send_away(self) -> None:
        """Every page that waits, and every one that comes, hears at once what is known."""
        self._stopping.set()
        with self._turn:
            self._turn.notify_all()

    def stop(self) -> None:
        """So, and the thread has ended: before the database goes."""
        self.send_away()
        if self._thread is not None:
            self._thread.join()

    def wait(self, key: Key, seen: str, current: str, seconds: float) -> tuple[str, bool]:
        """The state once it differs from `seen`, or the last known one; and whether we waited, or
        there was no need to: False means that the page is to come again."""
        if current != seen or current in FINAL:
            return current, True
        deadline = time.monotonic() + seconds
        with self._turn:
            if sum(w.pages for w in self._waiting.values()) >= self.places:
                return current, False
            self._start()
            entry = self._waiting.setdefault(key, Waiting(state=current))
            entry.pages += 1
            try:
                while entry.state == seen and (left := deadline - time.monotonic()) > 0:
                    if self._stopping.is_set():
                        break
                    self._turn.wait(left)
                return entry.state, entry.state != seen or not self._stopping.is_set()
            finally:
                entry.pages -= 1
                if entry.pages == 0:
                    self._waiting.pop(key, None)

    def _start(self) -> None:
        """Started on first use, so after any fork."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            with self._turn:
                keys = list(self._waiting)
            if not keys:
                continue
            try:
                states = self.deps.transact(lambda s, k=keys: _states(s, k))  # type: ignore[misc]
            except Exception:
                log.exception("watcher could not look")
                continue
            with self._turn:
                for key, state in states.items():
                    if key in self._waiting:
                        self._waiting[key].state = state
                self._turn.notify_all()


def _states(session: Session, keys: list[Key]) -> dict[Key, str]:
    found = session.scalars(
        select(PayOrder).where(tuple_(PayOrder.provider_id, PayOrder.id).in_(keys))
    )
    return {(order.provider_id, order.id): state_of(order) for order in found}
