"""Where a bill's rows lie: a file that any worker can fetch again, so that it may be lost."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from config.settings import Settings
from services.deps import Deps

_OLD_WORK = timedelta(hours=6)


def rows_file(settings: Settings, provider_id: int, name: str) -> Path:
    """The normal form (`gateways.bill_rows`) of one bill, by the random name that its row gives.

    Random, since a restored database may give an id a second time: its row names another file.
    """
    return _root(settings) / str(provider_id) / f"{name}.parquet"


def keep(settings: Settings, provider_id: int, made: Path) -> str:
    """Give a finished file its place in one step; its name."""
    name = uuid.uuid4().hex
    kept = rows_file(settings, provider_id, name)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made.replace(kept)
    return name


@contextmanager
def workplace(settings: Settings) -> Iterator[Path]:
    """A folder of one's own, gone afterwards; what a killed process left goes with `remove_old`."""
    made = _work(settings) / uuid.uuid4().hex
    made.mkdir(mode=0o700, parents=True)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def remove_old(deps: Deps) -> int:
    """Remove rows older than `BILL_KEEP_DAYS` and what killed processes left; how many went."""
    now = deps.now().timestamp()
    keep = deps.settings.bill_keep_days * 86400
    gone = 0
    for path in sorted(_root(deps.settings).glob("*/*.parquet")):
        if path.parent != _work(deps.settings) and now - path.stat().st_mtime > keep:
            path.unlink(missing_ok=True)
            gone += 1
    for folder in sorted(_work(deps.settings).glob("*")):
        if now - folder.stat().st_mtime > _OLD_WORK.total_seconds():
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone


def _root(settings: Settings) -> Path:
    return settings.data_dir / "bills"


def _work(settings: Settings) -> Path:
    return _root(settings) / "work"
