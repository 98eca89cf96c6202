"""`flask provider set-callback|new-authen-key`: where a provider's own system is told."""

from __future__ import annotations

import click

from cli.onboarding.options import actor, of_provider, option, said_plainly
from cli.onboarding.provider import provider
from services import onboarding
from web.runtime import deps


@provider.command("set-callback")
@click.argument("url", required=False)
@of_provider
@option(
    "--refunds", "on_refund", is_flag=True, help="tell refunds too: for receivers of before 2019"
)
@option("--off", is_flag=True, help="tell nothing any more")
def provider_set_callback(url: str | None, out_mch_id: str, on_refund: bool, off: bool) -> None:
    """Tell every payment to this https address. The first time it prints the provider's key."""
    if (url is None) != off:
        raise click.UsageError("an address, or --off")
    with said_plainly():
        if url is None:
            gone = onboarding.stop_callback(deps(), out_mch_id, actor=actor())
            click.echo(f"{gone}: nothing is told any more")
            return
        made = onboarding.set_callback(deps(), out_mch_id, url, on_refund=on_refund, actor=actor())
    what = "payments and refunds" if made.on_refund else "payments"
    click.echo(f"{made.out_mch_id}: {what} are told to {made.host}")
    if made.new_key:
        click.echo(f"authen_key {made.new_key}\nkeep it: it is not shown again")


@provider.command("new-authen-key")
@of_provider
def provider_new_authen_key(out_mch_id: str) -> None:
    """Make another key for the provider's callbacks; the old one ends at once."""
    with said_plainly():
        key = onboarding.new_authen_key(deps(), out_mch_id, actor=actor())
    click.echo(f"authen_key {key}\nkeep it: it is not shown again")
