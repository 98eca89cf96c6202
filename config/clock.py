"""The product's clock. In simulation the simulator may move it through `$DATA_DIR/clock`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import Settings

Now = Callable[[], datetime]


def system_now() -> datetime:
    return datetime.now(UTC)


class OffsetClock:
    """System time plus the seconds in a file; the file is read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (0, 0)
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return datetime.now(UTC)
        if (stat.st_mtime_ns, stat.st_ino) != self._seen:
            self._offset = timedelta(seconds=float(self._path.read_text() or 0))
            self._seen = (stat.st_mtime_ns, stat.st_ino)
        return datetime.now(UTC) + self._offset


def make_clock(settings: Settings) -> Now:
    return OffsetClock(settings.data_dir / "clock") if settings.simulation else system_now
