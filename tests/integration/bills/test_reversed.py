"""What a till took back stands in the bill, too: as one row, or as what came and what went."""

from __future__ import annotations

import datetime as dt
from typing import Any

from services.bills.days import ends
from services.bills.healing import heal
from services.codepay import people
from tests.integration.bills.helping import WALLETS, Days
from tests.integration.codepay.helping import (
    PASSWORD,
    QUERY,
    after,
    order,
    phone,
    upstream,
    wait_for_password,
)

AT_ONCE = {"wechat": "SUCCESS", "alipay": "10000"}


def paid_and_taken_back(days: Days, wallet: str, later_s: float = 1) -> Any:
    """The payer confirms, we do not see it, and so many seconds later the till gives up."""
    found = wait_for_password(days.product, wallet)
    days.simulator.switch(PASSWORD[wallet][0], AT_ONCE[wallet])
    days.simulator.advance(20)
    days.simulator.fault(f"{wallet}.notify", "drop", times=20)
    phone(days.product, wallet, found)
    days.simulator.advance(later_s)
    days.simulator.fault(QUERY[wallet], "error")
    people.cancel(days.product.deps, found.provider_id, found.out_trade_no, actor="test:till")
    days.simulator.clear_faults()
    after(days.product, found, 10)
    assert order(days.product, found).close_reason == "reversed"
    assert upstream(days.product, found) in ("REVOKED", "TRADE_CLOSED")
    return found


@WALLETS
def test_what_was_paid_and_taken_back_is_no_difference(days: Days, wallet: str) -> None:
    paid_and_taken_back(days, wallet)
    days.morning_after()
    days.product.sweep()
    report = days.match(wallet)
    assert report.differences == {}
    assert days.cases() == []


def test_halves_in_two_days_bills_are_healed_by_the_wallet_s_own_word(days: Days) -> None:
    """Paid before midnight, taken back after it."""
    days.go_to(ends(days.on) - dt.timedelta(seconds=35))
    found = paid_and_taken_back(days, "alipay", later_s=25)
    second = days.on + dt.timedelta(days=1)
    days.morning_after(second)
    days.product.sweep()
    for on in (days.on, second):
        days.match("alipay", on)
    assert [(case.kind, case.subject) for case in days.cases()] == [
        ("state", "trade"),
        ("missing_here", "refund"),
    ]
    for case in days.cases():
        assert heal(days.product.deps, case.id, "test:owner") == "healed"
    assert order(days.product, found).status == "closed"
    assert days.product.sql("SELECT 1 FROM refund") == []
