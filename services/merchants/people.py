"""The first people of a merchant, of a provider and of its sub-providers (product ACT-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, NotFound
from models.merchant import Staff, StaffRole, SubProvider
from models.people import ProviderAdmin
from models.provider import Provider
from services import audit
from services.deps import Deps
from services.merchants.reading import find
from services.numbers import new_public_id
from services.people import activation
from services.people.problems import PersonInvalid
from services.people.staff import NAME_MOST


@dataclass(frozen=True, slots=True)
class Invited:
    """A code that works for half an hour, once; a new one ends it."""

    name: str
    role_name: str
    url: str
    code: activation.Code


def owners(session: Session, provider_id: int, out_id: str) -> Sequence[Staff]:
    merchant = find(session, provider_id, out_id)
    return session.scalars(
        select(Staff)
        .where(
            Staff.provider_id == provider_id,
            Staff.merchant_id == merchant.id,
            Staff.role == StaffRole.OWNER,
            Staff.is_active,
        )
        .order_by(Staff.id)
    ).all()


def admins(session: Session, provider_id: int) -> Sequence[tuple[ProviderAdmin, str]]:
    """The provider's people on phones and those of its sub-providers, with the latter's names."""
    rows = session.execute(
        select(ProviderAdmin, SubProvider.name)
        .join(
            SubProvider,
            (SubProvider.provider_id == ProviderAdmin.provider_id)
            & (SubProvider.id == ProviderAdmin.sub_provider_id),
            isouter=True,
        )
        .where(ProviderAdmin.provider_id == provider_id, ProviderAdmin.is_active)
        .order_by(ProviderAdmin.id)
    )
    return [(row[0], row[1] or "") for row in rows]


def add_owner(deps: Deps, provider_id: int, out_id: str, name: str, *, actor: str) -> str:
    """An admin of the merchant with every right, to be activated; the public id."""
    said = _name(name)

    def unit(session: Session) -> str:
        merchant = find(session, provider_id, out_id, lock=True)
        row = Staff(
            provider_id=provider_id, merchant_id=merchant.id, public_id=new_public_id(),
            name=said, role=StaffRole.OWNER, created_at=deps.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        _note(session, deps, provider_id, actor, "staff_added", f"staff:{row.id}")
        return row.public_id

    return deps.transact(unit)


def add_admin(
    deps: Deps, provider_id: int, name: str, sub_provider_id: int | None, *, actor: str
) -> str:
    """A person of the provider, or of one sub-provider, with every right; the public id."""
    said = _name(name)

    def unit(session: Session) -> str:
        if sub_provider_id is not None:
            of = session.get(SubProvider, (provider_id, sub_provider_id))
            if of is None:
                raise NotFound(f"no sub-provider {sub_provider_id}")
        row = ProviderAdmin(
            provider_id=provider_id, sub_provider_id=sub_provider_id, public_id=new_public_id(),
            name=said, can_refund=True, can_manage_admins=True, created_at=deps.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        _note(session, deps, provider_id, actor, "admin_added", f"admin:{row.id}")
        return row.public_id

    return deps.transact(unit)


def invite(deps: Deps, provider_id: int, public_id: str, *, actor: str) -> Invited:
    """A fresh code for one of this provider's people who waits. Raises NotFound, PersonInvalid."""

    def unit(session: Session) -> Invited:
        row = _waiting(session, provider_id, public_id)
        if row.person_id is not None:
            raise PersonInvalid("已经激活，不需要激活码")
        which = {"staff_id": row.id} if isinstance(row, Staff) else {"admin_id": row.id}
        code = activation.make(session, deps, provider_id, actor=actor, **which)
        out_mch_id = session.get_one(Provider, provider_id).out_mch_id
        url = f"{deps.settings.base_url}/m/activate?p={out_mch_id}&k={code.token}"
        return Invited(row.name, _role(row), url, code)

    return deps.transact(unit)


def _waiting(session: Session, provider_id: int, public_id: str) -> Staff | ProviderAdmin:
    staff = session.scalar(
        select(Staff)
        .where(
            Staff.provider_id == provider_id, Staff.public_id == public_id, Staff.is_active,
            Staff.role == StaffRole.OWNER,
        )
        .with_for_update()
    )  # fmt: skip
    if staff is not None:
        return staff
    admin = session.scalar(
        select(ProviderAdmin)
        .where(
            ProviderAdmin.provider_id == provider_id, ProviderAdmin.public_id == public_id,
            ProviderAdmin.is_active,
        )
        .with_for_update()
    )  # fmt: skip
    if admin is None:
        raise NotFound(f"nobody {public_id}")
    return admin


def _role(row: Staff | ProviderAdmin) -> str:
    if isinstance(row, Staff):
        return "商户管理员"
    return "服务商管理员" if row.sub_provider_id is None else "子服务商管理员"


def _name(said: str) -> str:
    said = said.strip()
    if not said or len(said) > NAME_MOST or not said.isprintable():
        raise BadInput(f"姓名为 1 到 {NAME_MOST} 个字")
    return said


def _note(
    session: Session, deps: Deps, provider_id: int, actor: str, action: str, subject: str
) -> None:
    audit.record(
        session, provider_id=provider_id, actor=actor, action=action, subject=subject,
        at=deps.now(),
    )  # fmt: skip
