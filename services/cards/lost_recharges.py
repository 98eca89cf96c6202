"""Recharges that a restored backup does not hold: the wallet says what was paid and by whom.

A recharge's number ends in a letter of its own, so that the payment alone tells what it was for.
Its payer's card, if the backup has it, is credited like any late success; else a person decides.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.base import Trade
from models.card import (
    CardProgram,
    CardStatus,
    CardTier,
    Member,
    MemberCard,
    Recharge,
    RechargeMode,
    RechargeStatus,
)
from models.event import CaseKind
from models.order import OrderPurpose, PayOrder
from models.person import Person
from services.cards.terms import current_terms
from services.cases import open_case
from services.deps import Deps

MARK = "c"
_NUMBER = re.compile(r"[0-9]{18}" + MARK)  # what follows the prefix


def is_number(after_prefix: str) -> bool:
    """Whether an order's number of our own making is a recharge's."""
    return _NUMBER.fullmatch(after_prefix) is not None


def adopt_in(session: Session, deps: Deps, order: PayOrder, trade: Trade) -> bool:
    """Make an order that is being adopted a recharge of its payer's card, before it is paid.

    What it promised is forgotten: the bonus is that of today's tier. False without a card: it stays
    a payment, and `tell_in` tells a person. The order is locked and new.
    """
    card = _card_of(session, deps, order, trade)
    if card is None:
        return False
    terms = current_terms(session, order.provider_id, order.merchant_id)
    order.purpose, order.person_id = OrderPurpose.RECHARGE, _person_of(session, card)
    session.add(
        Recharge(
            provider_id=order.provider_id,
            merchant_id=order.merchant_id,
            card_id=card.id,
            order_id=order.id,
            status=RechargeStatus.FREED,  # nothing is reserved for it: it is credited if it fits
            paid_fen=order.amount_fen,
            bonus_fen=_bonus(session, card, order.amount_fen),
            terms_version=terms.version if terms else 0,
            accepted_at=order.created_at,
            created_at=order.created_at,
        )
    )
    session.flush()
    return True


def tell_in(session: Session, order: PayOrder, now: datetime) -> None:
    """A recharge has no card here: somebody credits one by hand, or gives the money back."""
    open_case(
        session,
        provider_id=order.provider_id,
        kind=CaseKind.UNKNOWN_TRADE,
        out_trade_no=order.out_trade_no,
        order_id=order.id,
        at=now,
        facts={
            "why": "a recharge whose card is not known here: credit it by hand, or refund it",
            "amount_fen": order.amount_fen,
        },
    )


def _card_of(session: Session, deps: Deps, order: PayOrder, trade: Trade) -> MemberCard | None:
    if trade.payer is None or trade.app is None:
        return None
    subject = deps.ring.blind(f"{trade.channel}:{trade.app}:{trade.payer}", "person")
    return session.scalar(
        select(MemberCard)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .join(
            Person,
            (Person.provider_id == Member.provider_id) & (Person.id == Member.person_id),
        )
        .where(
            MemberCard.provider_id == order.provider_id,
            MemberCard.merchant_id == order.merchant_id,
            MemberCard.status == CardStatus.ACTIVE,
            Person.subject_hash == subject,
        )
        .order_by(MemberCard.id.desc())
        .limit(1)
    )


def _person_of(session: Session, card: MemberCard) -> int | None:
    return session.get_one(Member, (card.provider_id, card.member_id)).person_id


def _bonus(session: Session, card: MemberCard, pay_fen: int) -> int:
    program = session.get_one(CardProgram, (card.provider_id, card.program_id))
    if program.mode is not RechargeMode.FIXED:
        return 0
    found = session.scalar(
        select(CardTier.bonus_fen).where(
            CardTier.provider_id == card.provider_id,
            CardTier.program_id == program.id,
            CardTier.pay_fen == pay_fen,
            CardTier.is_active,
        )
    )
    return found or 0
