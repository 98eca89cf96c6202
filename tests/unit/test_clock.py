"""The product's clock: the system's, moved by a file in simulation and never elsewhere."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.clock import OffsetClock, make_clock, system_now
from config.settings import load_settings


def off_by(now: datetime) -> float:
    return (now - datetime.now(UTC)).total_seconds()


def test_without_a_file_it_is_the_system_s(tmp_path: Path) -> None:
    now = OffsetClock(tmp_path / "clock")()
    assert now.tzinfo is UTC
    assert off_by(now) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("content", ["3600", "-90.5", "0", ""])
def test_the_file_s_seconds_are_added(tmp_path: Path, content: str) -> None:
    path = tmp_path / "clock"
    path.write_text(content)
    assert off_by(OffsetClock(path)()) == pytest.approx(float(content or 0), abs=1)


def test_a_changed_file_is_read_again_and_a_removed_one_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = OffsetClock(path)
    for seconds in (60, 7200, 30):
        scratch = tmp_path / "new"
        scratch.write_text(str(seconds))
        os.replace(scratch, path)
        assert off_by(clock()) == pytest.approx(seconds, abs=1)
    path.unlink()
    assert off_by(clock()) == pytest.approx(0, abs=1)


def test_only_simulation_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text(str(timedelta(days=1).total_seconds()))
    real = load_settings(data_dir=tmp_path, simulator_url="")
    assert make_clock(real) is system_now
    simulated = load_settings(data_dir=tmp_path, simulator_url="http://127.0.0.1:8001")
    assert off_by(make_clock(simulated)()) == pytest.approx(86400, abs=1)
