"""Notifications on the upstream's own schedule, re-signed each time, on the simulator's clock."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from simulator.clock import Clock
from simulator.faults import Faults

ANSWER_WITHIN_S = 5.0
REORDER_S = 2.0  # how long "reorder" holds a delivery back when the fault names no time


@dataclass
class Sent:
    """One POST to be made: built anew (and signed anew) for each delivery."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Parcel:
    """A notification with the waits between its deliveries; `accepted` judges the answer."""

    name: str  # the fault name, e.g. "wechat.notify"
    out_trade_no: str
    build: Callable[[], Sent]
    accepted: Callable[[int, bytes], bool]
    waits: tuple[float, ...]  # seconds from the beginning of one delivery to the next
    tries: int = 0
    held: bool = False  # by a fault, and not to be held again before it was delivered


class Outbox:
    """Faults on a parcel's name: delay, drop and error (never sent), lose_answer (sent, the answer
    is not heard), duplicate (sent twice at once), reorder (held back while later ones go first).
    `build` takes bad_signature and wrong_amount, which only the channel knows how to do.
    """

    def __init__(
        self,
        clock: Clock,
        on_result: Callable[[Parcel, int, str], None],
        faults: Faults | None = None,
    ) -> None:
        self._clock = clock
        self._on_result = on_result
        self._faults = faults or Faults()
        self._heap: list[tuple[float, int, Parcel]] = []
        self._ids = itertools.count()
        self._era = 0  # a delivery under way when the outbox is emptied is not tried again
        self._under_way = 0
        self._wake = threading.Condition()
        self._pool = ThreadPoolExecutor(8, "outbox")
        self._http = requests.Session()
        self._http.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=16)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outbox-clock", daemon=True)
                self._thread.start()

    def post(self, parcel: Parcel, after_s: float = 0.0) -> None:
        self.start()
        self._push(parcel, self._clock.time() + after_s)

    def _push(self, parcel: Parcel, due_at: float) -> None:
        with self._wake:
            heapq.heappush(self._heap, (due_at, next(self._ids), parcel))
            self._wake.notify_all()

    def look_again(self) -> None:
        """The clock has jumped."""
        with self._wake:
            self._wake.notify_all()

    def clear(self) -> None:
        with self._wake:
            self._heap.clear()
            self._era += 1

    def settle(self, seconds: float = ANSWER_WITHIN_S) -> bool:
        """Wait until what is due was delivered, well or badly; False when that takes longer."""
        ends = time.monotonic() + seconds
        with self._wake:
            self._wake.notify_all()
            while self._under_way or self._is_due():
                left = ends - time.monotonic()
                if left <= 0:
                    return False
                self._wake.wait(left)
        return True

    def _is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= self._clock.time()

    def waiting(self) -> list[dict[str, object]]:
        with self._wake:
            return [
                {"name": p.name, "out_trade_no": p.out_trade_no, "tries": p.tries, "due_at": due}
                for due, _, p in sorted(self._heap, key=lambda e: e[:2])
            ]

    def _run(self) -> None:
        while True:
            with self._wake:
                # The clock may jump, so look again at least every quarter of a second.
                while not self._is_due():
                    self._wake.wait(0.25 if self._heap else None)
                _, _, parcel = heapq.heappop(self._heap)
                era, begun = self._era, self._clock.time()
                self._under_way += 1
            if not self._hold(parcel):
                self._submit(self._deliver, parcel, era, begun)
                if self._faults.take("duplicate", parcel.name):
                    self._submit(self._send, parcel, era)
            self._is_done()

    def _submit(self, do: Callable[..., object], *what: object) -> None:
        with self._wake:
            self._under_way += 1
        self._pool.submit(do, *what).add_done_callback(lambda _: self._is_done())

    def _is_done(self) -> None:
        with self._wake:
            self._under_way -= 1
            self._wake.notify_all()

    def _hold(self, parcel: Parcel) -> bool:
        """Delay and reorder wait on the schedule, not in a thread, so that others pass."""
        for kind in () if parcel.held else ("delay", "reorder"):
            fault = self._faults.take(kind, parcel.name)
            if fault is not None:
                parcel.held = True
                self.post(parcel, fault.ms / 1000 or REORDER_S)
                return True
        parcel.held = False
        return False

    def _deliver(self, parcel: Parcel, era: int, begun: float) -> None:
        done = self._send(parcel, era)
        if done or era != self._era or parcel.tries > len(parcel.waits):
            return
        self._push(parcel, begun + parcel.waits[parcel.tries - 1])

    def _send(self, parcel: Parcel, era: int) -> bool:
        """One delivery; True when the receiver acknowledged it."""
        lost = any(self._faults.take(kind, parcel.name) for kind in ("drop", "error"))
        status, text, done = (0, "lost on the way", False) if lost else self._exchange(parcel)
        if done and self._faults.take("lose_answer", parcel.name):
            done, text = False, "answer lost"
        parcel.tries += 1
        if era == self._era:
            self._on_result(parcel, status, text)
        return done

    def _exchange(self, parcel: Parcel) -> tuple[int, str, bool]:
        try:
            sent = parcel.build()
            answer = self._http.post(
                sent.url,
                data=sent.body,
                headers=sent.headers,
                timeout=ANSWER_WITHIN_S,
                allow_redirects=False,
            )
        except Exception as problem:  # whatever went wrong, the schedule goes on
            return 0, type(problem).__name__, False
        done = parcel.accepted(answer.status_code, answer.content)
        return answer.status_code, answer.text[:200], done
