"""People of every role, held by the simulator's persons."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.product import Product
from tests.integration.people.desk import Desk, peopled


@pytest.fixture
def shop(product: Product) -> Product:
    return peopled(product)


@pytest.fixture
def desk(shop: Product) -> Callable[..., Desk]:
    def make(who: str, **more: bool) -> Desk:
        return Desk(shop, who, **more)

    return make
