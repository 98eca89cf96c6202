"""The demo shop with its people, and payments told."""

from __future__ import annotations

import pytest

from tests.harness.product import Product
from tests.integration.notices.helping import follow, turn_on
from tests.integration.people.desk import peopled


@pytest.fixture
def shop(product: Product) -> Product:
    """湖滨店: 周予安 manages, 陈一禾 and 顾星遥 serve; 林小满 and 何知秋 own. All follow."""
    peopled(product)
    turn_on(product)
    follow(product, "lin", "p20", "zhou", "chen", "p21", "p22")
    return product
