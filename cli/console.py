"""`flask console …`: the first account, and the way out when somebody is locked out."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, said_plainly
from models.console import ConsoleRole
from services.console import first
from web.runtime import deps

console = AppGroup("console", help="Accounts of the console.")


@console.command("add-admin")
@click.argument("username")
@click.option("--name", default="", help="as pages and the audit log show it; else the username")
@click.option("--provider", "out_mch_id", default="", help="out_mch_id; else of none yet")
@click.option("--role", type=click.Choice([role.value for role in ConsoleRole]), default="admin")
def add_admin(username: str, name: str, out_mch_id: str, role: str) -> None:
    """Make an account that may add providers; prints the link that sets it up.

    An account that is there already gets the provider, at once.
    """
    with said_plainly():
        link = first.add_admin(
            deps(), username=username, name=name or username, out_mch_id=out_mch_id,
            role=ConsoleRole(role), actor=actor(),
        )  # fmt: skip
    _tell(link or f"{username} works for {out_mch_id} now")


@console.command("reset-second-factor")
@click.argument("username")
def reset_second_factor(username: str) -> None:
    """Close every way in to an account and print a link that sets password and second factor."""
    with said_plainly():
        _tell(first.reset(deps(), username, actor=actor()))


@console.command("unlock")
@click.argument("username")
def unlock(username: str) -> None:
    """End the lock after too many failures, and forget the tries that were counted."""
    with said_plainly():
        first.unlock(deps(), username, actor=actor())
    click.echo(f"{username} may try again")


def _tell(said: str) -> None:
    if said.startswith("http"):
        click.echo("open once, within 24 hours; whoever opens it sets the account's password:")
    click.echo(said)


COMMANDS = (console,)
