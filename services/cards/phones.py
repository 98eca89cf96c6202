"""A phone confirmed by a code: the card becomes registered, and what was owed to the phone joins.

Who has shown that a phone is theirs has its membership: the first one wins. Nothing is said about a
phone to somebody who has not.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from models.card import CardStatus, Member, MemberCard
from models.consent import ConsentKind
from models.membership import PhoneCode
from models.merchant import Merchant
from services import audit, ledger
from services.cards import joining, people
from services.cards.caps import card_cap
from services.cards.member_problems import (
    CardUnknown,
    CodeOver,
    CodeWrong,
    PhoneSet,
    PhoneTaken,
    SmsFailed,
    SmsLimit,
    SmsOff,
)
from services.deps import Deps
from services.privacy import consents
from services.privacy.consents import Agreed
from services.privacy.problems import ConsentMissing

CODE_LIFE = timedelta(minutes=5)
TRIES = 5
AGAIN_AFTER = timedelta(seconds=60)
PER_PHONE, PER_CARD = 5, 8  # messages an hour

_TAKE = text("""
INSERT INTO sms_quota (provider_id, subject, since_at, taken, last_at)
VALUES (:p, :subject, :now, 1, :now)
ON CONFLICT (provider_id, subject) DO UPDATE SET last_at = :now,
    taken = CASE WHEN sms_quota.since_at <= :hour_ago THEN 1 ELSE sms_quota.taken + 1 END,
    since_at = CASE WHEN sms_quota.since_at <= :hour_ago THEN :now ELSE sms_quota.since_at END
WHERE sms_quota.last_at <= :minute_ago
    AND (sms_quota.since_at <= :hour_ago OR sms_quota.taken < :most)
RETURNING taken
""")


@dataclass(frozen=True, slots=True)
class _Message:
    text: str


def ask_phone(
    deps: Deps, provider_id: int, card_id: int, phone: str, agreed: Agreed | None = None
) -> None:
    """Send a code of six digits to a phone, to be given to `confirm_phone` within five minutes.

    `agreed` is the yes to its use; None where one was given before. Says nothing about whose phone
    it is. Raises PhoneInvalid, SmsOff, SmsLimit, PhoneSet, CardUnknown, ConsentMissing; SmsFailed
    when the relay did not surely take it (the code is good all the same).
    """
    number = people.clean_phone(phone)
    if not deps.gateways.sms.is_ready:
        raise SmsOff()
    code = f"{secrets.randbelow(1_000_000):06d}"
    message = deps.transact(lambda s: _prepare(s, deps, provider_id, card_id, number, code, agreed))
    try:
        deps.gateways.sms.send(number, message.text)
    except (GatewayRejected, GatewayUnknown) as problem:
        raise SmsFailed() from problem


def _prepare(
    session: Session,
    deps: Deps,
    provider_id: int,
    card_id: int,
    phone: str,
    code: str,
    agreed: Agreed | None,
) -> _Message:
    card = session.get(MemberCard, (provider_id, card_id))
    if card is None or card.status is not CardStatus.ACTIVE:
        raise CardUnknown()
    member = session.get_one(Member, (provider_id, card.member_id))
    if member.phone_confirmed_at is not None and member.phone_hash is not None:
        wanted = people.phone_hash(deps, provider_id, card.merchant_id, phone)
        if member.phone_hash != wanted:
            raise PhoneSet()
    _agree(session, deps, member, agreed)
    _take(session, deps, provider_id, f"phone:{_phone_mark(deps, phone)}", PER_PHONE)
    _take(session, deps, provider_id, f"card:{card_id}", PER_CARD)
    now = deps.now()
    session.add(
        PhoneCode(
            provider_id=provider_id,
            card_id=card_id,
            phone_hash=_phone_mark(deps, phone),
            code_hash=_code_hash(deps, card_id, phone, code),
            expires_at=now + CODE_LIFE,
            created_at=now,
        )
    )
    session.flush()
    merchant = session.get_one(Merchant, (provider_id, card.merchant_id))
    return _Message(f"【{merchant.short_name}】验证码 {code}，5 分钟内有效。请勿告诉他人。")


def _agree(session: Session, deps: Deps, member: Member, agreed: Agreed | None) -> None:
    """The member's yes to the use of the phone, given now or before. Raises ConsentMissing."""
    if member.person_id is None:
        raise CardUnknown()
    place = (member.provider_id, member.merchant_id, member.person_id)
    if agreed is None:
        if consents.live(session, *place, ConsentKind.MEMBER_PHONE) is None:
            raise ConsentMissing()
        return
    consents.give(session, deps, *place, ConsentKind.MEMBER_PHONE, agreed)


def _take(session: Session, deps: Deps, provider_id: int, subject: str, most: int) -> None:
    now = deps.now()
    values = {
        "p": provider_id,
        "subject": subject,
        "now": now,
        "hour_ago": now - timedelta(hours=1),
        "minute_ago": now - AGAIN_AFTER,
        "most": most,
    }
    if session.scalar(_TAKE, values) is None:
        raise SmsLimit()


def _phone_mark(deps: Deps, phone: str) -> str:
    """A phone across merchants, for the limits and the codes alone."""
    return deps.ring.blind(phone, "sms phone")


def _code_hash(deps: Deps, card_id: int, phone: str, code: str) -> str:
    return deps.ring.blind(f"{card_id}:{phone}:{code}", "sms code")


def confirm_phone(deps: Deps, provider_id: int, card_id: int, phone: str, code: str) -> None:
    """Register the card: the higher cap, no end, and what an imported membership held.

    The same phone again, confirmed already, changes nothing. Raises CodeWrong (counted), CodeOver,
    PhoneTaken (another person was first), PhoneSet, JoinCap, TotalCap, ConsentMissing: then nothing
    has changed, and the code is good for another try where time could cure it.
    """
    number = people.clean_phone(phone)
    if _is_confirmed(deps, provider_id, card_id, number):
        return
    code_id = _checked_code(deps, provider_id, card_id, number, code)
    try:
        deps.transact(lambda s: _register(s, deps, provider_id, card_id, number, code_id))
    except IntegrityError as problem:  # somebody else's phone since we looked
        raise PhoneTaken() from problem


def _is_confirmed(deps: Deps, provider_id: int, card_id: int, phone: str) -> bool:
    def unit(session: Session) -> bool:
        card = session.get(MemberCard, (provider_id, card_id))
        if card is None or card.status is not CardStatus.ACTIVE:
            raise CardUnknown()
        member = session.get_one(Member, (provider_id, card.member_id))
        wanted = people.phone_hash(deps, provider_id, card.merchant_id, phone)
        return member.phone_confirmed_at is not None and member.phone_hash == wanted

    return deps.transact(unit)


def _checked_code(deps: Deps, provider_id: int, card_id: int, phone: str, code: str) -> int:
    """The newest code's id. A wrong try is counted and kept, whatever else happens."""
    given = "".join(code.split())

    def unit(session: Session) -> int | tuple[int] | None:
        found = _newest_code(session, provider_id, card_id)
        if found is None or found.phone_hash != _phone_mark(deps, phone):
            return None
        if found.used_at is not None or found.expires_at <= deps.now() or found.tries >= TRIES:
            return None
        if hmac.compare_digest(found.code_hash, _code_hash(deps, card_id, phone, given)):
            return found.id
        found.tries += 1
        session.flush()
        return (TRIES - found.tries,)

    said = deps.transact(unit)
    if isinstance(said, tuple):
        raise CodeWrong(said[0])
    if said is None:
        raise CodeOver()
    return said


def _newest_code(session: Session, provider_id: int, card_id: int) -> PhoneCode | None:
    """Locked: of many tries at once, each counts."""
    return session.scalar(
        select(PhoneCode)
        .where(PhoneCode.provider_id == provider_id, PhoneCode.card_id == card_id)
        .order_by(PhoneCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _register(
    session: Session, deps: Deps, provider_id: int, card_id: int, phone: str, code_id: int
) -> None:
    """The room first: two persons who confirm one phone come one after the other."""
    merchant_id = session.get_one(MemberCard, (provider_id, card_id)).merchant_id
    _, card = ledger.lock_with_room(session, provider_id, merchant_id, card_id)
    if card.status is not CardStatus.ACTIVE:  # closed since the code was checked
        raise CardUnknown()
    member = session.get_one(Member, (provider_id, card.member_id), with_for_update=True)
    spent = _newest_code(session, provider_id, card_id)
    if spent is None or spent.id != code_id or spent.used_at is not None:
        raise CodeOver()
    wanted = people.phone_hash(deps, provider_id, merchant_id, phone)
    if member.phone_confirmed_at is not None and member.phone_hash not in (None, wanted):
        raise PhoneSet()
    _agree(session, deps, member, None)
    now = deps.now()
    spent.used_at = now
    card.cap_fen = max(card.cap_fen, card_cap(deps.settings, registered=True))
    card.registered_at, card.expires_on = now, None
    session.flush()
    owner = joining.owner_of(session, provider_id, merchant_id, wanted)
    if owner is not None and owner.id != member.id:
        if owner.person_id is not None:
            raise PhoneTaken()
        joining.join(session, deps, card, member, owner)
    member.phone_hash = wanted
    member.phone_sealed = people.seal(deps, "phone_sealed", provider_id, member.id, phone)
    member.phone_confirmed_at = now
    session.flush()
    audit.record(
        session,
        provider_id=provider_id,
        actor=f"member:{member.id}",
        action="card_registered",
        subject=f"card:{card.number}",
        at=now,
    )
