"""The worker's post office: callbacks to providers' systems, beside everything about money."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from services.callbacks.sweep import Claim, claim_due, deliver
from services.callbacks.turns import Turns
from services.deps import Deps

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
AFTER_TROUBLE_S = 2.0


class Postman:
    """One thread that claims, and a pool of its own that sends: a customer's slow server takes
    nothing from wallets, and no more than its share from other customers."""

    def __init__(self, deps: Deps) -> None:
        threads = deps.settings.callback_threads
        self._deps = deps
        self._turns = Turns(threads)
        self._pool = ThreadPoolExecutor(threads, "callback")
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being sent is sent to its end (ten seconds at most); nothing new begins."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                begun = self._begin()
            except Exception:
                log.exception("sweep failed")
                self._stopping.wait(AFTER_TROUBLE_S)
                continue
            if not begun:
                self._wake.wait(LOOK_EVERY_S)  # one that ends makes room at once

    def _begin(self) -> bool:
        """Claim as many as there are threads free; True when there may be more."""
        free = self._turns.free
        claims = claim_due(self._deps, free, self._turns) if free else []
        for claim in claims:
            self._turns.begin(claim.provider_id)
            self._pool.submit(self._deliver, claim)
        return bool(claims)

    def _deliver(self, claim: Claim) -> None:
        is_silent = False  # our own trouble is not the receiver's
        try:
            is_silent = deliver(self._deps, claim).is_silent
        except Exception:
            # The claim's due time brings it back; nothing is lost by going on.
            log.exception("callback failed", extra={"callback": claim.callback_id})
        finally:
            self._turns.end(claim.provider_id, self._deps.now(), answered=not is_silent)
            self._wake.set()
