"""Forgetting a payer: the identity goes, orders, cards and audit stay."""

from __future__ import annotations

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.card import Member, MemberCard
from models.order import PayAttempt
from models.person import Person
from services import audit
from services.cards import members
from services.deps import Deps

_END_SESSIONS = text(
    "UPDATE web_session SET revoked_at = :now WHERE provider_id = :p"
    " AND (wechat_person_id = :i OR alipay_person_id = :i) AND revoked_at IS NULL"
)


def erase_payer(deps: Deps, number: str, *, actor: str) -> None:
    """By a number on the payer's bill (ours, or the wallet's), or by a member card's number. A
    second call changes nothing.

    Empties the sealed openid, phones and names, and ends the browser sessions. The keyed hash of
    the openid stays, so that the same person's next payment makes no second row, and a card stays
    that person's. A member without a payer, taken over from an older system, loses the phone by
    which the card could be claimed: what it holds is then given back by hand.
    """

    def unit(session: Session) -> None:
        now = deps.now()
        provider_id, person_id, member_ids = _whom(session, number)
        person = None
        if person_id is not None:
            person = session.get_one(Person, (provider_id, person_id), with_for_update=True)
        forgotten = members.forget(session, deps, provider_id, member_ids)
        if not forgotten and (person is None or person.sealed is None):
            return
        if person is not None:
            person.sealed, person.erased_at = None, now
            session.execute(_END_SESSIONS, {"now": now, "p": provider_id, "i": person.id})
        session.flush()
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="payer_erased",
            subject=f"person:{person_id}" if person_id is not None else f"member:{member_ids[0]}",
            at=now,
            members=forgotten,
        )

    deps.transact(unit)


def _whom(session: Session, number: str) -> tuple[int, int | None, list[int]]:
    """(provider, person, the members who are that person). Raises NotFound."""
    attempt = session.scalar(
        select(PayAttempt).where(
            or_(PayAttempt.out_trade_no == number, PayAttempt.transaction_id == number)
        )
    )
    if attempt is not None and attempt.person_id is not None:
        provider_id, person_id = attempt.provider_id, attempt.person_id
        return provider_id, person_id, _members(session, provider_id, person_id)
    card = session.scalar(select(MemberCard).where(MemberCard.number == number))
    if card is None:
        raise NotFound(f"no payer is known for {number}")
    member = session.get_one(Member, (card.provider_id, card.member_id))
    if member.person_id is None:
        return card.provider_id, None, [member.id]
    of_person = _members(session, card.provider_id, member.person_id)
    return card.provider_id, member.person_id, of_person


def _members(session: Session, provider_id: int, person_id: int) -> list[int]:
    found = session.scalars(
        select(Member.id)
        .where(Member.provider_id == provider_id, Member.person_id == person_id)
        .order_by(Member.id)
    )
    return list(found)
