"""`flask codepay …`: charge a payer's payment code from a terminal, and undo it."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from cli.onboarding.options import said_plainly
from gateways.money import fen_from_yuan, yuan_from_fen
from services.codepay import listing
from services.codepay.charging import Charge, charge
from services.codepay.people import cancel
from services.codepay.state import Charged, CodeState
from services.codepay.waiting import wait_for
from web.runtime import deps

codepay = AppGroup("codepay", help="Payment codes that payers show: charge one, undo it.")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


@codepay.command("charge")
@click.argument("out_shop_id")
@click.argument("yuan")
@click.argument("auth_code")
@click.option("--number", default=None, help="an order number of your own: charged once")
@click.option("--wait", default=75.0, show_default=True, help="seconds to wait for the end of it")
def charge_code(
    out_shop_id: str, yuan: str, auth_code: str, number: str | None, wait: float
) -> None:
    """Charge a scanned payment code. Exit 1 unless it is paid."""
    try:
        amount = fen_from_yuan(yuan)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
    with said_plainly():
        shop = listing.shop(deps(), out_shop_id)
        found = charge(
            deps(),
            Charge(
                provider_id=shop.provider_id,
                merchant_id=shop.merchant_id,
                store_id=shop.id,
                amount_fen=amount,
                auth_code=auth_code.strip(),
                asked_by=_actor(),
                out_trade_no=number,
            ),
        )
    _say(found)
    if not found.is_final and wait > 0:
        found = wait_for(deps(), found.provider_id, found.out_trade_no, wait)
        _say(found)
    if found.state is not CodeState.PAID:
        raise SystemExit(1)


@codepay.command("cancel")
@click.argument("out_trade_no")
def cancel_code(out_trade_no: str) -> None:
    """Reverse a payment that waits for the password, or whose result is unknown."""
    with said_plainly():
        provider_id = listing.provider_of(deps(), out_trade_no)
        _say(cancel(deps(), provider_id, out_trade_no, actor=_actor()))


def _say(found: Charged) -> None:
    why = f"  {found.reason_code} {found.reason}" if found.reason_code else ""
    whose = f"  ({found.blame}: {found.hint})" if found.blame else ""
    click.echo(
        f"{found.out_trade_no}  {found.state}  {found.words}  ¥{yuan_from_fen(found.amount_fen)}"
        f"  {found.channel}{why}{whose}"
    )


COMMANDS = (codepay,)
