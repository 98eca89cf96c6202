"""`flask orders resync`: after a restored backup, ask the wallets about everything since."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TextIO

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from models.provider import Provider
from services import restored
from services import resync as asking
from services.deps import Deps
from services.intent_log import Told, ToldDeposit, read_log
from services.resync import MARGIN, REFUNDED_LATER, Report, Window
from web.runtime import deps


class Moment(click.ParamType[datetime]):
    """A time with its zone."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-11-25T03:00:00+08:00", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{value!r} names no zone: write +08:00 or +00:00 behind it", param, ctx)
        return found


@click.command("resync")
@click.option("--since", type=Moment(), help="The backup's snapshot. Default: of the last restore.")
@click.option("--until", type=Moment(), help="Default: now.")
@click.option("--provider", "out_mch_id", default="", help="One provider alone.")
@click.option(
    "--log",
    "logs",
    type=click.File("r", encoding="utf-8", errors="replace"),
    multiple=True,
    help="Our own log since the backup, which names what it has lost; - is stdin; repeatable.",
)
@with_appcontext
def resync(
    since: datetime | None, until: datetime | None, out_mch_id: str, logs: tuple[TextIO, ...]
) -> None:
    """After a restore: ask the wallets about everything since the backup. Safe to run again.

    Exit 1 if a question had no answer, or an answer contradicts our books.
    """
    here = deps()
    since = since or here.transact(restored.unfinished_since)
    if since is None:
        raise click.UsageError("no restored backup waits: say --since <time>")
    window = Window(since - MARGIN, until or here.now(), _provider(here, out_mch_id))
    told: set[Told | ToldDeposit] = set()
    for log in logs:
        told |= read_log(log)
    report = asking.resync(here, window, told, actor=f"cli:{getpass.getuser()}"[:64])
    _say(report)
    if report.unanswered or report.disagreeing:
        raise SystemExit(1)


def _provider(here: Deps, out_mch_id: str) -> int | None:
    if not out_mch_id:
        return None
    wanted = select(Provider.id).where(Provider.out_mch_id == out_mch_id)
    found = here.transact(lambda s: s.scalar(wanted))
    if found is None:
        raise click.UsageError(f"no provider has the number {out_mch_id}")
    return found


def _say(report: Report) -> None:
    click.echo(f"asked: {report.asked} questions")
    for synced in report.changed:
        click.echo(f"changed: {synced.out_trade_no}  {synced.before} → {synced.after}")
    for number in report.adopted:
        click.echo(f"adopted: payment {number}")
    for number in report.refunds:
        click.echo(f"adopted: refund {number}")
    for what in report.deposits:
        click.echo(f"adopted: {what}")
    for synced in report.disagreeing:
        for answer in synced.answers:
            if not answer.is_agreed:
                click.echo(f"NOT AS HERE: {answer.number}  {answer.after}  wallet: {answer.said}")
    for number in report.unanswered:
        click.echo(f"NO ANSWER: {number}")
    for line in report.to_come:
        click.echo(f"still to come: {line}")
    if report.older:
        click.echo(
            f"not asked: whether money went back of {report.older} payments older than"
            f" {REFUNDED_LATER.days} days before the backup; the wallets' bills tell"
        )
    click.echo(_end(report))


def _end(report: Report) -> str:
    if report.unanswered:
        wait = "; refunds wait until then" if report.refunds_wait else ""
        return f"not done: run this again when the wallets answer{wait}"
    if report.refunds_wait:
        return "done as far as asked; refunds wait for all providers, from the backup's time on"
    return "done: refunds may go on"
