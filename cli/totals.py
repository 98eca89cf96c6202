"""`flask totals …`: do the takings of each day equal their orders and refunds?"""

from __future__ import annotations

import click
from flask.cli import AppGroup

from services import totals_check
from web.runtime import deps

totals = AppGroup("totals", help="Takings per store and day, against the orders themselves.")


@totals.command("verify")
@click.option("--repair", is_flag=True, help="append what is missing, then look again")
def verify(repair: bool) -> None:
    """Count every day anew and name each total that differs. Exit 1 if one does."""
    found = totals_check.verify(deps())
    for one in found:
        click.echo(str(one))
    if found and repair:
        click.echo(f"{totals_check.repair(deps())} repaired")
        found = totals_check.verify(deps())
    if found:
        raise SystemExit(1)
    click.echo("every total equals its orders and refunds")


COMMANDS = (totals,)
