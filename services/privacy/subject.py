"""One person as all our tables know him: the identity, memberships, roles in shops."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from errors import NotFound
from models.card import Member, MemberCard
from models.merchant import Staff
from models.order import PayAttempt
from models.people import ProviderAdmin
from models.person import Person


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data it is. Without `person_id`: a membership taken over from an older system, known
    by its phone alone. A person who uses two wallets is two."""

    provider_id: int
    person_id: int | None
    member_ids: tuple[int, ...]
    staff_ids: tuple[int, ...] = ()
    admin_ids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """As audit entries and commands name it."""
        if self.person_id is not None:
            return f"person:{self.person_id}"
        return f"member:{self.member_ids[0]}"


def by_name(session: Session, name: str) -> Subject:
    """By `42` or `person:42`, the person's id; by `member:7`, a membership's. Raises NotFound."""
    kind, _, typed = name.rpartition(":")
    if not (typed.isascii() and typed.isdigit() and len(typed) < 19):
        raise NotFound(f"{name} is no id: give a person's, or member:<id>")
    if kind in ("", "person"):
        person = session.scalar(select(Person).where(Person.id == int(typed)))
        if person is not None:
            return of_person(session, person.provider_id, person.id)
    if kind == "member":
        member = session.scalar(select(Member).where(Member.id == int(typed)))
        if member is not None:
            return of_member(session, member)
    raise NotFound(f"nobody is known as {name}")


def by_number(session: Session, number: str) -> Subject:
    """By a number on the payer's bill, ours or the wallet's, or a card's. Raises NotFound."""
    attempt = session.scalar(
        select(PayAttempt)
        .where(or_(PayAttempt.out_trade_no == number, PayAttempt.transaction_id == number))
        .order_by(PayAttempt.id)
        .limit(1)
    )
    if attempt is not None and attempt.person_id is not None:
        return of_person(session, attempt.provider_id, attempt.person_id)
    bare = "".join(number.split())
    card = session.scalar(select(MemberCard).where(MemberCard.number == bare).limit(1))
    if card is None:
        raise NotFound(f"no payer is known for {number}")
    return of_member(session, session.get_one(Member, (card.provider_id, card.member_id)))


def of_member(session: Session, member: Member) -> Subject:
    if member.person_id is not None:
        return of_person(session, member.provider_id, member.person_id)
    return Subject(member.provider_id, None, (member.id,))


def of_person(session: Session, provider_id: int, person_id: int) -> Subject:
    def ids(table: type[Member] | type[Staff] | type[ProviderAdmin]) -> tuple[int, ...]:
        wanted = select(table.id).where(
            table.provider_id == provider_id, table.person_id == person_id
        )
        return tuple(session.scalars(wanted.order_by(table.id)))

    return Subject(provider_id, person_id, ids(Member), ids(Staff), ids(ProviderAdmin))
