"""`flask cards liability|renew|lapse`: what is owed to members, and cards and bonus that end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli.bills import DAY
from cli.cards import merchant_argument, place
from cli.cards_caps import cards
from cli.onboarding.options import actor, said_plainly
from gateways.money import yuan_from_fen
from services.cards import bonus_expiry, liability, renewing
from web.runtime import deps


@cards.command("liability")
@merchant_argument
@click.option("--on", type=DAY, default=None, help="the end of a day in China; now if left out")
@click.option("--totals", is_flag=True, help="the sums alone")
@click.option("--csv", "file", type=click.Path(dir_okay=False), default=None)
def owed(merchant: str, on: datetime | None, totals: bool, file: str | None) -> None:
    """What a merchant owes its members as of any day, member by member (names masked)."""
    day = on.date() if on else None
    with said_plainly():
        where = place(merchant)
        if file is not None:
            with Path(file).open("w", encoding="utf-8-sig") as out:
                out.writelines(liability.as_csv(*where, day))
            click.echo(f"written to {file}")
            return
        _say(liability.report(*where, day))
        if not totals:
            for one in liability.members(*where, day):
                _say_one(one)


def _say(found: liability.Liability) -> None:
    click.echo(f"{found.merchant}  {found.name}  {found.standing}  as of the end of {found.on}")
    click.echo(
        f"owed ¥{yuan_from_fen(found.balance_fen)}  paid ¥{yuan_from_fen(found.paid_fen)}"
        f"  bonus ¥{yuan_from_fen(found.bonus_fen)}  cards {found.cards}"
        f"  on its way back ¥{yuan_from_fen(found.returning_fen)}"
    )
    for share, fen in found.shares:
        click.echo(f"custody {share} %  ¥{yuan_from_fen(fen)}")


def _say_one(one: liability.Owed) -> None:
    click.echo(
        f"{one.number}  {one.phone or '-'}  {one.name or '-'}  {one.state}"
        f"  paid ¥{yuan_from_fen(one.paid_fen)}  bonus ¥{yuan_from_fen(one.bonus_fen)}"
        f"  ¥{yuan_from_fen(one.paid_fen + one.bonus_fen)}"
    )


@cards.command("renew")
@merchant_argument
@click.argument("number")
def renew(merchant: str, number: str) -> None:
    """Let a card without a confirmed phone go on for its whole life, from today."""
    with said_plainly():
        last = renewing.renew(*place(merchant), number, actor=actor())
    click.echo(f"good through {last}")


@cards.command("lapse")
def lapse() -> None:
    """Take bonus off whose last day is over, now. Every night by itself."""
    found = bonus_expiry.expire(deps())
    click.echo(f"{found.cards} cards  ¥{yuan_from_fen(found.bonus_fen)}")


COMMANDS: tuple[click.Command, ...] = ()  # the group itself is in `cli/cards_caps.py`
