"""Answered in time, whatever a wallet does: the work goes on, and who asked hears how it stands."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.cloudpay.call import Call

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class _Work(Generic[T]):
    """`fn` on a thread of its own: a peer that sends a byte a second must hold nobody up."""

    fn: Callable[[], T]
    log_id: int
    is_done: threading.Event = field(default_factory=threading.Event)
    is_left: bool = False
    result: T | None = None
    problem: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.fn()
        except Exception as problem:
            self.problem = problem
            if self.is_left:  # nobody hears of it any more
                log.exception("api call failed late", extra={"log_id": self.log_id})
        self.is_done.set()


def in_time(call: Call, fn: Callable[[], T]) -> T | None:
    """What `fn` gives or raises; None when the call's time is over before it has.

    Then `fn` goes on: it must be safe to leave alone and to run again, as all that asks wallets is.
    """
    work = _Work(fn, call.log_id)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work.run,), name="api call", daemon=True).start()
    if not work.is_done.wait(call.left_s):
        log.warning("api call answered before its wallet", extra={"log_id": call.log_id})
        work.is_left = True
        return None
    if work.problem is not None:
        raise work.problem
    return work.result
