"""All that is known of one person, for the person himself: plain, whole and in one piece."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.card import Member
from models.merchant import Staff
from models.person import Person
from services import audit
from services.accounts import seal_place
from services.cards import people as member_people
from services.deps import Deps
from services.people import contact
from services.privacy import subject
from services.privacy.subject import Subject

Known = dict[str, Any]

# Each takes the provider, the person and his rows' ids; newest last, as they were written.
_SECTIONS: Final = {
    "orders": """
SELECT o.out_trade_no, m.name AS merchant, s.name AS store, o.channel, o.purpose, o.status,
    o.amount_fen, o.refunded_fen, o.remark, o.created_at, o.paid_at, o.transaction_id
FROM pay_order o JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id
LEFT JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
WHERE o.provider_id = :p AND o.person_id = :i ORDER BY o.id""",
    "refunds": """
SELECT r.out_refund_no, o.out_trade_no, r.amount_fen, r.status, r.reason, r.created_at,
    r.succeeded_at
FROM refund r JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
WHERE o.provider_id = :p AND o.person_id = :i ORDER BY r.id""",
    "cards": """
SELECT c.number, c.member_id, m.name AS merchant, c.status, c.paid_fen, c.bonus_fen, c.cap_fen,
    c.created_at, c.claimed_at, c.registered_at, c.expires_on, c.bonus_expires_on
FROM member_card c JOIN merchant m ON m.provider_id = c.provider_id AND m.id = c.merchant_id
WHERE c.provider_id = :p AND c.member_id = ANY (:members) ORDER BY c.id""",
    "card_movements": """
SELECT c.number AS card, e.kind, e.account, e.delta_fen, e.balance_after_fen, e.reason,
    e.recorded_at
FROM ledger_entry e JOIN member_card c ON c.provider_id = e.provider_id AND c.id = e.card_id
WHERE c.provider_id = :p AND c.member_id = ANY (:members)
    AND e.account IN ('card_paid', 'card_bonus') ORDER BY e.id""",
    "card_payouts": """
SELECT c.number AS card, x.status, x.reason, x.refusal, x.asked_at, x.decided_at, x.ended_at
FROM card_payout x JOIN member_card c ON c.provider_id = x.provider_id AND c.id = x.card_id
WHERE c.provider_id = :p AND c.member_id = ANY (:members) ORDER BY x.id""",
    "shifts": """
SELECT h.staff_id, s.name AS store, h.started_at, h.ended_at
FROM shift h JOIN store s ON s.provider_id = h.provider_id AND s.id = h.store_id
WHERE h.provider_id = :p AND h.staff_id = ANY (:staff) ORDER BY h.id""",
    "provider_roles": """
SELECT name, can_refund, can_manage_admins, is_active, created_at, activated_at, removed_at
FROM provider_admin WHERE provider_id = :p AND id = ANY (:admins) ORDER BY id""",
    "consents": """
SELECT x.kind, m.name AS merchant, x.text_version, x.given_at, x.withdrawn_at
FROM consent x JOIN merchant m ON m.provider_id = x.provider_id AND m.id = x.merchant_id
WHERE x.provider_id = :p AND x.person_id = :i ORDER BY x.id""",
    "sessions": """
SELECT kind, created_at, expires_at, revoked_at FROM web_session
WHERE provider_id = :p AND (wechat_person_id = :i OR alipay_person_id = :i) ORDER BY created_at""",
    "notices_received": """
SELECT o.out_trade_no, n.status, n.way, n.created_at, n.ended_at FROM payment_notice n
JOIN pay_order o ON o.provider_id = n.provider_id AND o.id = n.order_id
WHERE n.provider_id = :p AND n.person_id = :i ORDER BY n.id""",
    "notice_settings": """
SELECT quiet_from, quiet_until, large_fen, all_payments, changed_at FROM notice_choice
WHERE provider_id = :p AND person_id = :i""",
    "audit": """
SELECT action, actor, subject, facts, created_at FROM audit_entry
WHERE provider_id = :p AND (subject = ANY (:names) OR actor = ANY (:names)) ORDER BY id""",
}


def export(deps: Deps, name: str, *, actor: str) -> Known:
    """By the person's id, or `member:<id>`; ready for JSON, money in fen, times in UTC.

    The look is remembered. Raises NotFound.
    """

    def unit(session: Session) -> Known:
        found = subject.by_name(session, name)
        known = _known(session, deps, found)
        audit.record(
            session,
            provider_id=found.provider_id,
            actor=actor,
            action="person_exported",
            subject=found.name,
            at=deps.now(),
        )
        return known

    return deps.transact(unit)


def _known(session: Session, deps: Deps, found: Subject) -> Known:
    names = [f"member:{i}" for i in found.member_ids] + [f"staff:{i}" for i in found.staff_ids]
    names += [f"admin:{i}" for i in found.admin_ids]
    if found.person_id is not None:
        names.append(f"person:{found.person_id}")
    keys = {
        "p": found.provider_id,
        "i": found.person_id,
        "members": list(found.member_ids),
        "staff": list(found.staff_ids),
        "admins": list(found.admin_ids),
        "names": names,
    }
    return {
        "id": found.name,
        "exported_at": _plain(deps.now()),
        "identity": _identity(session, deps, found),
        "memberships": [_member(session, deps, found, i) for i in found.member_ids],
        "roles": [_role(session, deps, found, i) for i in found.staff_ids],
        **{name: _rows(session, query, keys) for name, query in _SECTIONS.items()},
    }


def _identity(session: Session, deps: Deps, found: Subject) -> Known | None:
    if found.person_id is None:
        return None
    row = session.get_one(Person, (found.provider_id, found.person_id))
    place = seal_place("person", "sealed", f"{row.provider_id}:{row.subject_hash}")
    return {
        "wallet": row.channel,
        "app": row.app,
        "openid": None if row.sealed is None else deps.ring.open(row.sealed, place),
        "created_at": _plain(row.created_at),
        "seen_at": _plain(row.seen_at),
        "erased_at": _plain(row.erased_at),
    }


def _member(session: Session, deps: Deps, found: Subject, member_id: int) -> Known:
    row = session.get_one(Member, (found.provider_id, member_id))
    return {
        "member_id": row.id,
        "phone": member_people.phone_of(deps, row),
        "name": member_people.name_of(deps, row),
        "phone_confirmed_at": _plain(row.phone_confirmed_at),
        "created_at": _plain(row.created_at),
        "erased_at": _plain(row.erased_at),
    }


def _role(session: Session, deps: Deps, found: Subject, staff_id: int) -> Known:
    row = session.get_one(Staff, (found.provider_id, staff_id))
    kept = ("name", "number", "remark", "is_active", "can_refund", "can_manage_admins")
    return {
        "staff_id": row.id,
        "role": row.role.value,
        **{name: getattr(row, name) for name in kept},
        "phone": contact.phone_of(deps, row),
        "wants_notices": row.wants_notices,
        "has_cashier_password": row.password_hash is not None,
        "created_at": _plain(row.created_at),
        "activated_at": _plain(row.activated_at),
        "removed_at": _plain(row.removed_at),
    }


def _rows(session: Session, query: str, keys: Known) -> list[Known]:
    found = session.execute(text(query), keys).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date | time) else value
