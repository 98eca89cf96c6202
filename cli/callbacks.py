"""`flask callbacks …`: what providers' own systems were told, and what they did not hear."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, said_plainly
from services.callbacks import listing, people
from web.runtime import deps

callbacks = AppGroup("callbacks", help="Calls to providers' own systems: list, show, send again.")


@callbacks.command("list")
@click.option("--dead", is_flag=True, help="only those that were given up")
@click.option("--all", "everything", is_flag=True, help="delivered and dismissed ones too")
@click.option("--provider", "out_mch_id", default="", help="out_mch_id; left out: of all")
@click.option("--most", default=200, show_default=True)
def list_callbacks(dead: bool, everything: bool, out_mch_id: str, most: int) -> None:
    """List callbacks that are not delivered. Exit 1 if one was given up and waits for a person."""
    found = listing.newest(
        deps(), out_mch_id=out_mch_id, dead=dead, everything=everything, most=most
    )
    for line in found:
        _say(line)
    if any(line.needs_person for line in found):
        raise SystemExit(1)
    if not found:
        click.echo("no callback is dead" if dead else "no callback is under way")


@callbacks.command("show")
@click.argument("callback_id", type=int)
def show(callback_id: int) -> None:
    """Tell everything about one callback."""
    with said_plainly():
        line = listing.read(deps(), callback_id)
    _say(line)
    click.echo(f"  provider {line.out_mch_id}  host {line.host or '-'}")
    click.echo(f"  written {line.created_at:%F %T}Z  sent again by a person {line.replays}x")
    for name, at in (
        ("delivered", line.delivered_at),
        ("given up", line.dead_at),
        ("dismissed", line.dismissed_at),
    ):
        if at is not None:
            click.echo(f"  {name} {at:%F %T}Z")


@callbacks.command("replay")
@click.argument("callback_id", type=int, required=False)
@click.option("--dead", is_flag=True, help="all that were given up of one provider")
@click.option("--provider", "out_mch_id", default="", help="out_mch_id, with --dead")
def replay(callback_id: int | None, dead: bool, out_mch_id: str) -> None:
    """Send one callback again, or all dead ones of a provider."""
    if (callback_id is None) != dead or dead != bool(out_mch_id):
        raise click.UsageError("an id, or --dead with --provider")
    with said_plainly():
        if callback_id is not None:
            people.replay(deps(), callback_id, actor=actor())
            _say(listing.read(deps(), callback_id))
            return
        again = people.replay_dead(deps(), out_mch_id, actor=actor())
    click.echo(f"{len(again)} callbacks are sent again")


@callbacks.command("dismiss")
@click.argument("callback_id", type=int)
@click.option("--note", required=True, help="why nobody misses it, for the audit trail")
def dismiss(callback_id: int, note: str) -> None:
    """Let a dead callback be; it is no longer listed."""
    with said_plainly():
        people.dismiss(deps(), callback_id, actor=actor(), note=note)
    click.echo(f"callback {callback_id} dismissed")


def _say(line: listing.Line) -> None:
    why = f"  {line.last_code} {line.last_error or ''}" if line.last_code else ""
    due = f"  next {line.due_at:%F %T}Z" if line.due_at else ""
    let_be = "  dismissed" if line.dismissed_at else ""
    click.echo(
        f"{line.id}  {line.event}  {line.number}  {line.status}{let_be}"
        f"  tried {line.tries}x{why}{due}"
    )


COMMANDS = (callbacks,)
