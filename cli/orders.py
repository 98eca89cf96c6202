"""`flask orders …`: what an operator asks at 2 a.m."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from services import orders as all_orders
from services.order_story import tell
from web.runtime import deps

orders = AppGroup("orders", help="Look at orders and their attempts.")


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
    """Tell everything about one order: by our number, an attempt's, or the wallet's."""
    lines = tell(deps(), number)
    if not lines:
        raise click.ClickException(f"no order has the number {number}")
    for line in lines:
        click.echo(line)


COMMANDS = (orders,)
