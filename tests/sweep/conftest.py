"""The sweep's stage, and the option that asks for all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.database import Server
from tests.sweep.stage import Stage, open_stage


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-sweep", action="store_true", help="kill at every point (make soak)")
    parser.addoption("--sweep-only", default="", help="only cases whose line contains this text")


@pytest.fixture(scope="session")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(server, tmp_path_factory.mktemp("sweep")) as made:
        yield made
