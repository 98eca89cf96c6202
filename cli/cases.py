"""`flask cases …`: what no rule may decide about money, and what a person decided."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from errors import NotFound
from services.cases import close_case, open_cases
from web.runtime import deps

cases = AppGroup("cases", help="Cases about money that wait for a person.")


@cases.command("list")
def list_open() -> None:
    """List the open cases. Exit 1 if there are any."""
    found = open_cases(deps())
    for case in found:
        click.echo(f"{case.id}  {case.kind.value}  {case.out_trade_no}  {case.created_at:%F %T}Z")
    if found:
        raise SystemExit(1)
    click.echo("no case is open")


@cases.command("close")
@click.argument("case_id", type=int)
@click.option("--note", required=True, help="what was decided, for the audit trail")
def close(case_id: int, note: str) -> None:
    """Close a case that has been dealt with."""
    try:
        close_case(deps(), case_id, actor=f"cli:{getpass.getuser()}"[:64], note=note)
    except NotFound as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"case {case_id} closed")


COMMANDS = (cases,)
