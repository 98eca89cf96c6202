"""The receiver of a provider's own system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.receiver import Receiver, receiver


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made
