"""What several of these tests look at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.harness.product import Product
from tests.harness.simulator import Simulator

OURS = "intent_key NOT LIKE 'demo:%'"


def until(holds: Callable[[], Any], seconds: float = 10, what: str = "") -> None:
    """Look again until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what or "it did not come about in time"
        time.sleep(0.02)


def orders(product: Product) -> list[Any]:
    """The orders of this test, oldest first."""
    return product.sql(f"SELECT * FROM pay_order WHERE {OURS} ORDER BY id")


def attempts(product: Product) -> list[tuple[str, str]]:
    """(number, status) of each attempt, oldest first."""
    rows = product.sql("SELECT out_trade_no, status FROM pay_attempt ORDER BY id")
    return [(row.out_trade_no, row.status) for row in rows]


def cases(product: Product) -> list[str]:
    return [row.kind for row in product.sql("SELECT kind FROM money_case ORDER BY id")]


def calls(simulator: Simulator, operation: str) -> int:
    """How often the wallet was called for this, as its own trail says."""
    return len([line for line in simulator.get("/sim/trail") if line["what"] == operation])


def payable_upstream(simulator: Simulator) -> list[str]:
    """Numbers that somebody could pay now, by the wallets' own books."""
    open_states = ("NOTPAY", "USERPAYING", "WAIT_BUYER_PAY")
    return [row["out_trade_no"] for row in simulator.books() if row["state"] in open_states]
