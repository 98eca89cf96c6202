"""Asking for a member's money on his behalf: first shown, then asked for."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.members import HOME, find, spaced, staff
from blueprints.merchant.payouts import PAYOUTS, planned_rows, recharges, who
from models.card import CardStatus, Member, MemberCard
from models.payout import PayoutGround
from services.cards import payout_listing, payout_rights
from services.cards.adjusting import REASON_MOST
from services.cards.member_problems import CardUnknown
from services.cards.payout_begin import Wish, quote
from services.cards.payout_plan import Part
from web.runtime import deps


def form(public_id: str) -> ResponseReturnValue:
    """The request under way, where the card has one."""
    card, member = _holder(public_id)
    under_way = deps().transact(lambda s: payout_listing.newest_of_card(s, deps(), card))
    if under_way is not None and under_way.payout.due_at is not None:
        return answers.see(f"{PAYOUTS}/{under_way.payout.id}")
    return _page(card, member, Wish(PayoutGround.COOLING))


def ask(public_id: str) -> ResponseReturnValue:
    """Twice the same is one request; another sum than was shown is shown once more."""
    answers.check_token()
    card, member = _holder(public_id)
    reason = "".join(c for c in request.form.get("reason", "") if c.isprintable()).strip()
    ground = PayoutGround.COOLING if request.form.get("by") == "cooling" else PayoutGround.TERMS
    wish = Wish(ground, request.form.get("close") == "1", reason[:REASON_MOST])
    was_shown = request.form.get("sure") == "1"
    parts = deps().transact(lambda s: quote(s, deps(), card, wish))
    if not was_shown or request.form.get("sum") != str(_sum(parts)):
        return _page(card, member, wish, sure=bool(parts), has_changed=was_shown)
    made = payout_rights.ask_as_staff(deps(), staff().provider_id, staff().public_id, card.id, wish)
    return answers.see(f"{PAYOUTS}/{made}?done=asked")


def _holder(public_id: str) -> tuple[MemberCard, Member]:
    card, member = deps().transact(lambda s: find(s, staff(), public_id))
    if card.status is CardStatus.CLOSED:
        raise CardUnknown()
    return card, member


def _sum(parts: list[Part]) -> int:
    return sum(part.amount_fen for part in parts)


def _page(card: MemberCard, member: Member, wish: Wish, **shown: Any) -> ResponseReturnValue:
    offers, known = deps().transact(lambda s: _offers(s, card))
    return answers.page(
        "merchant/payout_ask.html",
        title="退余额",
        back_url=f"{HOME}/{card.public_id}",
        action=f"{HOME}/{card.public_id}/payout",
        who=who(card, member),
        number=spaced(card.number),
        card=card,
        days=deps().settings.card_cooling_days,
        offers=[
            {
                "by": ground.value,
                "is_cooling": ground is PayoutGround.COOLING,
                "fen": _sum(parts),
                "rows": planned_rows(parts, known),
            }
            for ground, parts in offers.items()
            if parts and (not shown.get("sure") or ground is wish.ground)
        ],
        wish=wish,
        **shown,
    )


def _offers(
    session: Session, card: MemberCard
) -> tuple[dict[PayoutGround, list[Part]], dict[int, Any]]:
    offers = {ground: quote(session, deps(), card, Wish(ground)) for ground in PayoutGround}
    ids = {part.recharge.recharge_id for each in offers.values() for part in each if part.recharge}
    return offers, recharges(session, ids)
