"""`flask device …`: the register of payment devices and their keys."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from cli.onboarding.options import SECRET_FILE, actor, of_provider, read_text, said_plainly
from services.devices import keys
from services.onboarding.checks import lock_provider
from web.runtime import deps

device = AppGroup("device", help="Payment devices: serial numbers and their init keys.")


def _provider(session: Session, out_mch_id: str) -> int:
    return lock_provider(session, out_mch_id).id


@device.command("register")
@click.argument("file", type=SECRET_FILE)
@of_provider
def register(file: str, out_mch_id: str) -> None:
    """Register devices: FILE has a serial number and its key in each line; - is stdin."""
    with said_plainly():
        rows = keys.read_lines(read_text(file, keys.MOST_BYTES))
        provider_id = deps().transact(lambda s: _provider(s, out_mch_id))
        found = keys.register(deps(), provider_id, rows, actor=actor())
    click.echo(f"{found.added} added, {found.changed} with a new key, {found.same} as they were")


@device.command("list")
@of_provider
@click.option("--begins", default="", help="of the serial number")
@click.option("--most", default=100, show_default=True, help="lines at most")
def list_devices(out_mch_id: str, begins: str, most: int) -> None:
    """Registered serial numbers, the newest first, and where each is bound."""
    with said_plainly():
        provider_id = deps().transact(lambda s: _provider(s, out_mch_id))
        lines = deps().transact(lambda s: keys.listed(s, provider_id, begins=begins, most=most))
    for line in lines:
        where = "unbound"
        if line.device is not None and line.store is not None:
            where = f"{line.store.out_shop_id}  {line.device.device_id}"
        click.echo(f"{line.key.sn_code}  {where}")


@device.command("remove")
@click.argument("sn_code")
@of_provider
def remove(sn_code: str, out_mch_id: str) -> None:
    """Forget the key of a serial number that nothing is bound by."""
    with said_plainly():
        provider_id = deps().transact(lambda s: _provider(s, out_mch_id))
        keys.unregister(deps(), provider_id, sn_code, actor=actor())
    click.echo(f"{sn_code} removed")


COMMANDS = (device,)
