"""Binding a blank code by scanning it (product COD-2): to a store, or to the one who scans.

Whoever scans may work in several places: each of his roles at this provider counts, read anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Merchant, Staff, StaffRole, Store
from models.paycode import PayCode, PayCodeKind
from services.cards import online_store
from services.deps import Deps
from services.paycodes.changing import checked_name, note
from services.paycodes.problems import CodeOfOther, CodeRefused, CodeTaken
from services.paycodes.reading import CodeLine
from services.people.acting import Acting
from services.stores.reading import name_of

NOT_OF_STORE: Final = "只能绑定到门店：你不是这家门店的店员，店员码要由店员自己扫码绑定"


@dataclass(frozen=True, slots=True)
class Place:
    """A store that the code can be bound to, and as whom. `staff_id`: to himself, too."""

    merchant: str
    store: Store
    name: str
    staff_id: int | None
    staff_name: str

    @property
    def why_not_staff(self) -> str:
        return "" if self.staff_id is not None else NOT_OF_STORE


def places(session: Session, who: Acting, code: PayCode) -> list[Place]:
    """By merchant and store; his own stores with himself, all others of his merchants without."""
    found: dict[int, Place] = {}
    for staff in _roles(session, who):
        if code.merchant_id not in (None, staff.merchant_id):
            continue
        merchant = session.get_one(Merchant, (staff.provider_id, staff.merchant_id))
        for store in _stores(session, merchant, staff):
            is_his = staff.store_id == store.id
            if store.id not in found or is_his:
                found[store.id] = Place(
                    merchant.short_name or merchant.name,
                    store,
                    name_of(store),
                    staff.id if is_his else None,
                    staff.name if is_his else "",
                )
    return [found[key] for key in sorted(found)]


def _roles(session: Session, who: Acting) -> list[Staff]:
    mine = Staff.id == who.id if who.person_id is None else Staff.person_id == who.person_id
    if who.role.is_providers:
        return []
    rows = session.scalars(
        select(Staff)
        .where(Staff.provider_id == who.provider_id, Staff.is_active, mine)
        .order_by(Staff.id)
    )
    return list(rows)


def _stores(session: Session, merchant: Merchant, staff: Staff) -> list[Store]:
    wanted = select(Store).where(
        Store.provider_id == merchant.provider_id,
        Store.merchant_id == merchant.id,
        Store.deleted_at.is_(None),
        Store.out_shop_id != online_store.shop_id(merchant.out_sub_mch_id),
    )
    if staff.role is not StaffRole.OWNER:
        wanted = wanted.where(Store.id == staff.store_id)
    return list(session.scalars(wanted.order_by(Store.id)))


def find_blank(session: Session, who: Acting, code: str, *, lock: bool = False) -> PayCode:
    """A code of this provider that is bound to nothing. Raises NotFound, CodeTaken, CodeOfOther."""
    wanted = select(PayCode).where(PayCode.provider_id == who.provider_id, PayCode.code == code)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound(code)
    if found.store_id is not None:
        raise CodeTaken
    if found.merchant_id is not None and not places(session, who, found):
        raise CodeOfOther
    return found


def bind(
    deps: Deps, who: Acting, code: str, out_shop_id: str, *, to_staff: bool, name: str
) -> PayCodeKind:
    """Payable from the next scan on. Two who scan at once: the second is told that it is bound.

    Raises NotFound, CodeTaken, CodeOfOther, and CodeRefused where he may not bind it like that.
    """

    def unit(session: Session) -> PayCodeKind:
        now = deps.now()
        blank = find_blank(session, who, code, lock=True)
        offered = {place.store.out_shop_id: place for place in places(session, who, blank)}
        place = offered.get(out_shop_id)
        if place is None:
            raise NotFound(out_shop_id)
        if to_staff and place.staff_id is None:
            raise CodeRefused(place.why_not_staff)
        blank.kind = PayCodeKind.STAFF if to_staff else PayCodeKind.STORE
        blank.name = checked_name(name or (place.staff_name if to_staff else place.store.name))
        blank.merchant_id, blank.store_id = place.store.merchant_id, place.store.id
        blank.staff_id = place.staff_id if to_staff else None
        blank.bound_at, blank.is_active = now, True
        note(
            session, who, blank, "code_bound", now,
            kind=blank.kind.value, store=place.store.out_shop_id, staff=blank.staff_id,
        )  # fmt: skip
        return blank.kind

    return deps.transact(unit)


def bound(session: Session, who: Acting, code: str) -> CodeLine:
    """A code as it was bound by him or his. Raises NotFound for any other."""
    found = session.scalar(
        select(PayCode).where(PayCode.provider_id == who.provider_id, PayCode.code == code)
    )
    if found is None or found.bound_at is None:
        raise NotFound(code)
    for place in places(session, who, found):
        if place.store.id == found.store_id:
            return CodeLine(found, place.store, place.staff_name)
    raise NotFound(code)
