"""When a merchant's keys last proved a call, and how often a code was wrong.

Noted in memory while a call is answered, and written when its answer is on its way: whoever calls
does not wait for it. A key's use is written once a minute and process at most; a wrong code is
written each time (within the limits of `limits`), as a time and a number, with nothing that was
sent. What a process that dies has not written yet is lost: these are hints for people.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

KEY, OLD_KEY, MD5, FAILED = "key_used_at", "old_key_used_at", "md5_used_at", "authen_failed_at"
_EVERY_S: Final = 60.0
_MOST: Final = 20_000

# Whoever holds the merchant's row at the moment changes the merchant: the next minute is as good.
# A key is told by its mark: a process that has not heard of a reset yet means the one before.
_USED: Final = """
UPDATE merchant SET {column} = :at WHERE provider_id = :p AND id IN (
    SELECT id FROM merchant WHERE provider_id = :p AND id = :m AND {mark} = :mark
    AND ({column} IS NULL OR {column} < :at) FOR NO KEY UPDATE SKIP LOCKED)
"""
_STATEMENTS: Final = {
    KEY: text(_USED.format(column=KEY, mark="seal_key")),
    OLD_KEY: text(_USED.format(column=OLD_KEY, mark="old_seal_key")),
    MD5: text(_USED.format(column=MD5, mark="''")),
    FAILED: text("""
UPDATE merchant SET authen_failed_at = GREATEST(authen_failed_at, :at), authen_failed_on = d.today,
    authen_failures = CASE WHEN authen_failed_on = d.today THEN authen_failures + 1 ELSE 1 END
FROM (SELECT CAST(CAST(:at AS timestamptz) AT TIME ZONE 'Asia/Shanghai' AS date) AS today) d
WHERE provider_id = :p AND id = :m
"""),
}


class Trace(NamedTuple):
    provider_id: int
    merchant_id: int
    column: str
    mark: str  # of the key; "" for what is of no key
    at: datetime


class Traces:
    """What one process has to write, the oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._noted: dict[tuple[int, int, str, str], float] = {}
        self._waiting: deque[Trace] = deque(maxlen=1000)

    def used(
        self, provider_id: int, merchant_id: int, column: str, mark: str, at: datetime
    ) -> None:
        """A key, or MD5, proved a call."""
        what, now = (provider_id, merchant_id, column, mark), self._clock()
        with self._turn:
            if now < self._noted.get(what, 0.0):
                return
            if len(self._noted) >= _MOST:
                self._noted.clear()
            self._noted[what] = now + _EVERY_S
            self._waiting.append(Trace(*what, at))

    def failed(self, provider_id: int, merchant_id: int, at: datetime) -> None:
        self._waiting.append(Trace(provider_id, merchant_id, FAILED, "", at))

    def write(self, transact: Callable[[Callable[[Session], Any]], Any]) -> None:
        """Write what waits. Never raises: the answer that it is about has gone."""
        while self._waiting:
            try:
                trace = self._waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                transact(lambda s, one=trace: _write(s, one))  # type: ignore[misc]
            except Exception:
                log.exception("trace not written", extra={"column": trace.column})


def _write(session: Session, trace: Trace) -> None:
    keys = {
        "p": trace.provider_id, "m": trace.merchant_id, "mark": trace.mark, "at": trace.at
    }  # fmt: skip
    session.execute(_STATEMENTS[trace.column], keys)
