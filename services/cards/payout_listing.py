"""Payouts for people: with their parts, their day and whether it is over."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import MemberCard
from models.payout import OPEN_PAYOUTS, CardPayout, CardPayoutPart
from models.refund import Refund
from services.bills.days import china_date
from services.cards.payout_parts import find, parts_of
from services.deps import Deps

MOST = 200


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part, and the number and state of its refund where it is one."""

    part: CardPayoutPart
    out_refund_no: str = ""
    refund_status: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A payout as people see it."""

    payout: CardPayout
    card_number: str
    parts: tuple[PartLine, ...]
    is_overdue: bool


def read(deps: Deps, provider_id: int, payout_id: int) -> Line:
    """One payout. Raises PayoutUnknown."""
    return deps.transact(lambda s: _line(s, deps, find(s, provider_id, payout_id)))


def newest(
    deps: Deps, provider_id: int, merchant_id: int, *, everything: bool = False
) -> list[Line]:
    """A merchant's payouts, newest first; those that are over only if wanted."""

    def unit(session: Session) -> list[Line]:
        wanted = select(CardPayout).where(
            CardPayout.provider_id == provider_id, CardPayout.merchant_id == merchant_id
        )
        if not everything:
            wanted = wanted.where(CardPayout.status.in_(OPEN_PAYOUTS))
        rows = session.scalars(wanted.order_by(CardPayout.id.desc()).limit(MOST))
        return [_line(session, deps, row) for row in rows]

    return deps.transact(unit)


def of_card(session: Session, deps: Deps, card: MemberCard) -> list[Line]:
    """A card's payouts, newest first: what its member sees."""
    wanted = select(CardPayout).where(
        CardPayout.provider_id == card.provider_id, CardPayout.card_id == card.id
    )
    rows = session.scalars(wanted.order_by(CardPayout.id.desc()).limit(MOST))
    return [_line(session, deps, row) for row in rows]


def _line(session: Session, deps: Deps, payout: CardPayout) -> Line:
    card = session.get_one(MemberCard, (payout.provider_id, payout.card_id))
    is_overdue = payout.due_at is not None and china_date(deps.now()) > payout.due_on
    parts = tuple(_part(session, part) for part in parts_of(session, payout))
    return Line(payout, card.number, parts, is_overdue)


def _part(session: Session, part: CardPayoutPart) -> PartLine:
    if part.refund_id is None:
        return PartLine(part)
    refund = session.get_one(Refund, (part.provider_id, part.refund_id))
    return PartLine(part, refund.out_refund_no, refund.status.value)
