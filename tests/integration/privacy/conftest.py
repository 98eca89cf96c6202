"""The demo shop with its people, told of payments; and the log as the service writes it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator

import pytest

from config.logging import configure_logging
from tests.harness.product import Product
from tests.integration.notices.helping import follow, turn_on
from tests.integration.people.desk import Desk, peopled


@pytest.fixture
def shop(product: Product) -> Product:
    """湖滨店: 周予安 manages, 陈一禾 serves; 林小满 and 何知秋 own the merchant."""
    peopled(product)
    turn_on(product)
    follow(product, "lin", "chen")
    return product


@pytest.fixture
def desk(shop: Product) -> Callable[..., Desk]:
    return lambda who, **more: Desk(shop, who, **more)


@pytest.fixture
def journal(shop: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """At its most talkative."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("DEBUG")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
