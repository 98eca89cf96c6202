"""A day's bill against our books: everything that differs is found, and nothing else."""

from __future__ import annotations

from tests.integration.bills.helping import WALLETS, Days, MakePhone, paid
from tests.integration.refunds.helping import refund


@WALLETS
def test_a_day_that_agrees_has_no_case(days: Days, phone: MakePhone, wallet: str) -> None:
    first = paid(days, phone, wallet)
    second = paid(days, phone, wallet, "0.01", "zhou")
    refund(days.product, first, 3000)
    days.simulator.advance(15)
    days.product.sweep()
    days.morning_after()
    found = days.match(wallet)
    assert found.is_clean, days.told()
    assert (found.trades, found.refunds, found.waiting) == (2, 1, 0)
    bill = days.bill(wallet)
    assert (bill.status, bill.trade_fen, bill.refund_fen) == ("matched", 10001, 3000)
    assert bill.fee_millifen == 60000 - 18000
    assert days.told() == []
    assert second.status == "paid"
