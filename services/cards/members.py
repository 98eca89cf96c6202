"""Members and their cards: claiming one, finding one, showing one without showing the person."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.card import CardProgram, CardStatus, Member, MemberCard, ProgramStatus
from models.merchant import Merchant
from models.person import Person
from services import audit
from services.bills.days import china_date
from services.cards import people
from services.cards.caps import card_cap
from services.cards.member_problems import CardUnknown, NotOffered, PhoneInvalid, WechatOnly
from services.cards.programs import live_program
from services.deps import Deps
from services.ledger import lock_card
from services.numbers import new_public_id

NUMBER_DIGITS = 12
MOST_FOUND = 50


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member as a merchant's people see one. `phone` and `name` are masked."""

    card_id: int
    public_id: str
    number: str
    status: CardStatus
    phone: str
    name: str
    paid_fen: int
    bonus_fen: int
    cap_fen: int
    is_registered: bool
    expires_on: date | None
    claimed_at: datetime | None

    @property
    def balance_fen(self) -> int:
        return self.paid_fen + self.bonus_fen


def find_card(
    session: Session, provider_id: int, merchant_id: int, person_id: int
) -> MemberCard | None:
    """The person's card of the merchant's present program; None before claiming, or when its rest
    was given back."""
    return session.scalar(
        select(MemberCard)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .join(
            CardProgram,
            (CardProgram.provider_id == MemberCard.provider_id)
            & (CardProgram.id == MemberCard.program_id),
        )
        .where(
            Member.provider_id == provider_id,
            Member.merchant_id == merchant_id,
            Member.person_id == person_id,
            MemberCard.status == CardStatus.ACTIVE,
            CardProgram.status != ProgramStatus.DELETED,
        )
    )


def claim(deps: Deps, provider_id: int, merchant_id: int, person_id: int) -> int:
    """The person's card, made now if there was none; the same again gives the same card.

    A new card is not registered: it has the lower cap and an end, until its phone is confirmed.
    Raises NotOffered (no card, or suspended), WechatOnly.
    """

    def unit(session: Session) -> int:
        found = find_card(session, provider_id, merchant_id, person_id)
        if found is not None:
            return found.id
        program = live_program(session, provider_id, merchant_id)
        merchant = session.get(Merchant, (provider_id, merchant_id))
        if program is None or program.status is not ProgramStatus.APPROVED:
            raise NotOffered()
        if merchant is None or not merchant.is_active:
            raise NotOffered()
        if session.get_one(Person, (provider_id, person_id)).channel != "wechat":
            raise WechatOnly()
        member_id = _member_of(session, deps, provider_id, merchant_id, person_id)
        return _card_of(session, deps, program, member_id)

    return deps.transact(unit)


_MEMBER = text("""
INSERT INTO member (provider_id, merchant_id, person_id, created_at) VALUES (:p, :m, :person, :now)
ON CONFLICT (provider_id, merchant_id, person_id) DO UPDATE SET erased_at = NULL RETURNING id
""")


def _member_of(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, person_id: int
) -> int:
    """The row stays locked: two taps at once make one card."""
    values = {"p": provider_id, "m": merchant_id, "person": person_id, "now": deps.now()}
    found = session.scalar(_MEMBER, values)
    assert found is not None
    return int(found)


def _card_of(session: Session, deps: Deps, program: CardProgram, member_id: int) -> int:
    now = deps.now()
    card = session.scalar(
        select(MemberCard).where(
            MemberCard.provider_id == program.provider_id,
            MemberCard.program_id == program.id,
            MemberCard.member_id == member_id,
        )
    )
    if card is not None and card.status is CardStatus.ACTIVE:
        return card.id
    action = "card_claimed" if card is None else "card_opened_again"
    if card is None:
        card = MemberCard(
            provider_id=program.provider_id,
            merchant_id=program.merchant_id,
            program_id=program.id,
            member_id=member_id,
            public_id=new_public_id(),
            number=free_numbers(session, program.provider_id, 1)[0],
            cap_fen=card_cap(deps.settings, registered=False),
            created_at=now,
            expires_on=unregistered_until(deps, now),
            moved_at=now,
        )
        session.add(card)
    else:
        card = lock_card(session, program.provider_id, card.id)
    card.status, card.claimed_at = CardStatus.ACTIVE, now
    session.flush()
    audit.record(
        session,
        provider_id=program.provider_id,
        actor=f"member:{member_id}",
        action=action,
        subject=f"card:{card.number}",
        at=now,
    )
    return card.id


def unregistered_until(deps: Deps, now: datetime) -> date:
    """The last day of a card without a confirmed phone: at least three years on."""
    today, years = china_date(now), deps.settings.card_unregistered_years
    if (today.month, today.day) == (2, 29):
        today += timedelta(days=1)
    return today.replace(year=today.year + years)


def free_numbers(session: Session, provider_id: int, count: int) -> list[str]:
    """Card numbers that nobody has: eleven random digits and a check digit."""
    found: list[str] = []
    while len(found) < count:
        fresh = {_number() for _ in range(count - len(found))} - set(found)
        taken = session.scalars(
            select(MemberCard.number).where(
                MemberCard.provider_id == provider_id, MemberCard.number.in_(sorted(fresh))
            )
        )
        found += sorted(fresh - set(taken))
    return found


def _number() -> str:
    body = str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 2)) + 10 ** (NUMBER_DIGITS - 2))
    return body + str(check_digit(body))


def check_digit(body: str) -> int:
    """Luhn's: a digit read out wrongly, or two swapped, is noticed."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def by_number(session: Session, provider_id: int, number: str) -> MemberCard:
    """By what people read out, blanks allowed. Raises CardUnknown."""
    bare = "".join(number.split())
    found = session.scalar(
        select(MemberCard).where(MemberCard.provider_id == provider_id, MemberCard.number == bare)
    )
    if found is None:
        raise CardUnknown()
    return found


def search(deps: Deps, provider_id: int, merchant_id: int, wanted: str) -> list[MemberLine]:
    """Members by whole phone, whole name or card number: what is sealed is found by no part of it.

    Members that were taken over show only once they claimed their card (product CARD-13).
    """

    def unit(session: Session) -> list[MemberLine]:
        rows = session.execute(
            _members(provider_id, merchant_id)
            .where(_matches(deps, provider_id, merchant_id, wanted))
            .order_by(MemberCard.id.desc())
            .limit(MOST_FOUND)
        )
        return [line(deps, card, member) for card, member in rows]

    return deps.transact(unit)


def newest(
    deps: Deps, provider_id: int, merchant_id: int, *, before_id: int | None = None, most: int = 20
) -> list[MemberLine]:
    """The merchant's members, newest card first; `before_id` goes on where a page ended."""

    def unit(session: Session) -> list[MemberLine]:
        wanted = _members(provider_id, merchant_id).order_by(MemberCard.id.desc()).limit(most)
        if before_id is not None:
            wanted = wanted.where(MemberCard.id < before_id)
        return [line(deps, card, member) for card, member in session.execute(wanted)]

    return deps.transact(unit)


def line(deps: Deps, card: MemberCard, member: Member) -> MemberLine:
    phone, name = people.phone_of(deps, member), people.name_of(deps, member)
    return MemberLine(
        card_id=card.id,
        public_id=card.public_id,
        number=card.number,
        status=card.status,
        phone=people.mask_phone(phone) if phone else "",
        name=people.mask_name(name) if name else "",
        paid_fen=card.paid_fen,
        bonus_fen=card.bonus_fen,
        cap_fen=card.cap_fen,
        is_registered=card.registered_at is not None,
        expires_on=card.expires_on,
        claimed_at=card.claimed_at,
    )


def _members(provider_id: int, merchant_id: int):  # type: ignore[no-untyped-def]
    return (
        select(MemberCard, Member)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .where(
            MemberCard.provider_id == provider_id,
            MemberCard.merchant_id == merchant_id,
            MemberCard.claimed_at.is_not(None),
        )
    )


def _matches(deps: Deps, provider_id: int, merchant_id: int, wanted: str):  # type: ignore[no-untyped-def]
    bare = "".join(wanted.split())
    try:
        phone = people.clean_phone(bare)
    except PhoneInvalid:
        if bare.isdecimal():
            return MemberCard.number == bare
        return Member.name_hash == people.name_hash(deps, provider_id, merchant_id, wanted.strip())
    return Member.phone_hash == people.phone_hash(deps, provider_id, merchant_id, phone)


def forget(session: Session, deps: Deps, provider_id: int, member_ids: Iterable[int]) -> int:
    """Empty what is known of these members; what they are owed stays theirs. How many had
    something to forget.

    The tie to the payer stays, as the payer's own row does: the same WeChat opens the same card.
    """
    count = 0
    for member_id in sorted(member_ids):
        member = session.get_one(Member, (provider_id, member_id), with_for_update=True)
        known = (member.phone_sealed, member.phone_hash, member.name_sealed, member.name_hash)
        if known == (None, None, None, None):
            continue
        member.phone_hash = member.phone_sealed = None
        member.name_hash = member.name_sealed = None
        member.erased_at = deps.now()
        count += 1
    session.flush()
    return count
