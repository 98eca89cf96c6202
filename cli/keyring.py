"""`flask keyring …`: rotate the key that seals secrets at rest."""

from __future__ import annotations

import time

import click
from flask.cli import AppGroup

from secretbox.ring import RELOAD_S
from services.rotation import reseal_all
from web.runtime import deps

keyring = AppGroup("keyring", help="The key ring that seals secrets at rest.")

# Until every process of this host seals with the new key, and has committed what it sealed before.
SETTLE_S = 2 * RELOAD_S + 3


@keyring.command("rotate")
@click.option("--batch", default=200, help="Rows of one transaction.")
def rotate(batch: int) -> None:
    """Add a key, rewrite every sealed value in batches, then retire the old keys. One host."""
    _add()
    time.sleep(SETTLE_S)
    _finish(batch)


@keyring.command("add")
def add() -> None:
    """Several hosts, first step: add a key. Then copy the ring's file to every host."""
    _add()


@keyring.command("finish")
@click.option("--batch", default=200, help="Rows of one transaction.")
def finish(batch: int) -> None:
    """Several hosts, second step: rewrite, then retire the old keys. Then copy the file again."""
    _finish(batch)


def _add() -> None:
    kid = deps().ring.add_key()
    click.echo(f"new key {kid}: new values are sealed with it from now on")


def _finish(batch: int) -> None:
    for column, count in reseal_all(deps(), batch).items():
        click.echo(f"{column}: {count} rewritten")
    gone = deps().ring.retire_others()
    click.echo(f"retired: {', '.join(gone)}")


COMMANDS = (keyring,)
