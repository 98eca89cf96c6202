"""Activation codes (激活码): a role that was prepared becomes the person's who presents its code.

The QR code carries a long token, the six digits are for typing. Either works once, for half an
hour; a new code ends the older one of the same role (product ACT-1 to ACT-6).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.merchant import Merchant, Staff, Store
from models.people import Activation, ActivationTry, ProviderAdmin
from services import audit
from services.accounts import seal_place
from services.deps import Deps
from services.payers import hashed
from services.people.acting import ROLE_NAMES, Role
from services.people.problems import (
    ActivationOver,
    ActivationTries,
    ActivationUnknown,
    ActivationUsed,
    AlreadyHere,
)
from services.people.signing_in import Holder

LIFE: Final = timedelta(minutes=30)
TRIES: Final = 5  # wrong digits of one person in `LIFE`
TRIES_OF_ALL: Final = 100  # of everybody at one provider: then only QR codes work
DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Code:
    """A live code as whoever made it sees it."""

    token: str = field(repr=False)
    digits: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code makes of the person who takes it."""

    name: str
    role_name: str
    merchant_name: str
    store_name: str


def make(
    session: Session,
    deps: Deps,
    provider_id: int,
    *,
    actor: str,
    staff_id: int | None = None,
    admin_id: int | None = None,
) -> Code:
    """A new code for one role that nobody holds yet; the older one is over. The caller has locked
    the role's row and made sure that it is free."""
    now = deps.now()
    revoke(session, provider_id, now, staff_id=staff_id, admin_id=admin_id)
    _end_old(session, provider_id, now)
    token, digits = secrets.token_urlsafe(24), _free_digits(session, deps, provider_id)
    place = seal_place("activation", "sealed", f"{provider_id}:{hashed(token)}")
    session.add(
        Activation(
            provider_id=provider_id,
            staff_id=staff_id,
            provider_admin_id=admin_id,
            token_hash=hashed(token),
            digits_hash=_digits_hash(deps, provider_id, digits),
            sealed=deps.ring.seal(json.dumps([token, digits]), place),
            made_by=actor,
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    _note(session, provider_id, actor, "activation_made", staff_id, admin_id, now)
    session.flush()
    return Code(token, digits, now + LIFE)


def live_code(
    session: Session,
    deps: Deps,
    provider_id: int,
    *,
    staff_id: int | None = None,
    admin_id: int | None = None,
) -> Code | None:
    """The code that works now for this role, to be shown again."""
    row = session.scalar(
        select(Activation).where(
            Activation.provider_id == provider_id,
            Activation.staff_id == staff_id
            if staff_id is not None
            else Activation.provider_admin_id == admin_id,
            Activation.used_at.is_(None),
            Activation.revoked_at.is_(None),
            Activation.expires_at > deps.now(),
        )
    )
    if row is None:
        return None
    place = seal_place("activation", "sealed", f"{provider_id}:{row.token_hash}")
    token, digits = json.loads(deps.ring.open(row.sealed, place))
    return Code(token, digits, row.expires_at)


def revoke(
    session: Session,
    provider_id: int,
    now: datetime,
    *,
    staff_id: int | None = None,
    admin_id: int | None = None,
) -> bool:
    """End the role's live code, if it has one."""
    column = Activation.staff_id if staff_id is not None else Activation.provider_admin_id
    done = session.execute(
        update(Activation)
        .where(
            Activation.provider_id == provider_id,
            column == (staff_id if staff_id is not None else admin_id),
            Activation.used_at.is_(None),
            Activation.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(Activation.id)
    )
    return done.first() is not None


def find_by_digits(deps: Deps, holder: Holder, digits: str) -> str:
    """The token that these six digits stand for. A wrong try is remembered, a few are allowed.

    Raises ActivationUnknown and ActivationTries.
    """
    typed = "".join(c for c in digits if c.isascii() and c.isdigit())

    def unit(session: Session) -> str | None:
        now = deps.now()
        session.execute(  # one at a time: a hundred tries at once are a hundred tries
            text("SELECT 1 FROM person WHERE provider_id = :p AND id = :i FOR UPDATE"),
            {"p": holder.provider_id, "i": holder.person_id},
        )
        _refuse_many(session, holder, now)
        row = session.scalar(
            select(Activation).where(
                Activation.provider_id == holder.provider_id,
                Activation.digits_hash == _digits_hash(deps, holder.provider_id, typed),
                Activation.used_at.is_(None),
                Activation.revoked_at.is_(None),
                Activation.expires_at > now,
            )
        )
        if row is None or len(typed) != DIGITS:
            session.add(
                ActivationTry(
                    provider_id=holder.provider_id, person_id=holder.person_id, tried_at=now
                )
            )
            return None
        place = seal_place("activation", "sealed", f"{holder.provider_id}:{row.token_hash}")
        token, _ = json.loads(deps.ring.open(row.sealed, place))
        return str(token)

    found = deps.transact(unit)
    if found is None:
        raise ActivationUnknown()
    return found


def look(session: Session, deps: Deps, holder: Holder, token: str) -> Offer:
    """What this code would make of its holder. Raises as `take`; nothing is changed."""
    return _offer(session, _usable(session, deps, holder, token, lock=False))


def take(deps: Deps, holder: Holder, token: str) -> str:
    """The role of this code becomes the holder's; the key of the role (`roles.role_of`).

    Raises ActivationUnknown; ActivationUsed, which says who holds it now; ActivationOver for one
    that ran out or was ended; AlreadyHere.
    """

    def unit(session: Session) -> str:
        now = deps.now()
        row = _usable(session, deps, holder, token, lock=True)
        target: Staff | ProviderAdmin
        if row.staff_id is not None:
            target = session.get_one(Staff, (row.provider_id, row.staff_id), with_for_update=True)
        else:
            target = session.get_one(
                ProviderAdmin, (row.provider_id, row.provider_admin_id), with_for_update=True
            )
        if not target.is_active or target.person_id is not None:
            raise ActivationOver()
        if _is_here(session, target, holder.person_id):
            raise AlreadyHere()
        target.person_id, target.activated_at = holder.person_id, now
        row.used_at, row.used_by = now, holder.person_id
        session.flush()
        _note(
            session, row.provider_id, f"person:{holder.person_id}", "role_activated",
            row.staff_id, row.provider_admin_id, now,
        )  # fmt: skip
        return _key(session, target)

    return deps.transact(unit)


def _usable(session: Session, deps: Deps, holder: Holder, token: str, *, lock: bool) -> Activation:
    wanted = select(Activation).where(
        Activation.provider_id == holder.provider_id, Activation.token_hash == hashed(token)
    )
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise ActivationUnknown()
    if row.used_at is not None:
        offer = _offer(session, row)
        where = offer.store_name or offer.merchant_name
        raise ActivationUsed(f"激活码已经用过：{where}{offer.role_name}现在是 {mask(offer.name)}")
    if row.revoked_at is not None or row.expires_at <= deps.now():
        raise ActivationOver()
    return row


def mask(name: str) -> str:
    """`周**`."""
    return f"{name[:1]}{'*' * max(1, min(len(name) - 1, 2))}"


def _offer(session: Session, row: Activation) -> Offer:
    if row.staff_id is None:
        admin = session.get_one(ProviderAdmin, (row.provider_id, row.provider_admin_id))
        role = Role.PROVIDER if admin.sub_provider_id is None else Role.SUB_PROVIDER
        return Offer(admin.name, ROLE_NAMES[role], "", "")
    staff = session.get_one(Staff, (row.provider_id, row.staff_id))
    merchant = session.get_one(Merchant, (row.provider_id, staff.merchant_id))
    store = None
    if staff.store_id is not None:
        store = session.get_one(Store, (row.provider_id, staff.store_id))
    place = (store.branch_name or store.name) if store else ""
    return Offer(staff.name, ROLE_NAMES[Role(staff.role.value)], merchant.short_name, place)


def _is_here(session: Session, target: Staff | ProviderAdmin, person_id: int) -> bool:
    if isinstance(target, Staff):
        wanted = select(Staff.id).where(
            Staff.provider_id == target.provider_id,
            Staff.merchant_id == target.merchant_id,
            Staff.store_id.is_not_distinct_from(target.store_id),
            Staff.person_id == person_id,
            Staff.is_active,
        )
    else:
        wanted = select(ProviderAdmin.id).where(
            ProviderAdmin.provider_id == target.provider_id,
            ProviderAdmin.sub_provider_id.is_not_distinct_from(target.sub_provider_id),
            ProviderAdmin.person_id == person_id,
            ProviderAdmin.is_active,
        )
    return session.scalar(wanted) is not None


def _key(session: Session, target: Staff | ProviderAdmin) -> str:
    if isinstance(target, Staff):
        return f"s{target.id}"
    first = session.scalar(
        select(Merchant.id)
        .where(
            Merchant.provider_id == target.provider_id,
            Merchant.sub_provider_id == target.sub_provider_id
            if target.sub_provider_id is not None
            else Merchant.id > 0,
        )
        .order_by(Merchant.id)
    )
    return f"a{target.id}-{first}"


def _refuse_many(session: Session, holder: Holder, now: datetime) -> None:
    since = {"p": holder.provider_id, "t": now - LIFE, "i": holder.person_id}
    row = session.execute(
        text(
            "SELECT count(*) AS everybody, count(*) FILTER (WHERE person_id = :i) AS own"
            " FROM activation_try WHERE provider_id = :p AND tried_at > :t"
        ),
        since,
    ).one()
    if row.own >= TRIES or row.everybody >= TRIES_OF_ALL:
        raise ActivationTries()


def _end_old(session: Session, provider_id: int, now: datetime) -> None:
    """Codes that ran out give their digits free, and tries that no longer count go."""
    session.execute(
        text(
            "UPDATE activation SET revoked_at = :now WHERE provider_id = :p AND used_at IS NULL"
            " AND revoked_at IS NULL AND expires_at <= :now"
        ),
        {"p": provider_id, "now": now},
    )
    session.execute(
        text("DELETE FROM activation_try WHERE provider_id = :p AND tried_at <= :t"),
        {"p": provider_id, "t": now - LIFE},
    )


def _free_digits(session: Session, deps: Deps, provider_id: int) -> str:
    while True:
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        taken = select(Activation.id).where(
            Activation.provider_id == provider_id,
            Activation.digits_hash == _digits_hash(deps, provider_id, digits),
            Activation.used_at.is_(None),
            Activation.revoked_at.is_(None),
        )
        if session.scalar(taken) is None:
            return digits


def _digits_hash(deps: Deps, provider_id: int, digits: str) -> str:
    return deps.ring.blind(f"{provider_id}:{digits}", "activation digits")


def _note(
    session: Session,
    provider_id: int,
    actor: str,
    action: str,
    staff_id: int | None,
    admin_id: int | None,
    at: datetime,
) -> None:
    subject = f"staff:{staff_id}" if staff_id is not None else f"admin:{admin_id}"
    audit.record(
        session, provider_id=provider_id, actor=actor, action=action, subject=subject, at=at
    )
