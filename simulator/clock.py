"""The simulator's clock. `advance` moves the product too, through a file; `skew` moves us alone."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from pathlib import Path

SHANGHAI = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")


class Clock:
    def __init__(self, offset_file: Path | None) -> None:
        self._file = offset_file
        self._lock = threading.Lock()
        self._offset = 0.0
        self._skew = 0.0
        if offset_file is not None and offset_file.exists():
            self._offset = float(offset_file.read_text() or 0)
        self.on_jump: Callable[[], None] = lambda: None

    def time(self) -> float:
        return time.time() + self._offset + self._skew

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.time(), dt.UTC)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._offset += seconds
            self._publish()
        self.on_jump()

    def skew(self, seconds: float) -> None:
        with self._lock:
            self._skew = seconds
        self.on_jump()

    def reset(self) -> None:
        with self._lock:
            self._offset = self._skew = 0.0
            self._publish()

    def state(self) -> dict[str, float]:
        return {"offset_s": self._offset, "skew_s": self._skew, "time": self.time()}

    def _publish(self) -> None:
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._file.with_suffix(".new")
            scratch.write_text(f"{self._offset:.3f}")
            scratch.replace(self._file)


def rfc3339(at: dt.datetime) -> str:
    """WeChat's spelling: 2026-11-22T20:00:00+08:00."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def china(at: dt.datetime) -> str:
    """Alipay's spelling: 2026-11-22 20:00:00, China time, no zone."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
