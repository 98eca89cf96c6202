"""The first people of a provider and of a merchant: who lets the others in (product ACT-2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Merchant, Staff, StaffRole, Store
from models.people import ProviderAdmin
from models.provider import Provider
from services import audit
from services.deps import Deps
from services.numbers import new_public_id
from services.onboarding.checks import checked_name, lock_merchant, lock_provider
from services.people import activation, duty, staff
from services.people.problems import PersonInvalid, PersonUnknown


@dataclass(frozen=True, slots=True)
class Line:
    """One of a provider's or merchant's people, for whoever runs the service."""

    public_id: str
    role: str
    name: str
    place: str
    state: str  # waiting, active, removed
    rights: str


@dataclass(frozen=True, slots=True)
class Invitation:
    url: str
    code: activation.Code


def add_owner(deps: Deps, out_sub_mch_id: str, name: str, *, actor: str) -> str:
    """An admin of the merchant with every right, to be activated; the public id."""

    def unit(session: Session) -> str:
        provider, merchant = lock_merchant(session, out_sub_mch_id)
        row = Staff(
            provider_id=provider.id,
            merchant_id=merchant.id,
            public_id=new_public_id(),
            name=checked_name(name, staff.NAME_MOST),
            role=StaffRole.OWNER,
            created_at=deps.now(),
        )
        session.add(row)
        session.flush()
        _note(session, deps, provider.id, actor, "staff_added", f"staff:{row.id}")
        return row.public_id

    return deps.transact(unit)


def add_admin(
    deps: Deps, out_mch_id: str, name: str, sub_provider_id: int | None, *, actor: str
) -> str:
    """A person of the provider, or of one sub-provider, with every right; the public id."""

    def unit(session: Session) -> str:
        provider = lock_provider(session, out_mch_id)
        row = ProviderAdmin(
            provider_id=provider.id,
            sub_provider_id=sub_provider_id,
            public_id=new_public_id(),
            name=checked_name(name, staff.NAME_MOST),
            can_refund=True,
            can_manage_admins=True,
            created_at=deps.now(),
        )
        session.add(row)
        session.flush()
        _note(session, deps, provider.id, actor, "admin_added", f"admin:{row.id}")
        return row.public_id

    return deps.transact(unit)


def invite(deps: Deps, public_id: str, *, actor: str) -> Invitation:
    """A fresh activation code for anybody who waits. Raises PersonUnknown, PersonInvalid."""

    def unit(session: Session) -> Invitation:
        row = _find(session, public_id)
        if row.person_id is not None:
            raise PersonInvalid("already activated: no code is needed")
        which = {"staff_id": row.id} if isinstance(row, Staff) else {"admin_id": row.id}
        code = activation.make(session, deps, row.provider_id, actor=actor, **which)
        provider = session.get_one(Provider, row.provider_id)
        url = f"{deps.settings.base_url}/m/activate?p={provider.out_mch_id}&k={code.token}"
        return Invitation(url, code)

    return deps.transact(unit)


def remove(deps: Deps, public_id: str, *, actor: str) -> None:
    """End anybody's role, whatever the rules of the phone pages say: for who runs the service."""

    def unit(session: Session) -> None:
        row, now = _find(session, public_id), deps.now()
        row.is_active, row.removed_at = False, now
        session.flush()
        if isinstance(row, Staff):
            activation.revoke(session, row.provider_id, now, staff_id=row.id)
            duty.end_of(session, row, actor, now)
            staff.unbind_codes(session, row)
            _note(session, deps, row.provider_id, actor, "staff_removed", f"staff:{row.id}")
        else:
            activation.revoke(session, row.provider_id, now, admin_id=row.id)
            _note(session, deps, row.provider_id, actor, "admin_removed", f"admin:{row.id}")

    deps.transact(unit)


def listed(deps: Deps, out_sub_mch_id: str) -> list[Line]:
    """A merchant's people, those of its provider first. Raises NotFound."""

    def unit(session: Session) -> list[Line]:
        merchant = session.scalar(select(Merchant).where(Merchant.out_sub_mch_id == out_sub_mch_id))
        if merchant is None:
            raise NotFound(out_sub_mch_id)
        admins = session.scalars(
            select(ProviderAdmin)
            .where(ProviderAdmin.provider_id == merchant.provider_id)
            .order_by(ProviderAdmin.id)
        )
        own = session.execute(
            select(Staff, Store)
            .join(
                Store,
                (Store.provider_id == Staff.provider_id) & (Store.id == Staff.store_id),
                isouter=True,
            )
            .where(Staff.provider_id == merchant.provider_id, Staff.merchant_id == merchant.id)
            .order_by(Staff.id)
        ).all()
        found = [
            _line(row, "sub-provider" if row.sub_provider_id else "provider", "")
            for row in admins
            if row.sub_provider_id in (None, merchant.sub_provider_id)
        ]
        return found + [
            _line(row, row.role.value, store.out_shop_id if store else "") for row, store in own
        ]

    return deps.transact(unit)


def _line(row: Staff | ProviderAdmin, role: str, place: str) -> Line:
    state = "active" if row.person_id is not None else "waiting"
    rights = [
        word for word, has in (("refund", row.can_refund), ("admins", row.can_manage_admins)) if has
    ]
    return Line(
        row.public_id, role, row.name, place, state if row.is_active else "removed",
        "+".join(rights) or "-",
    )  # fmt: skip


def _find(session: Session, public_id: str) -> Staff | ProviderAdmin:
    own = session.scalar(
        select(Staff).where(Staff.public_id == public_id, Staff.is_active).with_for_update()
    )
    if own is not None:
        return own
    admin = session.scalar(
        select(ProviderAdmin)
        .where(ProviderAdmin.public_id == public_id, ProviderAdmin.is_active)
        .with_for_update()
    )
    if admin is not None:
        return admin
    raise PersonUnknown(f"nobody active has the public id {public_id}")


def _note(
    session: Session, deps: Deps, provider_id: int, actor: str, action: str, subject: str
) -> None:
    audit.record(
        session,
        provider_id=provider_id,
        actor=actor,
        action=action,
        subject=subject,
        at=deps.now(),
    )
