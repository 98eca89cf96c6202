"""`flask cards payout …`: giving the unused paid balance of a member's card back."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy import select

from cli.cards import merchant_argument, place
from cli.cards_caps import cards
from cli.onboarding.options import actor, said_plainly
from gateways.money import yuan_from_fen
from models.card import MemberCard
from models.payout import CardPayout, CardPayoutPart, PartWay, PayoutGround
from services.cards import members, payout_listing, payout_rights, payouts
from services.cards.member_problems import CardUnknown
from services.cards.payout_begin import Wish, quote
from services.cards.payout_plan import Part
from services.cards.payout_problems import PayoutUnknown
from web.runtime import deps

payout = AppGroup("payout", help="Give a card's unused paid balance back.")
as_staff = click.option("--as", "staff", default=None, help="the merchant's owner, by public id")
payout_argument = click.argument("payout_id", type=int)


@payout.command("ask")
@merchant_argument
@click.argument("number")
@click.option("--cooling", is_flag=True, help="recharges of the last days, without a reason")
@click.option("--recharge", default=None, help="with --cooling: this one alone, by its number")
@click.option("--close", is_flag=True, help="and close the card when it is empty")
@click.option("--reason", default="", help="the merchant reads it")
@click.option("--by", "asked_by", type=click.Choice(["member", "merchant"]), default="member")
@click.option("--show-only", is_flag=True, help="say what would go back, and ask for nothing")
def ask(
    merchant: str,
    number: str,
    cooling: bool,
    recharge: str | None,
    close: bool,
    reason: str,
    asked_by: str,
    show_only: bool,
) -> None:
    """Ask for the money of the card with this NUMBER, for its member or its merchant.

    With --cooling it begins at once; else the merchant's owner decides: payout allow, refuse.
    """
    ground = PayoutGround.COOLING if cooling else PayoutGround.TERMS
    wish = Wish(ground, close, reason, recharge)
    with said_plainly():
        card = _card(merchant, number)
        if show_only:
            _say_plan(deps().transact(lambda s: quote(s, deps(), card, wish)))
            return
        who = f"{actor()} for the {asked_by}"[:64]
        made = payouts.ask(deps(), card.provider_id, card.id, wish, actor=who)
        _say(payout_listing.read(deps(), card.provider_id, made))


def _card(merchant: str, number: str) -> MemberCard:
    here, provider_id, merchant_id = place(merchant)
    found: MemberCard = here.transact(lambda s: members.by_number(s, provider_id, number))
    if found.merchant_id != merchant_id:
        raise CardUnknown()
    return found


@payout.command("allow")
@payout_argument
@as_staff
def allow(payout_id: int, staff: str | None) -> None:
    """Allow it: the money leaves the card and goes back."""
    with said_plainly():
        provider_id = _provider(payout_id)
        if staff:
            payout_rights.allow_as_staff(deps(), provider_id, staff, payout_id)
        else:
            payouts.allow(deps(), provider_id, payout_id, actor=actor())
        _say(payout_listing.read(deps(), provider_id, payout_id))


@payout.command("refuse")
@payout_argument
@click.option("--reason", required=True, help="the member reads it")
@as_staff
def refuse(payout_id: int, reason: str, staff: str | None) -> None:
    """Refuse it. Within the cooling days nobody may."""
    with said_plainly():
        provider_id = _provider(payout_id)
        if staff:
            payout_rights.refuse_as_staff(deps(), provider_id, staff, payout_id, reason=reason)
        else:
            payouts.refuse(deps(), provider_id, payout_id, actor=actor(), reason=reason)
    click.echo(f"payout {payout_id} is refused")


@payout.command("cancel")
@payout_argument
def cancel(payout_id: int) -> None:
    """Take it back: what is to go by hand is on the card again."""
    with said_plainly():
        status = payouts.cancel(deps(), _provider(payout_id), payout_id, actor=actor())
    click.echo(f"payout {payout_id} is {status}")


@payout.command("pay-by-hand")
@click.argument("part_id", type=int)
@click.option("--how", required=True, help="transfer, cash")
@click.option("--reference", required=True, help="of the transfer, or the receipt's number")
def pay_by_hand(part_id: int, how: str, reference: str) -> None:
    """Write down that the part with this id was handed over."""
    with said_plainly():
        wanted = select(CardPayoutPart).where(CardPayoutPart.id == part_id)
        found = deps().transact(lambda s: s.scalar(wanted))
        if found is None:
            raise PayoutUnknown()
        payouts.pay_by_hand(
            deps(), found.provider_id, part_id, how=how, reference=reference, actor=actor()
        )
        _say(payout_listing.read(deps(), found.provider_id, found.payout_id))


@payout.command("show")
@payout_argument
def show(payout_id: int) -> None:
    """Show one payout with its parts."""
    with said_plainly():
        _say(payout_listing.read(deps(), _provider(payout_id), payout_id))


@payout.command("list")
@merchant_argument
@click.option("--all", "everything", is_flag=True, help="those that are over, too")
def list_payouts(merchant: str, everything: bool) -> None:
    """List a merchant's payouts. Exit 1 if one is past its day."""
    with said_plainly():
        found = payout_listing.newest(*place(merchant), everything=everything)
    for line in found:
        _say(line)
    if not found:
        click.echo("no payout is under way")
    if any(line.is_overdue for line in found):
        raise SystemExit(1)


def _provider(payout_id: int) -> int:
    wanted = select(CardPayout.provider_id).where(CardPayout.id == payout_id)
    found = deps().transact(lambda s: s.scalar(wanted))
    if found is None:
        raise PayoutUnknown()
    return int(found)


def _say(line: payout_listing.Line) -> None:
    one = line.payout
    late = "  OVERDUE" if line.is_overdue else ""
    why = f"  refused: {one.refusal}" if one.refusal else ""
    close = "  closes the card" if one.closes_card else ""
    click.echo(
        f"payout {one.id}  card {line.card_number}  {one.ground}  {one.status}"
        f"  back by {one.due_on}{late}{close}{why}"
    )
    for found in line.parts:
        part = found.part
        by = f"{found.out_refund_no} {found.refund_status}" if found.out_refund_no else _hand(part)
        click.echo(
            f"    part {part.id}  {part.way}  {part.status}  ¥{yuan_from_fen(part.amount_fen)}"
            f"  bonus taken back ¥{yuan_from_fen(part.bonus_fen)}"
            f"  spent bonus deducted ¥{yuan_from_fen(part.deducted_fen)}  {by}"
        )


def _hand(part: CardPayoutPart) -> str:
    return f"{part.how} {part.reference} by {part.paid_by}" if part.paid_by else "not paid yet"


def _say_plan(parts: list[Part]) -> None:
    for part in parts:
        over = f"recharge {part.recharge.out_trade_no}" if part.recharge else "no recharge"
        way = "over its wallet" if part.way is PartWay.WALLET else "by hand"
        click.echo(
            f"¥{yuan_from_fen(part.amount_fen)}  {way}  {over}"
            f"  bonus taken back ¥{yuan_from_fen(part.bonus_fen)}"
            f"  spent bonus deducted ¥{yuan_from_fen(part.deducted_fen)}"
        )
    if not parts:
        click.echo("nothing goes back")


cards.add_command(payout)
COMMANDS: tuple[click.Command, ...] = ()  # the group itself is in `cli/cards_caps.py`
