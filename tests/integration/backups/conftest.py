"""Empty databases to restore into, a noon to begin at, and the log that outlives a database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from config.settings import Settings
from services.numbers import SHANGHAI
from tests.harness.database import Server
from tests.harness.places import Places, open_places
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator


@pytest.fixture
def places(
    product: Product, server: Server, settings_for: Callable[..., Settings], door: Door
) -> Iterator[Places]:
    with open_places(server, settings_for, door, product.simulator) as made:
        yield made


@pytest.fixture
def noon(product: Product, simulator: Simulator) -> None:
    """China's noon of tomorrow: no payment of the test is near a midnight."""
    now = product.deps.now().astimezone(SHANGHAI)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0)
    simulator.advance((noon - now).total_seconds())


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """What the product logs, as it stands in a service's journal."""
    path = tmp_path / "journal"
    handler = logging.FileHandler(path)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield path
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()
