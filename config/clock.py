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
        # The file's mark and what it said, always replaced together: several threads read here.
        self._read: tuple[tuple[int, int], timedelta] = ((0, 0), timedelta(0))

    def __call__(self) -> datetime:
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return datetime.now(UTC)
        mark, (seen, offset) = (stat.st_mtime_ns, stat.st_ino), self._read
        if mark != seen:
            offset = timedelta(seconds=float(self._path.read_text() or 0))
            self._read = (mark, offset)
        return datetime.now(UTC) + offset


def make_clock(settings: Settings) -> Now:
    return OffsetClock(settings.data_dir / "clock") if settings.simulation else system_now
