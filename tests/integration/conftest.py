"""Fixtures of the road's tests."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tests.harness.product import Door, Product
from tests.integration.mailbox import Mailbox


@pytest.fixture
def mailbox(product: Product, door: Door) -> Mailbox:
    """Notifications are held back until the test delivers them."""
    return Mailbox.before(product, door)


@pytest.fixture
def said(product: Product, caplog: pytest.LogCaptureFixture) -> Callable[[str], list[str]]:
    """What the product's log told under one field: `said("error_code")`."""
    caplog.set_level(logging.INFO)
    return lambda name: [str(getattr(r, name)) for r in caplog.records if hasattr(r, name)]
