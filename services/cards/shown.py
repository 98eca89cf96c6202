"""What an order did to a member's card, for the page that shows how the order ended."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import CardSpend, Member, MemberCard, Recharge, RechargeStatus
from models.order import OrderPurpose, PayOrder


@dataclass(frozen=True, slots=True)
class OrderOnCard:
    """`has_no_room`: the recharge came too late to fit and goes back by itself. Sums are fen."""

    is_recharge: bool
    has_no_room: bool
    bonus_fen: int
    balance_fen: int
    person_id: int | None


def of_order(session: Session, order: PayOrder) -> OrderOnCard | None:
    """None for an order that no card has to do with."""
    if order.purpose is OrderPurpose.RECHARGE:
        return _recharge(session, order)
    if order.channel != "balance":
        return None
    spent = session.get(CardSpend, (order.provider_id, order.id))
    if spent is None:
        return None
    balance, person = _holder(session, order.provider_id, spent.card_id)
    return OrderOnCard(False, False, spent.bonus_fen, balance, person)


def _recharge(session: Session, order: PayOrder) -> OrderOnCard | None:
    found = session.scalar(
        select(Recharge).where(
            Recharge.provider_id == order.provider_id, Recharge.order_id == order.id
        )
    )
    if found is None:
        return None
    balance, person = _holder(session, order.provider_id, found.card_id)
    has_no_room = found.status is RechargeStatus.NO_ROOM
    return OrderOnCard(True, has_no_room, found.bonus_fen, balance, person)


def _holder(session: Session, provider_id: int, card_id: int) -> tuple[int, int | None]:
    card = session.get_one(MemberCard, (provider_id, card_id))
    member = session.get_one(Member, (provider_id, card.member_id))
    return card.paid_fen + card.bonus_fen, member.person_id
