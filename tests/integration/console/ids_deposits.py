"""A deposit of the desk's provider."""

from __future__ import annotations

from tests.harness.console import Console
from tests.harness.holds import hold
from tests.integration.console.ids import supplies


@supplies("deposits.number")
def deposit(desk: Console) -> str:
    return hold(desk.product)
