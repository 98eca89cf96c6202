"""`flask payer …`: what a payer may ask of us."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from errors import AppError
from services.erasure import erase_payer
from web.runtime import deps

payer = AppGroup("payer", help="People who paid.")


@payer.command("erase")
@click.argument("number")
def erase(number: str) -> None:
    """Forget who paid the order of this number; the books stay whole. Cannot be undone."""
    try:
        erase_payer(deps(), number, actor=f"cli:{getpass.getuser()}"[:64])
    except AppError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo("erased")


COMMANDS = (payer,)
