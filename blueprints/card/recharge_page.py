"""Recharging: the sums that fit, the terms, and the order that the wallet is asked to pay."""

from __future__ import annotations

from dataclasses import replace

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.card import home
from blueprints.card.door import Door, came_by, see
from gateways.money import fen_from_yuan
from models.card import CardTerms, MemberCard, Recharge, RechargeMode, RechargeStatus
from models.order import PayOrder
from services import intents
from services.cards import recharge_intents, recharging
from services.cards.caps import card_cap
from services.cards.recharging import Offer
from services.cards.spending import is_expired
from services.problems import PayProblem
from services.scan import Scan
from web import customer
from web.card_pages import RechargePage, Sum
from web.runtime import deps

SUGGESTED = (5_000, 10_000, 20_000, 30_000, 50_000)  # where any sum may be recharged


def place_of(door: Door) -> Scan:
    """The store that the recharge belongs to (product CARD-7). Raises CARD_ONLINE_OFF."""
    code = came_by()
    if code is not None:
        return home.store_scan(door, code)
    if not door.program.has_online_recharge:
        raise PayProblem("CARD_ONLINE_OFF")
    return door.scan


def show(door: Door) -> ResponseReturnValue:
    if door.card is None:
        return see(door.url())
    card, place = door.card, place_of(door)
    if deps().transact(lambda s: home.store_off(s, place)):
        raise PayProblem("CARD_DISABLED_STORE", shop=place.shop)
    if is_expired(card, home.today()):
        raise PayProblem("CARD_EXPIRED")
    offer, newest, held, has_agreed = deps().transact(lambda s: _read(s, card, place))
    if offer.refusal is not None or offer.terms is None:
        raise PayProblem(offer.refusal or "CARD_TERMS_CHANGED")
    now = deps().now()
    key = recharge_intents.next_key(card.id, place.store_id, newest, now)
    is_live = newest is not None and newest.intent_key == key
    shown = _page(door, card, offer, offer.terms, held if is_live else 0)
    wanted = newest.amount_fen if newest is not None and is_live else 0
    chosen = wanted if any(one.pay_fen == wanted for one in shown.sums) else _first(shown)
    return customer.page(
        "card/recharge.html",
        replace(
            shown,
            shop=place.shop,
            intent=recharge_intents.sign(deps().ring, card.provider_id, key, now),
            chosen_fen=chosen,
            has_agreed=has_agreed,
        ),
    )


def _first(shown: RechargePage) -> int:
    """What is chosen to begin with: the smallest sum that fits; else a sum of one's own."""
    fitting = [one.pay_fen for one in shown.sums if one.fits]
    if fitting:
        return min(fitting)
    return 0 if shown.is_any else min((one.pay_fen for one in shown.sums), default=0)


def _read(
    session: Session, card: MemberCard, place: Scan
) -> tuple[Offer, PayOrder | None, int, bool]:
    """The offer, the card's last recharge here, the room that it holds, whether the terms that
    count now have been agreed to."""
    offer = recharging.offer(session, deps(), card)
    newest = recharge_intents.latest(session, card.provider_id, card.id, place.store_id)
    held = 0
    if newest is not None and newest.status in intents.UNPAID:
        row = session.scalar(
            select(Recharge).where(
                Recharge.provider_id == card.provider_id,
                Recharge.order_id == newest.id,
                Recharge.status == RechargeStatus.HELD,
            )
        )
        held = row.paid_fen + row.bonus_fen if row is not None else 0
    return offer, newest, held, offer.terms is not None and _agreed(session, card, offer.terms)


def _agreed(session: Session, card: MemberCard, terms: CardTerms) -> bool:
    """A recharge of this card carries this version."""
    wanted = select(Recharge.id).where(
        Recharge.provider_id == card.provider_id,
        Recharge.card_id == card.id,
        Recharge.terms_version == terms.version,
    )
    return session.scalar(wanted.limit(1)) is not None


def _page(
    door: Door, card: MemberCard, offer: Offer, terms: CardTerms, own_held_fen: int
) -> RechargePage:
    """`own_held_fen`: what this very intention has reserved. The press reserves it anew, so it is
    room for it."""
    settings = deps().settings
    most = settings.card_purchase_limit_fen - 1
    room = min(offer.room_fen + own_held_fen, most)
    on_card = offer.cap_fen - offer.balance_fen - offer.held_fen + own_held_fen
    is_any = offer.mode is RechargeMode.ANY
    offered = (
        [(fen, 0) for fen in SUGGESTED]
        if is_any
        else [(tier.pay_fen, tier.bonus_fen) for tier in offer.tiers]
    )
    return RechargePage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        simulation=settings.simulation,
        home_url=door.url(),
        action=door.url("/recharge"),
        intent="",
        balance_fen=offer.balance_fen,
        cap_fen=offer.cap_fen,
        room_fen=room,
        cap_code="CARD_TOTAL_CAP" if room < min(on_card, most) else "CARD_BALANCE_CAP",
        sums=[
            Sum(pay_fen=pay, bonus_fen=bonus, fits=pay + bonus <= room) for pay, bonus in offered
        ],
        is_any=is_any,
        chosen_fen=0,
        terms_version=terms.version,
        issuer=terms.issuer_name,
        refund_rule=terms.refund_rule,
        terms_url=door.url("/terms"),
        has_agreed=False,
        is_registered=card.registered_at is not None
        or card_cap(settings, registered=True) <= card.cap_fen
        or not deps().gateways.sms.is_ready,
        phone_url=door.url("/phone"),
        held_fen=offer.held_fen - own_held_fen,
        bridge_src=door.visit.bridge_src,
    )


def start(door: Door) -> ResponseReturnValue:
    """One order for this form, and what the wallet's bridge needs."""
    card, place = door.own_card(), place_of(door)
    if is_expired(card, home.today()):
        raise PayProblem("CARD_EXPIRED")
    key = recharge_intents.read(
        deps().ring,
        request.form.get("intent", ""),
        provider_id=card.provider_id,
        card_id=card.id,
        store_id=place.store_id,
        now=deps().now(),
        lives_s=door.visit.settings.form_lives_s,
    )
    version = _version(request.form.get("terms", ""))
    _check_agreed(card, version)
    made = recharging.start_recharge(
        deps(), place, door.payer, card.id, _sum(), terms_version=version, intent_key=key
    )
    return customer.started(door.visit, door.scan.out_mch_id, made)


def _version(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else 0


def _check_agreed(card: MemberCard, version: int) -> None:
    """The box is asked for before the first recharge of a version."""
    if request.form.get("agree") == "1":
        return
    known = select(Recharge.id).where(
        Recharge.provider_id == card.provider_id,
        Recharge.card_id == card.id,
        Recharge.terms_version == version,
    )
    if deps().transact(lambda s: s.scalar(known.limit(1))) is None:
        raise PayProblem("CARD_TERMS_NEEDED", status=400)


def _sum() -> int:
    """A sum that was chosen (in fen), or typed (in yuan). Raises AMOUNT_INVALID."""
    chosen = request.form.get("pay", "")
    if chosen != "other":
        if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 12):
            raise PayProblem("AMOUNT_INVALID", status=400)
        return int(chosen)
    try:
        return fen_from_yuan(request.form.get("other", ""))
    except ValueError as problem:
        raise PayProblem("AMOUNT_INVALID", status=400) from problem
