"""Demo data: people of every role, held by the simulator's persons, who sign in by WeChat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.merchant import Merchant, Staff, StaffRole, Store, SubProvider
from models.people import ProviderAdmin
from models.provider import Provider
from services.deps import Deps
from services.numbers import new_public_id
from services.payers import find_or_make_person

QINGHE, NANCHUANG, SHANQUE = "sub01QINGHE8H2K4M6P9", "sub02NANCHUANG5T7W2Y", "sub03SHANQUE3B9C1D4F"
SUB_PROVIDER: Final = "杭州湖畔渠道"  # 山雀咖啡 came by it


@dataclass(frozen=True)
class DemoPerson:
    """`who` is a person of the simulator; None waits for activation."""

    who: str | None
    name: str
    role: StaffRole
    shop: str  # a store; of an owner the merchant
    number: str
    can_refund: bool = True


PEOPLE: Final = (
    DemoPerson("lin", "林小满", StaffRole.OWNER, QINGHE, "001"),
    DemoPerson("p20", "何知秋", StaffRole.OWNER, QINGHE, "002", can_refund=False),
    DemoPerson("zhou", "周予安", StaffRole.MANAGER, "qinghe-hubin", "003"),
    DemoPerson("chen", "陈一禾", StaffRole.CLERK, "qinghe-hubin", "004"),
    DemoPerson("p21", "顾星遥", StaffRole.CLERK, "qinghe-hubin", "005", can_refund=False),
    DemoPerson("p22", "许照临", StaffRole.CLERK, "qinghe-dongpo", "006", can_refund=False),
    DemoPerson(None, "沈知夏", StaffRole.CLERK, "qinghe-hubin", "007", can_refund=False),
    DemoPerson("p19", "江南风", StaffRole.OWNER, NANCHUANG, "001"),
    DemoPerson("lin", "林小满", StaffRole.MANAGER, "nanchuang", "002"),
    DemoPerson("p18", "白鹭飞", StaffRole.OWNER, SHANQUE, "001"),
)
ADMINS: Final = (("p23", "总部小周", False), ("p24", "杭州小吴", True))


def seed_people(deps: Deps, credentials: dict[str, Any], out_mch_id: str) -> bool:
    """Make them once; False where the provider has people of its own, or is not there."""
    openids: dict[str, str] = credentials["wechat"].get("people", {})

    def unit(session: Session) -> bool:
        provider = session.scalar(select(Provider).where(Provider.out_mch_id == out_mch_id))
        if provider is None or not openids:
            return False
        known = select(ProviderAdmin.id).where(ProviderAdmin.provider_id == provider.id)
        if session.scalar(known.limit(1)) is not None:
            return False
        app = credentials["wechat"]["sp_appid"]
        persons = {
            who: find_or_make_person(session, deps, provider.id, "wechat", app, openids[who])
            for who in sorted({p.who for p in PEOPLE if p.who} | {a[0] for a in ADMINS})
        }
        for one in PEOPLE:
            _person(session, provider.id, one, persons, deps.now())
        _admins(session, provider.id, persons, deps.now())
        return True

    return deps.transact(unit)


def _person(
    session: Session, provider_id: int, one: DemoPerson, persons: dict[str, int], now: datetime
) -> None:
    merchant, store = _place(session, provider_id, one)
    row = None
    if one.role is StaffRole.OWNER:  # the merchant's owner without a person becomes this one
        row = session.scalar(
            select(Staff)
            .where(
                Staff.provider_id == provider_id,
                Staff.merchant_id == merchant.id,
                Staff.role == StaffRole.OWNER,
                Staff.person_id.is_(None),
            )
            .order_by(Staff.id)
        )
    if row is None:
        row = Staff(
            provider_id=provider_id,
            merchant_id=merchant.id,
            store_id=store.id if store else None,
            public_id=new_public_id(),
            name=one.name,
            role=one.role,
            created_at=now,
        )
        session.add(row)
    row.name, row.number, row.can_refund = one.name, one.number, one.can_refund
    if one.who is not None:
        row.person_id, row.activated_at = persons[one.who], now
    session.flush()


def _place(session: Session, provider_id: int, one: DemoPerson) -> tuple[Merchant, Store | None]:
    if one.role is StaffRole.OWNER:
        wanted = select(Merchant).where(
            Merchant.provider_id == provider_id, Merchant.out_sub_mch_id == one.shop
        )
        return session.scalars(wanted).one(), None
    store = session.scalars(
        select(Store).where(Store.provider_id == provider_id, Store.out_shop_id == one.shop)
    ).one()
    return session.get_one(Merchant, (provider_id, store.merchant_id)), store


def _admins(session: Session, provider_id: int, persons: dict[str, int], now: datetime) -> None:
    channel = SubProvider(provider_id=provider_id, name=SUB_PROVIDER, created_at=now)
    session.add(channel)
    session.flush()
    for who, name, is_of_channel in ADMINS:
        session.add(
            ProviderAdmin(
                provider_id=provider_id,
                sub_provider_id=channel.id if is_of_channel else None,
                person_id=persons[who],
                public_id=new_public_id(),
                name=name,
                can_refund=True,
                can_manage_admins=True,
                created_at=now,
                activated_at=now,
            )
        )
    session.execute(
        update(Merchant)
        .where(Merchant.provider_id == provider_id, Merchant.out_sub_mch_id == SHANQUE)
        .values(sub_provider_id=channel.id)
    )
    session.flush()
