"""`flask cards …`: a merchant's card from draft to deletion. Members: `cli/cards_members.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from cli.cards_caps import cards
from cli.onboarding.options import actor, said_plainly
from errors import NotFound
from gateways.money import fen_from_yuan, yuan_from_fen
from models.card import CardProgram, CardTerms, CardTier, RechargeMode
from models.membership import WechatCard
from services.cards import programs, terms, wechat_membership
from services.cards.caps import find_merchant
from services.cards.programs import Tier
from web.runtime import deps

merchant_argument = click.argument("merchant")
MODES = click.Choice([mode.value for mode in RechargeMode])


def place(out_sub_mch_id: str) -> tuple[Any, int, int]:
    """What the services take: deps, provider id, merchant id."""
    return (deps(), *find_merchant(deps(), out_sub_mch_id))


def _facts(command: Any) -> Any:
    options: list[Callable[[Any], Any]] = [
        click.option("--title", help="at most 9 characters"),
        click.option("--notice", help="at most 16 characters"),
        click.option("--description"),
        click.option("--color", help="one of WeChat's, Color010 to Color102"),
        click.option("--service-phone"),
        click.option("--logo-url"),
        click.option("--background-url"),
        click.option("--card-sub-mchid", help="the card's own number, never the payment one"),
        click.option("--mode", type=MODES, help="fixed sums with a bonus, or any sum without"),
        click.option("--online/--no-online", "has_online_recharge", default=None),
        click.option("--bonus-days", type=int, help="a bonus lapses so long after; 0: never"),
    ]
    for option in options:
        command = option(command)
    return command


def _given(facts: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in facts.items() if value is not None}
    if "mode" in found:
        found["mode"] = RechargeMode(found["mode"])
    if "bonus_days" in found:
        found["bonus_days"] = found["bonus_days"] or None
    return found


@cards.command("create")
@merchant_argument
@_facts
def create(merchant: str, **facts: Any) -> None:
    """Draft a card for a merchant (out_sub_mch_id); needs --title."""
    with said_plainly():
        programs.create(*place(merchant), _given(facts), actor=actor())
    click.echo("drafted; next: cards terms, cards tiers, cards submit")


@cards.command("set")
@merchant_argument
@_facts
def change(merchant: str, **facts: Any) -> None:
    """Change what is given, leave the rest."""
    with said_plainly():
        changed = programs.change(*place(merchant), _given(facts), actor=actor())
    click.echo(f"changed: {', '.join(changed)}" if changed else "nothing changed")


@cards.command("terms")
@merchant_argument
@click.option("--issuer", required=True, help="the legal name of whoever owes the money")
@click.option("--contact", required=True)
@click.option("--refund-rule", required=True)
@click.option("--body-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def publish(
    merchant: str, issuer: str, contact: str, refund_rule: str, body_file: Path | None
) -> None:
    """Publish the terms that members agree to; a change is a new version."""
    body = body_file.read_text("utf-8") if body_file else ""
    new = terms.NewTerms(issuer, contact, refund_rule, body)
    with said_plainly():
        version = terms.publish(*place(merchant), new, actor=actor())
    click.echo(f"version {version} holds")


@cards.command("tiers")
@merchant_argument
@click.argument("sums", nargs=-1)
def tiers(merchant: str, sums: tuple[str, ...]) -> None:
    """Offer these sums in yuan, with a bonus after a plus sign: 50 100+10 200+20."""
    with said_plainly():
        programs.set_tiers(*place(merchant), [_tier(one) for one in sums], actor=actor())
    click.echo(f"{len(sums)} sums are offered")


def _tier(text: str) -> Tier:
    pay, _, bonus = text.partition("+")
    try:
        return Tier(fen_from_yuan(pay), fen_from_yuan(bonus or "0"))
    except ValueError:
        raise click.BadParameter(f"{text}: yuan, or yuan+bonus") from None


@cards.command("submit")
@merchant_argument
@click.option("--wechat", is_flag=True, help="into WeChat's wallet, too: WeChat decides then")
def submit(merchant: str, wechat: bool) -> None:
    """Hand the card in."""
    with said_plainly():
        programs.submit(*place(merchant), in_wechat=wechat, actor=actor())
    click.echo("handed in at WeChat" if wechat else "handed in")


@cards.command("reject")
@merchant_argument
@click.option("--reason", required=True, help="the merchant reads it")
def reject(merchant: str, reason: str) -> None:
    """Send a card back."""
    with said_plainly():
        programs.reject(*place(merchant), reason, actor=actor())
    click.echo("rejected")


def _step(name: str, work: Callable[..., None], about: str, done: str) -> None:
    @cards.command(name, help=about)
    @merchant_argument
    def step(merchant: str) -> None:
        with said_plainly():
            work(*place(merchant), actor=actor())
        click.echo(done)


_step("approve", programs.approve, "Approve a card that was handed in.", "approved")
_step("redraft", programs.redraft, "Change a rejected card again.", "a draft again")
_step("suspend", programs.suspend, "No claim and no recharge; spending goes on.", "suspended")
_step("resume", programs.resume, "End a suspension.", "approved")
_step("delete", programs.delete, "Delete a card whose members have no balance.", "deleted")


@cards.command("show")
@merchant_argument
def show(merchant: str) -> None:
    """Show a merchant's card: state, facts, sums, terms, and what WeChat's wallet lacks."""
    with said_plainly():
        here, provider_id, merchant_id = place(merchant)
        found = here.transact(lambda s: _read(s, provider_id, merchant_id))
        copies = wechat_membership.behind(here, provider_id, merchant_id)
    _say(*found)
    for copy in copies:
        ends = "given up until it moves" if copy.is_given_up else "tried again"
        click.echo(f"WeChat's copy of {copy.number}: {copy.said}  {ends}")


Found = tuple[CardProgram, list[CardTier], CardTerms | None, WechatCard | None]


def _read(session: Session, provider_id: int, merchant_id: int) -> Found:
    program = programs.alive_program(session, provider_id, merchant_id)
    if program is None:
        raise NotFound("this merchant has no card")
    return (
        program,
        programs.tiers(session, program),
        terms.current_terms(session, provider_id, merchant_id),
        session.get(WechatCard, (provider_id, program.id)),
    )


def _say(
    program: CardProgram, sums: list[CardTier], now: CardTerms | None, there: WechatCard | None
) -> None:
    why = f"  {program.reject_reason}" if program.reject_reason else ""
    click.echo(f"{program.title}  {program.status}{why}  mode {program.mode}")
    click.echo(f"card sub-merchant {program.card_sub_mchid or '-'}")
    for tier in sums:
        bonus = f" + {yuan_from_fen(tier.bonus_fen)}" if tier.bonus_fen else ""
        click.echo(f"sum ¥{yuan_from_fen(tier.pay_fen)}{bonus}")
    if now is None:
        click.echo("no terms yet")
    else:
        click.echo(f"terms {now.version}  {now.issuer_name}  {now.contact}  {now.refund_rule}")
    if there is not None:
        said = f"  {there.said}" if there.said else ""
        click.echo(f"in WeChat's wallet: {there.state}  {program.wechat_card_id or '-'}{said}")


COMMANDS: tuple[click.Command, ...] = ()  # the group itself is in `cli/cards_caps.py`
