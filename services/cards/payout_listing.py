"""Payouts for people: with their parts, their day and whether it is over."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import CardStatus, Member, MemberCard, Recharge
from models.order import PayOrder
from models.payout import OPEN_PAYOUTS, CardPayout, CardPayoutPart, PayoutStatus
from models.refund import Refund
from services.bills.days import china_date
from services.cards.payout_begin import Wish, quote
from services.cards.payout_parts import find, parts_of
from services.cards.payout_plan import Part
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
    return deps.transact(lambda s: line(s, deps, find(s, provider_id, payout_id)))


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
        return [line(session, deps, row) for row in rows]

    return deps.transact(unit)


def open_ones(session: Session, deps: Deps, provider_id: int, merchant_id: int) -> list[Line]:
    """A merchant's payouts under way, the most urgent first."""
    wanted = select(CardPayout).where(
        CardPayout.provider_id == provider_id,
        CardPayout.merchant_id == merchant_id,
        CardPayout.status.in_(OPEN_PAYOUTS),
    )
    rows = session.scalars(wanted.order_by(CardPayout.due_on, CardPayout.id).limit(MOST))
    return [line(session, deps, row) for row in rows]


def ended_ones(
    session: Session,
    deps: Deps,
    provider_id: int,
    merchant_id: int,
    *,
    before_id: int | None = None,
    most: int = 20,
) -> list[Line]:
    """Those that are over, newest first."""
    wanted = select(CardPayout).where(
        CardPayout.provider_id == provider_id,
        CardPayout.merchant_id == merchant_id,
        CardPayout.status.not_in(OPEN_PAYOUTS),
    )
    if before_id is not None:
        wanted = wanted.where(CardPayout.id < before_id)
    rows = session.scalars(wanted.order_by(CardPayout.id.desc()).limit(most))
    return [line(session, deps, row) for row in rows]


def of_card(session: Session, deps: Deps, card: MemberCard) -> list[Line]:
    """A card's payouts, newest first: what its member sees."""
    wanted = select(CardPayout).where(
        CardPayout.provider_id == card.provider_id, CardPayout.card_id == card.id
    )
    rows = session.scalars(wanted.order_by(CardPayout.id.desc()).limit(MOST))
    return [line(session, deps, row) for row in rows]


def newest_of_card(session: Session, deps: Deps, card: MemberCard) -> Line | None:
    """The one that a member looks at: a card has one open at a time, and it is the newest."""
    row = session.scalar(
        select(CardPayout)
        .where(CardPayout.provider_id == card.provider_id, CardPayout.card_id == card.id)
        .order_by(CardPayout.id.desc())
        .limit(1)
    )
    return None if row is None else line(session, deps, row)


def open_status(session: Session, card: MemberCard) -> PayoutStatus | None:
    """Of the card's payout under way."""
    return session.scalar(
        select(CardPayout.status).where(
            CardPayout.provider_id == card.provider_id,
            CardPayout.card_id == card.id,
            CardPayout.status.in_(OPEN_PAYOUTS),
        )
    )


def closed_card(
    session: Session, provider_id: int, merchant_id: int, person_id: int
) -> MemberCard | None:
    """The person's newest card that a payout closed: its member may still look at that payout."""
    return session.scalar(
        select(MemberCard)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .join(
            CardPayout,
            (CardPayout.provider_id == MemberCard.provider_id)
            & (CardPayout.card_id == MemberCard.id),
        )
        .where(
            Member.provider_id == provider_id,
            Member.merchant_id == merchant_id,
            Member.person_id == person_id,
            MemberCard.status == CardStatus.CLOSED,
        )
        .order_by(CardPayout.id.desc())
        .limit(1)
    )


def recharges(session: Session, provider_id: int, ids: set[int]) -> dict[int, Recharge]:
    """By id: when and how much, for people."""
    wanted = select(Recharge).where(Recharge.provider_id == provider_id, Recharge.id.in_(ids))
    return {row.id: row for row in session.scalars(wanted)} if ids else {}


def planned(session: Session, deps: Deps, card: MemberCard, payout: CardPayout) -> list[Part]:
    """What an undecided payout would give back now: nothing of it has left the card yet."""
    number = None
    if payout.recharge_id is not None:
        recharge = session.get_one(Recharge, (payout.provider_id, payout.recharge_id))
        order = session.get_one(PayOrder, (payout.provider_id, recharge.order_id))
        number = order.out_trade_no
    return quote(session, deps, card, Wish(payout.ground, out_trade_no=number))


def line(session: Session, deps: Deps, payout: CardPayout) -> Line:
    card = session.get_one(MemberCard, (payout.provider_id, payout.card_id))
    is_overdue = payout.due_at is not None and china_date(deps.now()) > payout.due_on
    parts = tuple(_part(session, part) for part in parts_of(session, payout))
    return Line(payout, card.number, parts, is_overdue)


def _part(session: Session, part: CardPayoutPart) -> PartLine:
    if part.refund_id is None:
        return PartLine(part)
    refund = session.get_one(Refund, (part.provider_id, part.refund_id))
    return PartLine(part, refund.out_refund_no, refund.status.value)
