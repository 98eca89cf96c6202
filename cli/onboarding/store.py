"""`flask store …` and `flask code …`: stores of a merchant, and their pay codes."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, option, said_plainly
from gateways.money import fen_from_yuan
from models.merchant import PageMode
from services import onboarding
from services.cards import store_switch
from services.onboarding import NewCode, NewStore
from web.runtime import deps

store = AppGroup("store", help="Stores of a merchant.")
code = AppGroup("code", help="Pay codes of a store.")


class Yuan(click.ParamType):  # type: ignore[type-arg]
    name = "yuan"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            fen = fen_from_yuan(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)
        return fen


def _clock(typed: str | None) -> time | None:
    if not typed:
        return None
    try:
        return datetime.strptime(typed, "%H:%M").time()
    except ValueError:
        raise click.BadParameter(f"{typed} is not HH:MM") from None


@store.command("add")
@option("--merchant", "out_sub_mch_id", required=True, help="out_sub_mch_id")
@option("--name", required=True)
@option("--branch", "branch_name", default="")
@option("--out-shop-id", default="", help="an id that old printed codes carry already")
@option(
    "--page-mode",
    type=click.Choice([mode.value for mode in PageMode]),
    default=PageMode.DEFAULT.value,
)
@option("--opens", help="HH:MM in China; left out: always open")
@option("--closes", help="HH:MM in China")
@option("--min", "min_fen", type=Yuan(), help="smallest payment, yuan")
@option("--max", "max_fen", type=Yuan(), help="largest payment, yuan")
@option("--code-name", default="", help="name of the first code, such as 前台")
def store_add(page_mode: str, opens: str | None, closes: str | None, **given: Any) -> None:
    """Add a store with its first pay code; prints the code's link."""
    with said_plainly():
        new = NewStore(
            page_mode=PageMode(page_mode),
            opens_at=_clock(opens),
            closes_at=_clock(closes),
            **given,
        )
        made = onboarding.add_store(deps(), new, actor=actor())
    click.echo(f"out_shop_id {made.out_shop_id}\ncode {made.code}\nurl {made.url}")


@store.command("cards")
@click.argument("state", type=click.Choice(["on", "off"]))
@click.argument("out_shop_id")
def store_cards(state: str, out_shop_id: str) -> None:
    """Take members' cards in a store or not: 「本门店启用会员卡」.

    The old product's switch was the opposite, 「本门店禁用会员卡」 (disable_membership_card).
    """
    with said_plainly():
        changed = store_switch.set_cards(deps(), out_shop_id, is_on=state == "on", actor=actor())
    click.echo(f"{out_shop_id}  本门店启用会员卡  {state}{'' if changed else '  (as before)'}")


@code.command("add")
@option("--store", "out_shop_id", required=True, help="out_shop_id")
@option("--name", required=True, help="where it stands, such as 12 号桌")
@option("--price", "unit_price_fen", type=Yuan(), help="yuan: the payer chooses how many")
@option("--code", "code", default="", help="a code that is printed already")
@option("--old-person-id", help="id of an old staff code's link")
def code_add(**given: Any) -> None:
    """Add a further pay code; prints its link."""
    with said_plainly():
        made = onboarding.add_code(deps(), NewCode(**given), actor=actor())
    click.echo(f"code {made.code}\nurl {made.url}")


@code.command("print")
@click.argument("code")
@click.argument("target", type=click.Path(dir_okay=False, writable=True))
def code_print(code: str, target: str) -> None:
    """Write the QR code of a pay code to an .svg or .png file."""
    import segno

    if not target.endswith((".svg", ".png")):
        raise click.UsageError("the file ends in .svg or .png")
    with said_plainly():
        url = onboarding.find_code_url(deps(), code)
    segno.make(url, error="m").save(target, scale=12, border=4)
    click.echo(url)
