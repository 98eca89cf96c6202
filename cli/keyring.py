"""`flask keyring …`: rotate the key that seals secrets at rest."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup

from services import leases
from services.rotation import reseal_all
from web.runtime import deps

keyring = AppGroup("keyring", help="The key ring that seals secrets at rest.")


@keyring.command("rotate")
@click.option("--batch", default=200, help="Rows of one transaction.")
def rotate(batch: int) -> None:
    """Add a key, rewrite every sealed value in batches, then retire the old keys."""
    held = leases.claim(deps(), "keyring-rotate", timedelta(hours=1))
    if held is None:
        raise click.ClickException("somebody else is rotating the key ring; try again later")
    try:
        _rotate(batch)
    finally:
        leases.release(deps(), held)


def _rotate(batch: int) -> None:
    kid = deps().ring.add_key()
    click.echo(f"new key {kid}: new values are sealed with it from now on")
    counts = reseal_all(deps(), batch)
    for column, count in counts.items():
        click.echo(f"{column}: {count} rewritten")
    gone = deps().ring.retire_others()
    click.echo(f"retired: {', '.join(gone)}")


COMMANDS = (keyring,)
