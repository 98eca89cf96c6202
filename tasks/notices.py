"""The worker's crier: notices of payments, beside everything about money."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from services.deps import Deps
from services.payment_notices import verdicts
from services.payment_notices.reading import Letter
from services.payment_notices.sweep import claim_due, tell

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
AFTER_TROUBLE_S = 2.0
AT_ONCE = 8  # notices of one claim: they are written together


class Crier:
    """One thread that claims, and a pool of its own that sends: a slow WeChat holds up nothing that
    asks about money."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._pool = ThreadPoolExecutor(deps.settings.notice_threads, "notice")
        self._free = threading.Semaphore(deps.settings.notice_threads)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being sent is sent to its end; nothing new begins."""
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                begun = self._begin() | verdicts.meet(self._deps)
            except Exception:
                log.exception("sweep failed")
                self._stopping.wait(AFTER_TROUBLE_S)
                continue
            if not begun:
                self._stopping.wait(LOOK_EVERY_S)

    def _begin(self) -> bool:
        """Give each free thread a few; True when there may be more."""
        begun = False
        while not self._stopping.is_set() and self._free.acquire(timeout=LOOK_EVERY_S):
            letters: Sequence[Letter] = ()
            try:
                letters = claim_due(self._deps, AT_ONCE)
            finally:
                if not letters:
                    self._free.release()
            if not letters:
                return begun
            begun = True
            self._pool.submit(self._tell, letters)
        return True

    def _tell(self, letters: Sequence[Letter]) -> None:
        try:
            tell(self._deps, letters)
        except Exception:
            # The claim's due time brings them back; nothing is lost by going on.
            log.exception("notices failed", extra={"notices": [letter.id for letter in letters]})
        finally:
            self._free.release()
