"""`flask payer …`, `flask person …`: what somebody may ask of us about his own data."""

from __future__ import annotations

import getpass
import json

import click
from flask.cli import AppGroup

from errors import AppError
from services.privacy import erasing, exporting, subject
from web.runtime import deps

payer = AppGroup("payer", help="People who paid.")
person = AppGroup("person", help="What is known of one person, and forgetting it.")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


@payer.command("erase")
@click.argument("number")
def erase_payer(number: str) -> None:
    """Forget who paid the order of this number, or holds this card. Cannot be undone."""
    try:
        erasing.erase_by_number(deps(), number, actor=_actor())
    except AppError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo("erased")


@person.command("find")
@click.argument("number")
def find(number: str) -> None:
    """The id of whoever paid the order of this number, or holds the card of this number."""
    try:
        click.echo(deps().transact(lambda s: subject.by_number(s, number)).name)
    except AppError as problem:
        raise click.ClickException(str(problem)) from None


@person.command("export")
@click.argument("name", metavar="ID")
def export(name: str) -> None:
    """All that is known of a person as JSON. ID is a person's, or member:<id>."""
    try:
        known = exporting.export(deps(), name, actor=_actor())
    except AppError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(json.dumps(known, ensure_ascii=False, indent=2))


@person.command("erase")
@click.argument("name", metavar="ID")
def erase(name: str) -> None:
    """Forget a person; transactions stay. ID is a person's, or member:<id>. Cannot be undone."""
    try:
        done = erasing.erase(deps(), name, actor=_actor())
    except AppError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"erased {done.name}: {done.members} memberships, {done.roles} roles")


COMMANDS = (payer, person)
