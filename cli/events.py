"""`flask events …`: the wallets' notifications as they were kept, and hearing one again."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, said_plainly
from gateways.money import yuan_from_fen
from services import events as kept
from web.runtime import deps

events = AppGroup("events", help="Kept notifications of the wallets: list, show, hear again.")


@events.command("list")
@click.option("--number", default="", help="the number that it is about")
@click.option("--channel", type=click.Choice(["wechat", "alipay"]))
@click.option("--provider", "out_mch_id", default="", help="out_mch_id; left out: of all")
@click.option("--most", default=50, show_default=True)
def list_events(number: str, channel: str | None, out_mch_id: str, most: int) -> None:
    """List kept notifications, newest first."""
    found = kept.newest(
        deps(), out_mch_id=out_mch_id, number=number, channel=channel or "", most=most
    )
    for line in found:
        _say(line)
    if not found:
        click.echo("no notification is kept")


@events.command("show")
@click.argument("event_id", type=int)
def show(event_id: int) -> None:
    """Open one and tell what it says; who paid is left out."""
    with said_plainly():
        found = kept.opened(deps(), event_id)
    _say(found.line)
    amount = f"¥{yuan_from_fen(found.amount_fen)}" if found.amount_fen is not None else "-"
    click.echo(f"  says {found.raw_state}  {amount}  to {found.payee or '-'}")
    click.echo(
        f"  wallet number {found.transaction_id or '-'}  refund {found.out_refund_no or '-'}"
    )


@events.command("replay")
@click.argument("event_id", type=int)
def replay(event_id: int) -> None:
    """Ask the wallet about it and apply the answer. Exit 1 unless the wallet and we agree."""
    with said_plainly():
        made = kept.replay(deps(), event_id, actor=actor())
    for words in made.said:
        click.echo(f"  {words}")
    change = (
        f"{made.before or 'not here'} -> {made.after}" if made.is_changed else "nothing changed"
    )
    click.echo(f"{made.out_trade_no}  {change}")
    if not made.is_settled:
        raise SystemExit(1)


def _say(line: kept.EventLine) -> None:
    click.echo(
        f"{line.id}  {line.channel}  {line.kind}  {line.out_trade_no}  {line.received_at:%F %T}Z"
        f"  order {line.order_state or 'not here'}"
    )


COMMANDS = (events,)
