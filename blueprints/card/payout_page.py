"""Giving unused money back: what would go back and how, asking for it, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.card.door import Door, see
from models.card import CardStatus, CardTerms, MemberCard, Recharge
from models.payout import OPEN_PAYOUTS, PartStatus, PartWay, PayoutGround, PayoutStatus
from services.cards import payout_listing, payouts
from services.cards.adjusting import REASON_MOST
from services.cards.payout_begin import Wish, quote
from services.cards.payout_listing import Line
from services.cards.payout_plan import Part
from services.cards.payout_problems import PayoutUnknown
from services.cards.terms import current_terms
from services.problems import PayProblem
from web import customer
from web.card_pages import PayoutOffer, PayoutPage, PayoutView, WayView
from web.formats import local_short, to_local
from web.runtime import deps


@dataclass(frozen=True)
class Found:
    """The card's newest payout with what it is to give back, and what could be asked for."""

    line: Line | None
    planned: list[Part]
    offers: dict[PayoutGround, list[Part]]
    recharges: dict[int, Recharge]
    terms: CardTerms | None


def show(door: Door) -> ResponseReturnValue:
    card = _card(door)
    found = deps().transact(lambda s: _read(s, card))
    wanted = PayoutGround.TERMS if request.args.get("by") == "terms" else PayoutGround.COOLING
    return _page(door, card, found, Wish(_ground(found, wanted)))


def ask(door: Door) -> ResponseReturnValue:
    """First shown as it would be, then done; what has changed meanwhile is shown once more."""
    door.check_token()
    card = door.own_card()
    wish = _wish()
    found = deps().transact(lambda s: _read(s, card))
    parts = found.offers.get(wish.ground, [])
    if not parts:  # under way by now, or nothing left: the page says which
        return see(door.url("/payout"))
    was_shown = request.form.get("sure") == "1"
    is_same = request.form.get("sum") == str(_sum(parts))
    if not (was_shown and is_same):
        return _page(door, card, found, wish, is_sure=True, has_changed=was_shown)
    payouts.ask(deps(), card.provider_id, card.id, wish, actor=f"member:{card.member_id}")
    return see(door.url("/payout"))


def cancel(door: Door) -> ResponseReturnValue:
    """As long as nobody has decided about it."""
    door.check_token()
    card = door.own_card()
    line = deps().transact(lambda s: payout_listing.newest_of_card(s, deps(), card))
    if line is None or request.form.get("payout") != str(line.payout.id):
        raise PayoutUnknown()
    actor = f"member:{card.member_id}"
    payouts.cancel(deps(), card.provider_id, line.payout.id, actor=actor, only_asked=True)
    return see(door.url("/payout"))


def _card(door: Door) -> MemberCard:
    """The card, or the one that the last payout closed."""
    if door.card is not None:
        return door.card
    place = (door.scan.provider_id, door.scan.merchant_id, door.payer.person_id)
    found = deps().transact(lambda s: payout_listing.closed_card(s, *place))
    if found is None:
        raise PayProblem("CARD_NONE", status=404)
    return found


def _wish() -> Wish:
    is_cooling = request.form.get("by") == "cooling"
    reason = "".join(c for c in request.form.get("reason", "") if c.isprintable()).strip()
    return Wish(
        PayoutGround.COOLING if is_cooling else PayoutGround.TERMS,
        request.form.get("close") == "1",
        reason[:REASON_MOST],
    )


def _read(session: Session, card: MemberCard) -> Found:
    line = payout_listing.newest_of_card(session, deps(), card)
    planned: list[Part] = []
    offers: dict[PayoutGround, list[Part]] = {}
    if line is not None and line.payout.status in OPEN_PAYOUTS:
        if line.payout.status in (PayoutStatus.ASKED, PayoutStatus.ALLOWED):
            planned = payout_listing.planned(session, deps(), card, line.payout)
    elif card.status is not CardStatus.CLOSED:
        offers = {one: quote(session, deps(), card, Wish(one)) for one in PayoutGround}
    ids = {part.recharge.recharge_id for part in planned if part.recharge}
    ids |= {part.recharge.recharge_id for each in offers.values() for part in each if part.recharge}
    ids |= {one.part.recharge_id for one in line.parts if one.part.recharge_id} if line else set()
    return Found(
        line,
        planned,
        offers,
        payout_listing.recharges(session, card.provider_id, ids),
        current_terms(session, card.provider_id, card.merchant_id),
    )


def _ground(found: Found, wanted: PayoutGround) -> PayoutGround:
    """Without a reason where that gives anything back."""
    return wanted if found.offers.get(wanted) else PayoutGround.TERMS


def _page(
    door: Door,
    card: MemberCard,
    found: Found,
    wish: Wish,
    *,
    is_sure: bool = False,
    has_changed: bool = False,
) -> ResponseReturnValue:
    shown = PayoutPage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit) if request.method == "GET" else None,
        shop=door.scan.short_name or door.scan.merchant_name,
        simulation=door.visit.settings.simulation,
        home_url=door.url("/payout") if is_sure else door.url(),
        token=door.token,
        paid_fen=card.paid_fen,
        bonus_fen=card.bonus_fen,
        cooling_days=deps().settings.card_cooling_days,
        action=door.url("/payout"),
        cancel_action=door.url("/payout/cancel"),
        terms_url=door.url("/terms"),
        contact=found.terms.contact if found.terms else "",
        refund_rule=found.terms.refund_rule if found.terms else "",
        payout=_payout_view(card, found) if not is_sure else None,
        offer=_offer(door, found, wish.ground),
        is_sure=is_sure,
        has_changed=has_changed,
        closes_card=wish.closes_card,
        reason=wish.reason,
    )
    return customer.page("card/payout.html", shown)


def _sum(parts: Sequence[Part]) -> int:
    return sum(part.amount_fen for part in parts)


def _offer(door: Door, found: Found, ground: PayoutGround) -> PayoutOffer | None:
    parts = found.offers.get(ground, [])
    if not parts:
        return None
    is_cooling = ground is PayoutGround.COOLING
    other = PayoutGround.TERMS if is_cooling else PayoutGround.COOLING
    other_fen = _sum(found.offers[other])
    is_worth_it = other_fen > _sum(parts) if is_cooling else other_fen > 0
    return PayoutOffer(
        is_cooling=is_cooling,
        amount_fen=_sum(parts),
        bonus_fen=sum(part.bonus_fen for part in parts),
        deducted_fen=sum(part.deducted_fen for part in parts),
        ways=[_planned_way(part, found) for part in parts],
        other_url=door.url("/payout", by="terms" if is_cooling else None),
        other_fen=other_fen if is_worth_it else 0,
    )


def _planned_way(part: Part, found: Found) -> WayView:
    recharge_id = part.recharge.recharge_id if part.recharge else None
    return _way(part.way, part.amount_fen, recharge_id, found)


def _way(
    way: PartWay,
    amount_fen: int,
    recharge_id: int | None,
    found: Found,
    state: str = "",
    by: str = "",
) -> WayView:
    recharge = found.recharges.get(recharge_id) if recharge_id is not None else None
    at = recharge.settled_at if recharge is not None else None
    return WayView(
        is_wallet=way is PartWay.WALLET,
        amount_fen=amount_fen,
        recharged_on=to_local(at).date().isoformat() if at else "",
        recharge_fen=recharge.paid_fen if recharge else 0,
        state=state,
        by=by,
    )


def _payout_view(card: MemberCard, found: Found) -> PayoutView | None:
    line = found.line
    if line is None:
        return None
    one, parts = line.payout, [each.part for each in line.parts]
    kept = sum(part.amount_fen for part in parts if part.status is PartStatus.KEPT)
    is_planned = one.status in (PayoutStatus.ASKED, PayoutStatus.ALLOWED)
    going = sum(part.amount_fen for part in parts) - kept
    return PayoutView(
        status=one.status.value,
        number=str(one.id),
        is_cooling=one.ground is PayoutGround.COOLING,
        asked_at=local_short(one.asked_at, deps().now()),
        due_on=one.due_on,
        is_overdue=line.is_overdue,
        amount_fen=_sum(found.planned) if is_planned else going,
        kept_fen=kept,
        refusal=one.refusal,
        is_card_closed=card.status is CardStatus.CLOSED,
        ways=[_planned_way(part, found) for part in found.planned]
        if is_planned
        else [
            _way(
                part.way,
                part.amount_fen,
                part.recharge_id,
                found,
                part.status.value,
                " ".join(word for word in (part.how, part.reference) if word),
            )
            for part in parts
        ],
    )
