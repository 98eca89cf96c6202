"""`flask cards members|adjust|import`: whoever holds a merchant's card."""

from __future__ import annotations

import csv
import uuid
from pathlib import Path

import click
from sqlalchemy.orm import Session

from cli.cards import merchant_argument, place
from cli.cards_caps import cards
from cli.onboarding.options import actor, said_plainly
from gateways.money import fen_from_yuan, yuan_from_fen
from models.card import MemberCard
from services.cards import adjusting, importing, members
from services.cards.adjusting import Adjustment
from services.cards.importing import ImportReport
from services.cards.member_problems import CardUnknown
from services.cards.members import MemberLine
from web.runtime import deps

SHOWN_PROBLEMS = 20


@cards.command("members")
@merchant_argument
@click.argument("wanted", default="")
@click.option("--before", type=int, default=None, help="go on below this id")
def list_members(merchant: str, wanted: str, before: int | None) -> None:
    """List members, or find them by whole phone, whole name or card number."""
    with said_plainly():
        if wanted:
            found = members.search(*place(merchant), wanted)
        else:
            found = members.newest(*place(merchant), before_id=before)
    for line in found:
        _say(line)
    if not found:
        click.echo("nobody")


def _say(line: MemberLine) -> None:
    ends = f"  until {line.expires_on}" if line.expires_on else ""
    click.echo(
        f"{line.card_id}  {line.number}  {line.status}  {line.phone or '-'}  {line.name or '-'}"
        f"  paid ¥{yuan_from_fen(line.paid_fen)}  bonus ¥{yuan_from_fen(line.bonus_fen)}"
        f"  cap ¥{yuan_from_fen(line.cap_fen)}{ends}"
    )


@cards.command("adjust")
@merchant_argument
@click.argument("number")
@click.option("--more", default=None, help="yuan to add")
@click.option("--less", default=None, help="yuan to take from what was paid for")
@click.option("--reason", required=True, help="the member sees it")
@click.option("--key", default=None, help="a name of your own: the same is not done twice")
@click.option("--as", "staff", default=None, help="the merchant's owner, by public id")
def adjust(
    merchant: str,
    number: str,
    more: str | None,
    less: str | None,
    reason: str,
    key: str | None,
    staff: str | None,
) -> None:
    """Change what a card holds, never below zero nor above a cap."""
    delta = _delta(more, less)
    wanted = Adjustment("".join(number.split()), delta, reason, key or str(uuid.uuid4()))
    with said_plainly():
        _, provider_id, merchant_id = place(merchant)
        card = deps().transact(lambda s: _card(s, provider_id, merchant_id, wanted.number))
        if staff is not None:
            adjusting.adjust_as_staff(deps(), provider_id, staff, wanted)
        else:
            adjusting.adjust(
                deps(), provider_id, card, delta,
                reason=reason, actor=actor(), key=wanted.key,
            )  # fmt: skip
        for line in members.search(deps(), provider_id, merchant_id, wanted.number):
            _say(line)


def _delta(more: str | None, less: str | None) -> int:
    if (more is None) == (less is None):
        raise click.UsageError("either --more or --less")
    try:
        return fen_from_yuan(more) if more is not None else -fen_from_yuan(less or "")
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None


def _card(session: Session, provider_id: int, merchant_id: int, number: str) -> int:
    card: MemberCard = members.by_number(session, provider_id, number)
    if card.merchant_id != merchant_id:
        raise CardUnknown()
    return card.id


@cards.command("import")
@merchant_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="check only")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="problems as CSV")
def take_over(merchant: str, file: Path, dry_run: bool, report: Path | None) -> None:
    """Take over members from an .xlsx file (手机号, 余额, 姓名): all of them, or none.

    Exit 1 if a row stands against it.
    """
    with said_plainly():
        if dry_run:
            found = importing.dry_run(*place(merchant), file)
        else:
            found = importing.run(*place(merchant), file, actor=actor())
    if report is not None:
        _write(report, found)
    _tell(found)
    if not found.is_clean:
        raise SystemExit(1)


def _write(report: Path, found: ImportReport) -> None:
    with report.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("行", "原因"))
        lines.writerows((problem.number or "", problem.reason) for problem in found.problems)


def _tell(found: ImportReport) -> None:
    for problem in found.problems[:SHOWN_PROBLEMS]:
        where = f"row {problem.number}" if problem.number else "file"
        click.echo(f"{where}: {problem.reason}")
    if len(found.problems) > SHOWN_PROBLEMS:
        click.echo(f"… and {len(found.problems) - SHOWN_PROBLEMS} more, see --report")
    sums = (
        f"{found.rows} members  ¥{yuan_from_fen(found.sum_fen)}"
        f"  room before ¥{yuan_from_fen(found.room_left_fen)}"
    )
    if found.batch_id is not None:
        click.echo(f"taken over: {sums}  batch {found.batch_id}")
    else:
        click.echo(f"{'could be' if found.is_clean else 'nothing was'} taken over: {sums}")


COMMANDS: tuple[click.Command, ...] = ()
