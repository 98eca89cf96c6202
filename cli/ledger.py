"""`flask ledger …`: is what members are owed still what was written?"""

from __future__ import annotations

import click
from flask.cli import AppGroup

from services import ledger_chain, ledger_heads, ledger_verify
from web.runtime import deps

ledger = AppGroup("ledger", help="The ledger of members' stored value.")


@ledger.command("verify")
@click.option("--merchant", default="", help="only this out_sub_mch_id")
def verify(merchant: str) -> None:
    """Check every entry, seal, balance and sum, and name what does not fit. Exit 1 if any."""
    names = ledger_verify.names(deps())
    only = None
    if merchant:
        only = next((place for place, name in names.items() if name == merchant), None)
        if only is None:
            raise click.ClickException(f"no merchant {merchant}")
    report = ledger_verify.verify(deps(), only)
    for words in report.warnings:
        click.echo(f"warning: {words}", err=True)
    for one in report.findings:
        click.echo(f"{names.get(one.place, '-')}: {one.words}")
    for place, count in sorted(report.more.items()):
        if count > ledger_verify.NAMED:
            click.echo(f"{names.get(place, '-')}: {count - ledger_verify.NAMED} more")
    said = f"{report.entries} entries, {report.chains} chains, {report.unsealed} not sealed yet"
    if not report.is_whole:
        click.echo(said)
        raise SystemExit(1)
    click.echo(f"the ledger is what was written: {said}")


@ledger.command("seal")
def seal() -> None:
    """Seal what waits, now. The worker does it by itself every two seconds."""
    total = 0
    while sealed := ledger_chain.seal(deps()):
        total += sealed
    click.echo(f"{total} entries sealed")


@ledger.command("heads")
@click.option("--restored", is_flag=True, help="a backup was put back: what is lost is lost")
def heads(restored: bool) -> None:
    """Write where each chain is into the heads file. The worker does it by itself every day."""
    moved = ledger_heads.write(deps(), restored=restored)
    click.echo(f"{moved or 0} heads written to {ledger_heads.path_of(deps().settings)}")


COMMANDS = (ledger,)
