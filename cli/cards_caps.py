"""`flask cards room|cap|caps`: the caps of stored value, for the deployer alone."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, said_plainly
from gateways.money import yuan_from_fen
from services.cards import caps, caps_listing
from web.runtime import deps

SETTINGS = (
    "card_total_cap_fen",
    "card_balance_cap_registered_fen",
    "card_balance_cap_unregistered_fen",
    "card_purchase_limit_fen",
    "card_person_limit_fen",
)


cards = AppGroup("cards", help="Member cards: caps and room, programs, members, imports.")


@cards.command("room")
@click.argument("merchant", default="")
def room(merchant: str) -> None:
    """Show a merchant's cap over all cards and what fills it (without one: every merchant).

    MERCHANT is an out_sub_mch_id.
    """
    with said_plainly():
        if merchant:
            caps.find_merchant(deps(), merchant)
        found = caps_listing.rooms(deps(), merchant)
    for line in found:
        _say(line)
    if not found:
        click.echo("no merchant has a card" if not merchant else "this merchant has no card")


def _say(line: caps_listing.Line) -> None:
    click.echo(
        f"{line.out_sub_mch_id}  {line.name}"
        f"  cap ¥{yuan_from_fen(line.cap_fen)}"
        f"  balance ¥{yuan_from_fen(line.balance_fen)}"
        f"  held ¥{yuan_from_fen(line.held_fen)} of {line.recharges}"
        f"  left ¥{yuan_from_fen(line.left_fen)}"
        f"  releases {line.releases}"
    )


@cards.command("cap")
@click.argument("merchant")
@click.argument("fen", type=click.IntRange(min=0))
def cap(merchant: str, fen: int) -> None:
    """Set a merchant's cap over all cards. Refused below what is owed and held."""
    with said_plainly():
        provider_id, merchant_id = caps.find_merchant(deps(), merchant)
        caps.set_cap(deps(), provider_id, merchant_id, fen, actor=actor())
        for line in caps_listing.rooms(deps(), merchant):
            _say(line)


@cards.command("caps")
def settings() -> None:
    """Show the caps and limits of the settings. A merchant's own cap may differ: `cards room`."""
    for name in SETTINGS:
        click.echo(f"{name.upper()}  ¥{yuan_from_fen(getattr(deps().settings, name))}")
    click.echo(f"CARD_PERSON_LIMIT_DAYS  {deps().settings.card_person_limit_days}")


COMMANDS = (cards,)
