"""Forgetting a person: whatever tells who it was goes, transactions and their sums stay.

Gone are the openid and its hash, phones and names with theirs, words that the person typed, the
bodies of kept notifications, roles, sessions and the tie to a membership. What stays points to a
row that nobody can be found by: whoever comes again with the same phone is somebody new. So a card
is first paid back: its money could not be given to anybody any more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.card import CardStatus, CardTaking, Member, MemberCard
from models.ledger import LedgerAccount, MovementKind
from models.merchant import Staff
from models.people import ProviderAdmin
from models.person import Person
from services import audit, ledger
from services.cards import people as member_people
from services.cards.payout_parts import open_payout
from services.deps import Deps
from services.ledger import Movement
from services.people import activation
from services.people import staff as shop_people
from services.people.acting import Acting
from services.privacy import subject
from services.privacy.problems import CardMoving, CardNotEmpty
from services.privacy.subject import Subject

ERASED: Final = "erased:"  # begins the hash of nobody
NAMELESS: Final = "已删除"


@dataclass(frozen=True, slots=True)
class Erased:
    """What was forgotten; all zero where nothing was left to forget."""

    name: str  # `person:42`, `member:7`
    is_whole: bool = False  # the identity, too
    members: int = 0
    roles: int = 0


@dataclass(frozen=True, slots=True)
class _Traces:
    """Rows that are found by no index; looked for before anything is locked."""

    order_ids: list[int]
    event_ids: list[int]
    is_elsewhere: bool = False  # paid other merchants, too


def erase(deps: Deps, name: str, *, actor: str) -> Erased:
    """By the person's id, or `member:<id>`. A second call changes nothing.

    Raises NotFound; CardNotEmpty and CardMoving while a merchant owes this person; LastAdmin and
    LastRefunder for the only one who can run a shop: then nothing is changed.
    """
    found = deps.transact(lambda s: subject.by_name(s, name))
    traces = deps.transact(lambda s: _traces(s, found, None))
    return deps.transact(lambda s: _erase(s, deps, found, traces, actor))


def erase_by_number(deps: Deps, number: str, *, actor: str) -> Erased:
    """By a number on the payer's bill, or a card's; else as `erase`."""
    found = deps.transact(lambda s: subject.by_number(s, number))
    return erase(deps, found.name, actor=actor)


def erase_member(deps: Deps, who: Acting, public_id: str) -> Erased:
    """A member asks this merchant's owner. Raises as `erase`.

    What other merchants know of the person is theirs: only where there is nothing of the kind, and
    no role in a shop, the identity goes, too.
    """
    found = deps.transact(lambda s: _of_card(s, who, public_id))
    traces = deps.transact(lambda s: _traces(s, found, who.merchant_id))

    def unit(session: Session) -> Erased:
        member_id = found.member_ids[0]
        if found.person_id is None:
            return _erase(session, deps, found, traces, who.actor)
        session.get_one(Person, (who.provider_id, found.person_id), with_for_update=True)
        now = subject.of_person(session, who.provider_id, found.person_id)
        others = set(now.member_ids) - {member_id}
        if traces.is_elsewhere or others or now.staff_ids or now.admin_ids:
            return _erase_at(session, deps, found, traces, who)
        return _erase(session, deps, now, traces, who.actor)

    return deps.transact(unit)


def _erase_at(session: Session, deps: Deps, found: Subject, traces: _Traces, who: Acting) -> Erased:
    """The membership alone; the person is known elsewhere."""
    _end_consents(session, deps, found, merchant_id=who.merchant_id)
    alone = replace(found, person_id=None)
    return _erase(session, deps, alone, traces, who.actor)


def _of_card(session: Session, who: Acting, public_id: str) -> Subject:
    member = session.scalar(
        select(Member)
        .join(
            MemberCard,
            (MemberCard.provider_id == Member.provider_id) & (MemberCard.member_id == Member.id),
        )
        .where(
            MemberCard.provider_id == who.provider_id,
            MemberCard.merchant_id == who.merchant_id,
            MemberCard.public_id == public_id,
        )
    )
    if member is None:
        raise NotFound()
    return Subject(who.provider_id, member.person_id, (member.id,))


# --- what is found by no index --------------------------------------------------------------------

_ORDERS = text("""
SELECT id, merchant_id FROM pay_order WHERE provider_id = :p AND person_id = :i
UNION SELECT o.id, o.merchant_id FROM pay_attempt a
    JOIN pay_order o ON o.provider_id = a.provider_id AND o.id = a.order_id
WHERE a.provider_id = :p AND a.person_id = :i ORDER BY 1
""")
_EVENTS = text("""
SELECT e.id FROM upstream_event e WHERE e.provider_id = :p AND e.sealed IS NOT NULL
    AND e.out_trade_no IN (
        SELECT out_trade_no FROM pay_attempt WHERE provider_id = :p AND order_id = ANY (:orders)
        UNION SELECT out_trade_no FROM pay_order WHERE provider_id = :p AND id = ANY (:orders)
        UNION SELECT out_refund_no FROM refund WHERE provider_id = :p AND order_id = ANY (:orders))
ORDER BY e.id
""")


def _traces(session: Session, found: Subject, merchant_id: int | None) -> _Traces:
    """The person's orders and what wallets said of them; `merchant_id` leaves out all others."""
    if found.person_id is None:
        return _Traces([], [])
    keys = {"p": found.provider_id, "i": found.person_id}
    rows = session.execute(_ORDERS, keys).all()
    own = [row.id for row in rows if merchant_id in (None, row.merchant_id)]
    events = session.scalars(_EVENTS, {"p": found.provider_id, "orders": own})
    return _Traces(own, list(events), is_elsewhere=len(own) < len(rows))


# --- forgetting -----------------------------------------------------------------------------------


def _erase(session: Session, deps: Deps, found: Subject, traces: _Traces, actor: str) -> Erased:
    """The person first, then whatever points to it: a membership that is being made waits."""
    now, person = deps.now(), None
    if found.person_id is not None:
        key = (found.provider_id, found.person_id)
        person = session.get_one(Person, key, with_for_update=True, populate_existing=True)
        found = subject.of_person(session, *key)
    roles = [_forget_staff(session, deps, found, row, actor) for row in _staff(session, found)]
    roles += [_forget_admin(session, deps, found, row) for row in _admins(session, found)]
    members = [_forget_member(session, deps, found, i, actor) for i in found.member_ids]
    is_whole = person is not None and not person.subject_hash.startswith(ERASED)
    _forget_words(session, found.provider_id, traces)
    if person is not None and is_whole:
        _end_consents(session, deps, found)
        _end_sessions(session, deps, found)
        _forget_choice(session, found)
        person.subject_hash, person.sealed = f"{ERASED}{secrets.token_hex(24)}", None
        person.erased_at = now
    done = Erased(found.name, is_whole, sum(members), sum(roles))
    session.flush()
    if done != Erased(found.name):
        audit.record(
            session,
            provider_id=found.provider_id,
            actor=actor,
            action="person_erased",
            subject=found.name,
            at=now,
            is_whole=is_whole,
            members=done.members,
            roles=done.roles,
        )
    return done


def _staff(session: Session, found: Subject) -> list[Staff]:
    """With their merchants locked, as whoever changes a merchant's people locks them."""
    if not found.staff_ids:
        return []
    wanted = select(Staff).where(
        Staff.provider_id == found.provider_id, Staff.id.in_(found.staff_ids)
    )
    for merchant_id in sorted({row.merchant_id for row in session.scalars(wanted)}):
        shop_people.lock_merchant(session, found.provider_id, merchant_id)
    locked = wanted.order_by(Staff.id).with_for_update()
    return list(session.scalars(locked.execution_options(populate_existing=True)))


_NAMED_CODES = text("""
UPDATE pay_code SET name = '' WHERE provider_id = :p AND merchant_id = :m AND name <> ''
    AND (staff_id = :s OR char_length(:name) > 1 AND strpos(name, :name) > 0)
""")


def _forget_staff(session: Session, deps: Deps, found: Subject, row: Staff, actor: str) -> bool:
    keys = {"p": row.provider_id, "m": row.merchant_id, "s": row.id, "name": row.name}
    session.execute(_NAMED_CODES, keys)
    if row.is_active:
        shop_people.end_role(session, deps, row, actor=actor)
    row.name, row.number, row.remark = NAMELESS, None, ""
    row.phone_sealed = row.phone_hash = row.password_hash = None
    row.person_id, row.wants_notices = None, False
    session.flush()
    return True


def _admins(session: Session, found: Subject) -> list[ProviderAdmin]:
    wanted = select(ProviderAdmin).where(
        ProviderAdmin.provider_id == found.provider_id, ProviderAdmin.id.in_(found.admin_ids)
    )
    return list(session.scalars(wanted.order_by(ProviderAdmin.id).with_for_update()))


def _forget_admin(session: Session, deps: Deps, found: Subject, row: ProviderAdmin) -> bool:
    now = deps.now()
    activation.revoke(session, row.provider_id, now, admin_id=row.id)
    row.name, row.person_id, row.is_active = NAMELESS, None, False
    row.removed_at = row.removed_at or now
    session.flush()
    return True


def _forget_member(
    session: Session, deps: Deps, found: Subject, member_id: int, actor: str
) -> bool:
    """False where nothing was left to forget."""
    key = (found.provider_id, member_id)
    cards = select(MemberCard).where(
        MemberCard.provider_id == found.provider_id, MemberCard.member_id == member_id
    )
    ids = [(card.merchant_id, card.id) for card in session.scalars(cards.order_by(MemberCard.id))]
    for merchant_id, card_id in ids:
        _close_card(session, deps, found.provider_id, merchant_id, card_id, actor)
    member = session.get_one(Member, key, with_for_update=True, populate_existing=True)
    known = (member.person_id, member.phone_sealed, member.phone_hash, member.name_sealed)
    if not any(known) and member.name_hash is None:
        return False
    _forget_codes(session, deps, member, [card_id for _, card_id in ids])
    member.phone_hash = member.phone_sealed = member.phone_confirmed_at = None
    member.name_hash = member.name_sealed = None
    member.person_id, member.erased_at = None, deps.now()
    session.flush()
    return True


def _close_card(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, card_id: int, actor: str
) -> None:
    """Raises CardNotEmpty and CardMoving. A bonus that is left lapses: nothing is paid for it."""
    room, card = ledger.lock_with_room(session, provider_id, merchant_id, card_id)
    if card.paid_fen:
        raise CardNotEmpty(card.number, card.paid_fen + card.bonus_fen)
    taking = select(
        exists().where(
            CardTaking.provider_id == provider_id,
            CardTaking.card_id == card_id,
            CardTaking.ended_at.is_(None),
        )
    )
    if card.held_fen or session.scalar(taking) or open_payout(session, card) is not None:
        raise CardMoving(card.number)
    if card.bonus_fen:
        legs = ((LedgerAccount.CARD_BONUS, -card.bonus_fen), (LedgerAccount.BONUS, card.bonus_fen))
        movement = Movement(
            MovementKind.BONUS_EXPIRED, f"expired:erased:{card.id}", legs, deps.now(), actor
        )
        ledger.post(session, card, movement, room)
    card.status, card.wechat_code = CardStatus.CLOSED, None
    session.flush()


def _forget_codes(session: Session, deps: Deps, member: Member, card_ids: list[int]) -> None:
    """What was sent to the phone within the last day, and how often."""
    subjects = [f"card:{card_id}" for card_id in card_ids]
    if (phone := member_people.phone_of(deps, member)) is not None:
        subjects.append(f"phone:{deps.ring.blind(phone, 'sms phone')}")
    keys = {"p": member.provider_id, "cards": card_ids, "subjects": subjects}
    for statement in (
        "DELETE FROM phone_code WHERE provider_id = :p AND card_id = ANY (:cards)",
        "DELETE FROM sms_quota WHERE provider_id = :p AND subject = ANY (:subjects)",
        "UPDATE card_payout SET reason = '', refusal = CASE refusal WHEN '' THEN '' ELSE '—' END"
        " WHERE provider_id = :p AND card_id = ANY (:cards)",
    ):
        session.execute(text(statement), keys)


def _forget_words(session: Session, provider_id: int, traces: _Traces) -> None:
    """What the payer typed, and what wallets told: both may name somebody."""
    keys: dict[str, Any] = {"p": provider_id, "ids": traces.order_ids, "events": traces.event_ids}
    session.execute(
        text(
            "UPDATE pay_order SET remark = '' WHERE provider_id = :p AND id = ANY (:ids)"
            " AND remark <> ''"
        ),
        keys,
    )
    session.execute(text("SELECT upstream_event_forget(:p, :events)"), keys)


def _end_consents(
    session: Session, deps: Deps, found: Subject, *, merchant_id: int | None = None
) -> None:
    session.execute(
        text(
            "UPDATE consent SET withdrawn_at = :now WHERE provider_id = :p AND person_id = :i"
            " AND withdrawn_at IS NULL AND (CAST(:m AS bigint) IS NULL OR merchant_id = :m)"
        ),
        {"now": deps.now(), "p": found.provider_id, "i": found.person_id, "m": merchant_id},
    )


def _forget_choice(session: Session, found: Subject) -> None:
    """When the person wanted to be told of payments."""
    session.execute(
        text(
            "UPDATE notice_choice SET quiet_from = NULL, quiet_until = NULL, large_fen = NULL,"
            " all_payments = false WHERE provider_id = :p AND person_id = :i"
        ),
        {"p": found.provider_id, "i": found.person_id},
    )


def _end_sessions(session: Session, deps: Deps, found: Subject) -> None:
    session.execute(
        text(
            "UPDATE web_session SET revoked_at = :now WHERE provider_id = :p"
            " AND revoked_at IS NULL AND (wechat_person_id = :i OR alipay_person_id = :i"
            " OR staff_id = ANY (:staff) OR provider_admin_id = ANY (:admins))"
        ),
        {
            "now": deps.now(),
            "p": found.provider_id,
            "i": found.person_id,
            "staff": list(found.staff_ids),
            "admins": list(found.admin_ids),
        },
    )
