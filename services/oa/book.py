"""A process's copies of tokens. What counts is the row: a copy lives a minute at most."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

COPY_LIVES = timedelta(seconds=60)
KEPT = 512


@dataclass(frozen=True, slots=True)
class Key:
    """Which token: `kind` is access, jsapi, wx_card or component; provider 0 is the platform."""

    provider_id: int
    kind: str
    app_id: str

    @property
    def lease(self) -> str:
        return f"oa:{self.provider_id}:{self.kind}:{self.app_id}"


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    version: int
    until_at: datetime


class TokenBook:
    """Thread-safe. `turn` lets one thread per key and process look for a new token; the others
    wait for what it finds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Token, datetime]] = OrderedDict()
        self._turns: dict[Key, threading.Lock] = {}

    def get(self, key: Key, now: datetime) -> Token | None:
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or kept[0].until_at <= now or not now < kept[1]:
            return None
        return kept[0]

    def put(self, key: Key, token: Token, now: datetime) -> None:
        """Keep a copy; a newer one that is still good stays: who read the row before it was
        renewed may come here after."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0].version > token.version and now < kept[1]:
                return
            self._kept[key] = (token, now + COPY_LIVES)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def drop(self, key: Key, version: int) -> None:
        """Forget this copy; a newer one stays."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0].version <= version:
                del self._kept[key]

    def turn(self, key: Key) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(key, threading.Lock())
