"""`flask refunds …`: money on its way back, for whoever is on call."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from cli.onboarding.options import said_plainly
from gateways.money import fen_from_yuan, yuan_from_fen
from services.refunds import listing, people, sending
from services.refunds.asking import Ask, ask_for
from services.refunds.rights import StaffAsk, ask_as_staff
from web.runtime import deps

refunds = AppGroup("refunds", help="Refunds: ask for one, list those that wait, retry, cancel.")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


@refunds.command("ask")
@click.argument("out_trade_no")
@click.argument("yuan")
@click.option("--reason", required=True, help="the payer sees it")
@click.option("--number", default=None, help="a refund number of your own; the same is not doubled")
@click.option("--as", "staff", default=None, help="a person of the merchant, by public id")
@click.option("--allowed-by", default=None, help="with --as: who allows it, by public id")
def ask(
    out_trade_no: str,
    yuan: str,
    reason: str,
    number: str | None,
    staff: str | None,
    allowed_by: str | None,
) -> None:
    """Refund part or all of an order. "Accepted" is not yet "refunded".

    By the order's number, or by the wallet's: that names a second payment, too, should the wallet
    have refused to give it back by itself. With --as it is that person's refund: refused, and
    remembered, if the person has no right to it.
    """
    if allowed_by and not staff:
        raise click.UsageError("--allowed-by goes with --as")
    try:
        amount = fen_from_yuan(yuan)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
    with said_plainly():
        paid = listing.find_payment(deps(), out_trade_no)
        made = _ask(paid, amount, reason, number, staff, allowed_by)
        sending.send(deps(), paid.provider_id, made)
        _say(listing.read(deps(), paid.provider_id, made))


def _ask(
    paid: listing.Payment,
    fen: int,
    reason: str,
    number: str | None,
    staff: str | None,
    allowed_by: str | None,
) -> int:
    what = (paid.out_trade_no, fen, reason)
    if staff is not None:
        wanted = StaffAsk(*what, number, paid.transaction_id)
        return ask_as_staff(deps(), paid.provider_id, staff, wanted, allowed_by)
    own = Ask(paid.provider_id, *what, _actor(), _actor(), None, number, paid.transaction_id)
    return ask_for(deps(), own)


@refunds.command("list")
@click.option("--all", "everything", is_flag=True, help="final ones too")
def list_refunds(everything: bool) -> None:
    """List refunds that are not final. Exit 1 if one waits for a person."""
    found = listing.newest(deps(), everything=everything)
    for line in found:
        _say(line)
    if any(line.needs_person for line in found):
        raise SystemExit(1)
    if not found:
        click.echo("no refund is under way")


@refunds.command("retry")
@click.argument("out_refund_no")
def retry(out_refund_no: str) -> None:
    """Send a refund that waited for the merchant's balance again, under its own number."""
    with said_plainly():
        people.retry(deps(), out_refund_no, actor=_actor())
        _say(listing.by_number(deps(), out_refund_no))


@refunds.command("cancel")
@click.argument("out_refund_no")
def cancel(out_refund_no: str) -> None:
    """Give up a refund that waits for the merchant's balance; its room is free again."""
    with said_plainly():
        people.cancel(deps(), out_refund_no, actor=_actor())
        _say(listing.by_number(deps(), out_refund_no))


def _say(line: listing.Line) -> None:
    why = f"  {line.upstream_code} {line.upstream_message or ''}" if line.upstream_code else ""
    due = f"  next {line.due_at:%F %T}Z" if line.due_at else ""
    click.echo(
        f"{line.out_refund_no}  {line.status}  {line.words}  ¥{yuan_from_fen(line.amount_fen)}"
        f"  of {line.out_trade_no}{why}{due}"
    )


COMMANDS = (refunds,)
