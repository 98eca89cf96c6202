"""Empty databases to restore into."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from config.settings import Settings
from tests.harness.database import Server
from tests.harness.places import Places, open_places
from tests.harness.product import Door, Product


@pytest.fixture
def places(
    product: Product, server: Server, settings_for: Callable[..., Settings], door: Door
) -> Iterator[Places]:
    with open_places(server, settings_for, door, product.simulator) as made:
        yield made
