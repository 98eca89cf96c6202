"""What a day's bills say, for people: a line a bill, a line a merchant, differences as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateways.money import yuan_from_fen
from models.bill import OPEN_CASES, Bill, BillCase, BillPayee
from services.bills.days import SHANGHAI
from services.deps import Deps

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
HEADER = (
    *("bill_on", "channel", "account", "case", "kind", "subject", "number", "payee"),
    *("bill_yuan", "our_yuan", "status", "found_at", "healed_by", "explained_by", "reason"),
)


@dataclass(frozen=True, slots=True)
class BillLine:
    """One bill of the day with its merchants and how many of its cases are open."""

    bill: Bill
    payees: tuple[BillPayee, ...]
    open_cases: int


def of_day(deps: Deps, on: date) -> list[BillLine]:
    """Every bill of one day, in a fixed order."""

    def unit(session: Session) -> list[BillLine]:
        bills = session.scalars(
            select(Bill)
            .where(Bill.bill_on == on)
            .order_by(Bill.provider_id, Bill.channel.desc(), Bill.account)
        ).all()
        return [BillLine(bill, _payees(session, bill), _open(session, bill)) for bill in bills]

    return deps.transact(unit)


def _payees(session: Session, bill: Bill) -> tuple[BillPayee, ...]:
    mine = (BillPayee.provider_id == bill.provider_id, BillPayee.bill_id == bill.id)
    return tuple(session.scalars(select(BillPayee).where(*mine).order_by(BillPayee.payee)))


def _open(session: Session, bill: Bill) -> int:
    found = session.scalar(
        select(func.count()).where(
            BillCase.provider_id == bill.provider_id,
            BillCase.bill_id == bill.id,
            BillCase.status.in_(OPEN_CASES),
        )
    )
    return int(found or 0)


def as_csv(deps: Deps, on: date) -> str:
    """Every case of one day's bills, whatever became of it, for a spreadsheet."""
    wanted = (
        select(Bill, BillCase)
        .join(BillCase, (BillCase.provider_id == Bill.provider_id) & (BillCase.bill_id == Bill.id))
        .where(Bill.bill_on == on)
        .order_by(Bill.provider_id, Bill.channel.desc(), Bill.account, BillCase.id)
    )
    rows = deps.transact(lambda s: [(r[0], r[1]) for r in s.execute(wanted)])
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows(map(safe, _cells(bill, case)) for bill, case in rows)
    return out.getvalue()


def _cells(bill: Bill, case: BillCase) -> Iterable[object]:
    return (
        bill.bill_on.isoformat(),
        bill.channel,
        bill.account,
        case.id,
        case.kind.value,
        case.subject.value,
        case.number,
        case.payee or "",
        "" if case.bill_fen is None else yuan_from_fen(case.bill_fen),
        "" if case.our_fen is None else yuan_from_fen(case.our_fen),
        case.status.value,
        f"{case.found_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        case.healed_by or "",
        case.explained_by or "",
        case.reason,
    )


def safe(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula: numbers of bills are strangers' words."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
