"""A day of trade, the morning after it, and what the day's bills came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from models.bill import BillStatus
from services.bills import planning, sweep
from services.bills.days import china_date, ready_at, starts
from services.bills.fetching import fetch_bill
from services.bills.matching import MatchReport, match_bill
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
SP_MCHID, PID = "1900000001", "2088000000000109"


@dataclass
class Days:
    """The wallets' bills of one provider over a product and a simulator whose time moves."""

    product: Product
    simulator: Simulator
    on: dt.date

    @classmethod
    def begin(cls, product: Product, simulator: Simulator) -> Days:
        """Noon of today or, where that is past, of tomorrow: a day that no midnight cuts."""
        today = china_date(product.deps.now())
        noon = starts(today) + dt.timedelta(hours=12)
        if noon < product.deps.now():
            noon += dt.timedelta(days=1)
        days = cls(product, simulator, china_date(noon))
        days.go_to(noon)
        return days

    def go_to(self, at: dt.datetime) -> None:
        self.simulator.advance((at - self.product.deps.now()).total_seconds() + 0.01)

    def morning_after(self, on: dt.date | None = None) -> None:
        """Two minutes past ten, when the bills are ready."""
        self.go_to(ready_at(on or self.on) + dt.timedelta(minutes=2))

    def lie(self, wallet: str, *lies: str) -> None:
        self.simulator.switch(f"{wallet}.bill_lies", ";".join(lies))

    def bill(self, wallet: str, on: dt.date | None = None) -> Any:
        account = {"wechat": SP_MCHID, "alipay": PID}[wallet]
        planning.want_bills(self.product.deps, on or self.on)
        return self.product.one(
            "SELECT * FROM bill WHERE account = :a AND bill_on = :on", a=account, on=on or self.on
        )

    def fetch(self, wallet: str, on: dt.date | None = None) -> Any:
        """The bill's row after one try."""
        fetch_bill(self.product.deps, self.bill(wallet, on).id)
        return self.bill(wallet, on)

    def match(self, wallet: str, on: dt.date | None = None) -> MatchReport:
        """Fetched if it is not, then matched."""
        bill = self.bill(wallet, on)
        if bill.status not in (BillStatus.LOADED, BillStatus.EMPTY, BillStatus.MATCHED):
            bill = self.fetch(wallet, on)
        return match_bill(self.product.deps, bill.id)

    def again(self, wallet: str, on: dt.date | None = None) -> MatchReport:
        """Fetched and matched once more."""
        self.fetch(wallet, on)
        return self.match(wallet, on)

    def cases(self) -> list[Any]:
        return self.product.sql("SELECT * FROM bill_case ORDER BY id")

    def told(self) -> list[tuple[str, str, str, str]]:
        """(kind, subject, number, status) of every case."""
        return [(c.kind, c.subject, c.number, c.status) for c in self.cases()]

    def heal_due(self) -> None:
        """Ask about what is due, as the worker does."""
        for claim in sweep.claim_cases(self.product.deps, 100):
            sweep.pursue_case(self.product.deps, claim)


@pytest.fixture
def days(product: Product, simulator: Simulator) -> Days:
    return Days.begin(product, simulator)


def paid(
    days: Days, phone: MakePhone, wallet: str, amount: str = "100", person: str = "lin"
) -> Any:
    """One paid order, its row. Each of a day by another person: a code shows the last one's."""
    buyer = phone(wallet, person)
    buyer.confirm(buyer.start(amount=amount))
    number = orders(days.product)[-1].out_trade_no
    days.product.wait_paid(number)
    return orders(days.product)[-1]
