"""`flask bills …`: the wallets' daily bills and where they and our books differ."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, said_plainly
from gateways.money import yuan_from_fen
from models.bill import Bill, BillCase, BillStatus
from services.bills import cases as bill_cases
from services.bills import healing, matching, planning, report, voiding
from services.bills.days import china_date
from services.bills.fetching import fetch_bill
from services.bills.matching import READABLE
from web.runtime import deps

bills = AppGroup("bills", help="Daily bills: fetch, match, and settle what differs.")
DAY = click.DateTime(formats=["%Y-%m-%d"])
of_day = click.option("--on", type=DAY, default=None, help="a day in China; yesterday if left out")


def _day(on: datetime | None) -> date:
    return on.date() if on else china_date(deps().now()) - timedelta(days=1)


@bills.command("fetch")
@of_day
@click.option("--again", is_flag=True, help="those that are loaded, too")
def fetch(on: datetime | None, again: bool) -> None:
    """Fetch the bills of a day now. Exit 1 if one could not be had."""
    day = _day(on)
    planning.want_bills(deps(), day)
    for line in report.of_day(deps(), day):
        if again or line.bill.status not in READABLE:
            with said_plainly():
                fetch_bill(deps(), line.bill.id)
    lines = report.of_day(deps(), day)
    for line in lines:
        _say_bill(line)
    if any(line.bill.status not in READABLE for line in lines):
        raise SystemExit(1)


@bills.command("match")
@of_day
def match(on: datetime | None) -> None:
    """Match the loaded bills of a day with our books. Exit 1 if they differ."""
    clean = True
    for line in report.of_day(deps(), _day(on)):
        if line.bill.status not in READABLE:
            _say_bill(line)
            clean = False
            continue
        with said_plainly():
            found = matching.match_bill(deps(), line.bill.id)
        told = "  ".join(f"{kind.value} {n}" for kind, n in sorted(found.differences.items()))
        click.echo(
            f"bill {line.bill.id}  {line.bill.channel} {line.bill.account}"
            f"  {told or 'no difference'}  new {found.new_cases}  healed {found.healed}"
            + (f"  waiting for the next day {found.waiting}" if found.waiting else "")
            + (f"  of other tills {found.elsewhere}" if found.elsewhere else "")
        )
        clean = clean and found.is_clean
    if not clean:
        raise SystemExit(1)


@bills.command("report")
@of_day
@click.option("--csv", "file", type=click.Path(dir_okay=False, allow_dash=True), default=None)
def tell(on: datetime | None, file: str | None) -> None:
    """Sums, fees and open cases of a day's bills; with --csv every case, for a spreadsheet."""
    day = _day(on)
    if file == "-":
        click.echo(report.as_csv(deps(), day), nl=False)
        return
    if file:
        Path(file).write_text(report.as_csv(deps(), day), "utf-8-sig")
        click.echo(f"written to {file}")
        return
    lines = report.of_day(deps(), day)
    for line in lines:
        _say_bill(line)
        for one in line.payees:
            click.echo(
                f"    {one.payee}  payments {one.trades} ¥{yuan_from_fen(one.trade_fen)}"
                f"  refunds {one.refunds} ¥{yuan_from_fen(one.refund_fen)}"
                f"  fees ¥{_fee(one.fee_millifen)}"
            )
    if not lines:
        click.echo(f"no bill of {day} is wanted")


@bills.command("cases")
def list_cases() -> None:
    """List the differences that are open. Exit 1 if there are any."""
    found = bill_cases.open_bill_cases(deps())
    for case, bill in found:
        _say_case(case, bill)
    if found:
        raise SystemExit(1)
    click.echo("bills and books agree")


@bills.command("heal")
@click.argument("case_id", type=int)
def heal(case_id: int) -> None:
    """Ask the wallet about one difference and apply its word. Exit 1 if that settles nothing."""
    with said_plainly():
        state = healing.heal(deps(), case_id, actor())
    click.echo(f"bill case {case_id} is {state}")
    if state.value in ("found", "waiting"):
        raise SystemExit(1)


@bills.command("explain")
@click.argument("case_id", type=int)
@click.option("--reason", required=True, help="why the difference is right, for the audit trail")
def explain(case_id: int, reason: str) -> None:
    """Say why one difference is right as it is."""
    with said_plainly():
        bill_cases.explain(deps(), case_id, actor=actor(), reason=reason)
    click.echo(f"bill case {case_id} is explained")


@bills.command("void")
@click.argument("case_id", type=int)
@click.option("--reason", required=True, help="for the audit trail")
def void(case_id: int, reason: str) -> None:
    """Void what the bill lacks and the wallet, asked again, never had."""
    with said_plainly():
        voiding.void(deps(), case_id, actor=actor(), reason=reason)
    click.echo(f"bill case {case_id}: void")


@bills.command("close")
@click.argument("case_id", type=int)
def close(case_id: int) -> None:
    """Put one healed or explained difference away."""
    with said_plainly():
        bill_cases.close(deps(), case_id, actor=actor())
    click.echo(f"bill case {case_id} is closed")


def _say_bill(line: report.BillLine) -> None:
    bill = line.bill
    click.echo(
        f"bill {bill.id}  {bill.bill_on}  {bill.channel} {bill.account}  {bill.status}"
        f"  payments {bill.trades} ¥{yuan_from_fen(bill.trade_fen)}"
        f"  refunds {bill.refunds} ¥{yuan_from_fen(bill.refund_fen)}"
        f"  fees ¥{_fee(bill.fee_millifen)}  open cases {line.open_cases}{_why(bill)}"
    )


def _why(bill: Bill) -> str:
    if bill.status is BillStatus.BROKEN:
        return f"  line {bill.broken_line}: {bill.broken_reason}"
    return f"  {bill.said}" if bill.said and bill.status is BillStatus.WANTED else ""


def _say_case(case: BillCase, bill: Bill) -> None:
    theirs = "-" if case.bill_fen is None else f"¥{yuan_from_fen(case.bill_fen)}"
    own = "-" if case.our_fen is None else f"¥{yuan_from_fen(case.our_fen)}"
    click.echo(
        f"{case.id}  {case.kind}  {case.subject}  {case.number}  {case.status}"
        f"  bill {theirs}  ours {own}  {bill.bill_on}  {bill.channel} {case.payee or ''}"
    )


def _fee(millifen: int) -> str:
    """Thousandths of a fen as yuan with five places, as WeChat writes fees."""
    sign, whole = ("-" if millifen < 0 else ""), abs(millifen)
    return f"{sign}{whole // 100000}.{whole % 100000:05d}"


COMMANDS = (bills,)
