"""What one person may buy of prepaid value: a single purchase, and all purchases together.

The figures are the deployer's settings (`docs/compliance.md` has their sources). Whoever wants
more is sent to the shop, which registers the buyer: nothing here can be split around.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.settings import Settings
from models.card import MemberCard
from services.problems import PayProblem


def check_purchase(settings: Settings, pay_fen: int) -> None:
    """Raises CARD_PURCHASE_LIMIT for a single purchase of the limit or more."""
    limit = settings.card_purchase_limit_fen
    if pay_fen >= limit:
        raise PayProblem("CARD_PURCHASE_LIMIT", status=400, max_fen=limit)


_BOUGHT = text("""
SELECT COALESCE(sum(r.paid_fen - r.taken_paid_fen), 0) FROM recharge r
JOIN member_card c ON c.provider_id = r.provider_id AND c.id = r.card_id
WHERE c.provider_id = :p AND c.member_id = :member AND r.status IN ('held', 'credited')
    AND r.created_at > :since AND r.order_id <> :order
""")


def bought_fen(
    session: Session, settings: Settings, card: MemberCard, now: datetime, *, but_order: int = 0
) -> int:
    """What the card's member has bought within the days that count, recharges under way included
    and what went back left out."""
    bought = session.scalar(
        _BOUGHT,
        {
            "p": card.provider_id,
            "member": card.member_id,
            "since": now - timedelta(days=settings.card_person_limit_days),
            "order": but_order,
        },
    )
    return int(bought or 0)


def check_person(
    session: Session,
    settings: Settings,
    card: MemberCard,
    pay_fen: int,
    now: datetime,
    *,
    order_id: int,
) -> None:
    """Raises CARD_PERSON_LIMIT where this purchase brings the person to the limit. Call under the
    card's lock: two at once would both be below it."""
    bought = bought_fen(session, settings, card, now, but_order=order_id)
    if bought + pay_fen >= settings.card_person_limit_fen:
        raise PayProblem(
            "CARD_PERSON_LIMIT",
            max_fen=settings.card_person_limit_fen,
            days=settings.card_person_limit_days,
        )
