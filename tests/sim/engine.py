"""One engine for all bills of a process: to open one costs more than to match a play's day.

Only processes that play and do nothing else keep one. What a fresh engine may see and spill is
tested where bills are (tests/unit/gateways/test_bill_files.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from gateways.alipay import bill_file as of_alipay
from gateways.wechat_pay import bill_file as of_wechat
from services.bills import matching


def keep_one_engine() -> None:
    """From now on every bill of this process is read and matched by the same engine."""
    for module in (of_alipay, of_wechat, matching):
        module.open_duck = _kept  # type: ignore[attr-defined]


@contextmanager
def _kept(_: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    with _engine(memory_mb).cursor() as cursor:
        yield cursor


@cache
def _engine(memory_mb: int) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": 1,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=config)
