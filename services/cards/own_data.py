"""What a member told us about himself, as he sees it, and how he takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.card import CardStatus, Member, MemberCard
from models.consent import ConsentKind
from services import audit, ledger
from services.cards import people
from services.cards.caps import card_cap
from services.cards.member_problems import CardUnknown, NameInvalid
from services.cards.members import unregistered_until
from services.deps import Deps
from services.privacy import consents
from services.privacy.consents import Agreed


@dataclass(frozen=True, slots=True)
class OwnData:
    """Masked: whoever holds the phone now need not be who typed it."""

    phone: str = ""
    name: str = ""
    phone_agreed_at: datetime | None = None
    name_agreed_at: datetime | None = None


def read(session: Session, deps: Deps, card: MemberCard) -> OwnData:
    """What is kept of the card's member with a confirmed phone or a name."""
    member = session.get_one(Member, (card.provider_id, card.member_id))
    phone = people.phone_of(deps, member) if member.phone_confirmed_at is not None else None
    name = people.name_of(deps, member)

    def agreed(kind: ConsentKind) -> datetime | None:
        place = (member.provider_id, member.merchant_id, member.person_id or 0)
        found = consents.live(session, *place, kind)
        return found.given_at if found is not None else None

    return OwnData(
        people.mask_phone(phone) if phone else "",
        people.mask_name(name) if name else "",
        agreed(ConsentKind.MEMBER_PHONE),
        agreed(ConsentKind.MEMBER_NAME),
    )


def withdraw_phone(deps: Deps, provider_id: int, card_id: int) -> None:
    """The phone goes, and with it what it gave: the card is as it was before, its money stays.

    Its cap is the lower one again, or what is on it where that is more; it has an end again. Raises
    CardUnknown. A second call changes nothing.
    """

    def unit(session: Session) -> None:
        member, card = _locked(session, provider_id, card_id)
        _withdraw(session, deps, member, ConsentKind.MEMBER_PHONE)
        if member.phone_hash is None and member.phone_sealed is None:
            return
        member.phone_hash = member.phone_sealed = member.phone_confirmed_at = None
        now = deps.now()
        own = card.paid_fen + card.bonus_fen + card.held_fen
        card.cap_fen = max(own, card_cap(deps.settings, registered=False))
        card.registered_at, card.expires_on = None, unregistered_until(deps, now)
        session.flush()
        _note(session, deps, member, card, "card_unregistered")

    deps.transact(unit)


def set_name(deps: Deps, provider_id: int, card_id: int, name: str, agreed: Agreed) -> None:
    """What the shop's people shall call this member. Raises CardUnknown, ConsentMissing and
    NameInvalid."""
    try:
        wanted = people.clean_name(name)
    except ValueError:
        raise NameInvalid() from None
    if not wanted:
        raise NameInvalid()

    def unit(session: Session) -> None:
        member, card = _locked(session, provider_id, card_id)
        place = (member.provider_id, member.merchant_id, member.person_id or 0)
        consents.give(session, deps, *place, ConsentKind.MEMBER_NAME, agreed)
        member.name_hash = people.name_hash(deps, provider_id, member.merchant_id, wanted)
        member.name_sealed = people.seal(deps, "name_sealed", provider_id, member.id, wanted)
        session.flush()
        _note(session, deps, member, card, "member_named")

    deps.transact(unit)


def withdraw_name(deps: Deps, provider_id: int, card_id: int) -> None:
    """The name goes, also one that was taken over. Raises CardUnknown."""

    def unit(session: Session) -> None:
        member, card = _locked(session, provider_id, card_id)
        _withdraw(session, deps, member, ConsentKind.MEMBER_NAME)
        if member.name_sealed is None and member.name_hash is None:
            return
        member.name_hash = member.name_sealed = None
        session.flush()
        _note(session, deps, member, card, "member_unnamed")

    deps.transact(unit)


def _locked(session: Session, provider_id: int, card_id: int) -> tuple[Member, MemberCard]:
    """The room, the card, the member: as confirming a phone locks them."""
    found = session.get(MemberCard, (provider_id, card_id))
    if found is None:
        raise CardUnknown()
    _, card = ledger.lock_with_room(session, provider_id, found.merchant_id, card_id)
    if card.status is not CardStatus.ACTIVE:
        raise CardUnknown()
    key = (provider_id, card.member_id)
    return session.get_one(Member, key, with_for_update=True, populate_existing=True), card


def _withdraw(session: Session, deps: Deps, member: Member, kind: ConsentKind) -> None:
    if member.person_id is not None:
        place = (member.provider_id, member.merchant_id, member.person_id)
        consents.withdraw(session, deps, *place, kind)


def _note(session: Session, deps: Deps, member: Member, card: MemberCard, action: str) -> None:
    audit.record(
        session,
        provider_id=member.provider_id,
        actor=f"member:{member.id}",
        action=action,
        subject=f"card:{card.number}",
        at=deps.now(),
    )
