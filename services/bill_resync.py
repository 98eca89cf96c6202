"""The wallets' bills as a source of numbers that we have lost; the wallet is asked about each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from errors import GatewayRejected, GatewayUnknown
from models.bill import Bill, BillStatus
from services.accounts import NotConfigured
from services.bills import planning, report, sweep
from services.bills.days import china_date, ready_at
from services.deps import Deps
from services.order_story.lines import both, wallet

log = logging.getLogger(__name__)


def hear_bills(deps: Deps, since: datetime, until: datetime) -> None:
    """Write down every bill of these days, and fetch, match and heal what is ready now.

    It is what the worker does, without waiting for it: any number of both may run.
    """
    for on in _days(since, until):
        planning.want_bills(deps, on)
    while claims := sweep.claim_due(deps, 1):
        for claim in claims:
            try:
                sweep.pursue(deps, claim)
            except (GatewayUnknown, GatewayRejected, NotConfigured):
                log.warning("bill not fetched", extra={"bill": claim.bill_id})
    while cases := sweep.claim_cases(deps, 10):
        for case in cases:
            sweep.pursue_case(deps, case)


def to_come(deps: Deps, since: datetime, until: datetime, provider_id: int | None) -> Iterator[str]:
    """Which days' bills are not matched yet, and when they may be."""
    now = deps.now()
    for on in _days(since, until):
        for line in report.of_day(deps, on):
            bill = line.bill
            if provider_id in (None, bill.provider_id) and bill.status is not BillStatus.MATCHED:
                yield f"{wallet(bill.channel)} {bill.account}, bill of {on}: {_when(bill, on, now)}"


def _when(bill: Bill, on: date, now: datetime) -> str:
    if now < ready_at(on):
        return f"there from {both(ready_at(on))}"
    again = f"tried again {both(bill.due_at)}" if bill.due_at else "see `flask bills show`"
    return f"not had yet ({bill.said or bill.broken_reason or bill.status}); {again}"


def _days(since: datetime, until: datetime) -> Iterator[date]:
    on = china_date(since)
    while on <= china_date(until):
        yield on
        on += timedelta(days=1)
