"""Traces of keys: once a minute each, and no call fails for them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from services.cloudpay import keyuse
from services.cloudpay.keyuse import FAILED, KEY, OLD_KEY, Traces

AT = datetime(2026, 11, 26, tzinfo=UTC)


class Table:
    """Keeps what would be written."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def transact(self, fn: Any) -> None:
        fn(SimpleNamespace(execute=lambda _statement, keys: self.rows.append(keys)))


def test_a_key_is_written_once_a_minute_and_by_its_mark() -> None:
    now, table = [0.0], Table()
    traces = Traces(lambda: now[0])
    for _ in range(3):
        traces.used(1, 2, KEY, "a", AT)
    traces.used(1, 2, OLD_KEY, "a", AT)
    traces.used(1, 2, KEY, "b", AT)
    traces.write(table.transact)
    assert [row["mark"] for row in table.rows] == ["a", "a", "b"]
    now[0] = 59.9
    traces.used(1, 2, KEY, "a", AT)
    traces.write(table.transact)
    assert len(table.rows) == 3
    now[0] = 60.1
    traces.used(1, 2, KEY, "a", AT)
    traces.write(table.transact)
    assert len(table.rows) == 4


def test_every_wrong_code_is_written() -> None:
    table, traces = Table(), Traces(lambda: 0.0)
    for _ in range(3):
        traces.failed(1, 2, AT)
    traces.write(table.transact)
    assert len(table.rows) == 3
    assert FAILED == "authen_failed_at"


def test_a_database_that_does_not_answer_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(keyuse.log, "exception", lambda words, **_: said.append(words))

    def broken(_fn: Any) -> None:
        raise OSError("gone")

    traces = Traces(lambda: 0.0)
    traces.failed(1, 2, AT)
    traces.write(broken)
    assert said == ["trace not written"]
    assert not traces._waiting


def test_what_waits_is_bounded() -> None:
    traces = Traces(lambda: 0.0)
    for n in range(5000):
        traces.failed(1, n, AT)
    assert len(traces._waiting) == 1000
