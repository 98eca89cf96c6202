"""`flask orders …`: what an operator asks at 2 a.m."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

import click
from flask.cli import AppGroup

from cli.resyncing import resync
from services import order_story, syncing
from services import orders as all_orders
from services.order_explained import explain as explained
from web.runtime import deps

orders = AppGroup("orders", help="Look at orders and their attempts.")
orders.add_command(resync)


@orders.command("stuck")
def stuck() -> None:
    """List attempts and refunds that are not final and that nobody will look at. Exit 1 if any."""
    found = all_orders.stuck(deps())
    for row in found:
        due = row.due_at.isoformat() if row.due_at else "no due time"
        click.echo(f"{row.number}  {row.status}  {due}  asked {row.polls} times")
    if found:
        raise SystemExit(1)
    click.echo("nothing is stuck")


@orders.command("show")
@click.argument("number")
def show(number: str) -> None:
    """Tell the whole life of one order: by any number of ours or a wallet's."""
    _say(number, order_story.tell(deps(), number))


@orders.command("explain")
@click.argument("number")
def explain(number: str) -> None:
    """Say why an order is as it is and what a person can do; one sentence for the merchant."""
    _say(number, explained(deps(), number))


@orders.command("sync")
@click.argument("number")
def sync(number: str) -> None:
    """Ask the wallets now about one order and apply their answers. Exit 1 if one is open."""
    found = order_story.find(deps(), number)
    if found is None:
        raise click.ClickException(f"no order has the number {number}")
    done = syncing.sync_order(deps(), *found, actor=actor())
    for answer in done.answers:
        moved = (
            answer.before if answer.before == answer.after else f"{answer.before} → {answer.after}"
        )
        click.echo(f"{answer.what} {answer.number}  {moved}  wallet: {answer.said}")
    if not done.answers:
        click.echo("no wallet has anything of this order")
    click.echo(f"order {done.out_trade_no}  {done.before} → {done.after}")
    if not done.is_settled:
        click.echo("not settled: no answer, or one that contradicts ours; see `orders explain`")
        raise SystemExit(1)


def actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


def _say(number: str, lines: Iterable[str]) -> None:
    said = list(lines)
    if not said:
        raise click.ClickException(f"no order has the number {number}")
    for line in said:
        click.echo(line)


COMMANDS = (orders,)
