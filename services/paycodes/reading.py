"""The pay codes of the stores that a person may see, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Staff, Store
from models.paycode import PayCode, PayCodeKind, Route
from models.provider import Provider
from services.deps import Deps
from services.onboarding.merchants import code_url
from services.people.acting import Acting
from services.stores.reading import all_of

KINDS: Final = {
    PayCodeKind.STORE: "门店码",
    PayCodeKind.STAFF: "店员码",
    PayCodeKind.FIXED: "定额码",
    PayCodeKind.BLANK: "空码",
}


@dataclass(frozen=True, slots=True)
class CodeLine:
    code: PayCode
    store: Store
    payee: str  # name of the staff that it belongs to; empty for the store's
    is_first: bool = False  # answers the store's old link, too

    @property
    def title(self) -> str:
        """A bound code says that it is one, and whose (product COD-3)."""
        name = self.code.name or KINDS[self.code.kind]
        if self.code.bound_at is None:
            return name
        whose = "店员" if self.code.kind is PayCodeKind.STAFF else "门店"
        return f"绑定收款码-{whose}-{name}"


def of_store(session: Session, store: Store) -> list[CodeLine]:
    first = _first(session, store)
    rows = session.execute(
        select(PayCode, Staff.name)
        .outerjoin(
            Staff, (Staff.provider_id == PayCode.provider_id) & (Staff.id == PayCode.staff_id)
        )
        .where(PayCode.provider_id == store.provider_id, PayCode.store_id == store.id)
        .order_by(PayCode.is_active.desc(), PayCode.id)
    )
    return [CodeLine(row[0], store, row[1] or "", row[0].code == first) for row in rows]


def _first(session: Session, store: Store) -> str | None:
    route = session.get(Route, ("shop", store.out_shop_id))
    return None if route is None else route.code


def find(session: Session, who: Acting, code: str, *, lock: bool = False) -> CodeLine:
    """A code of a store within this person's reach. Raises NotFound for any other."""
    wanted = select(PayCode).where(PayCode.provider_id == who.provider_id, PayCode.code == code)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    stores = {store.id: store for store in all_of(session, who)}
    if found is None or found.store_id is None or found.store_id not in stores:
        raise NotFound(code)
    store = stores[found.store_id]
    staff = session.get(Staff, (found.provider_id, found.staff_id)) if found.staff_id else None
    return CodeLine(found, store, staff.name if staff else "", _first(session, store) == code)


def url_of(session: Session, deps: Deps, code: PayCode) -> str:
    provider = session.get_one(Provider, code.provider_id)
    return code_url(deps, provider.out_mch_id, code.code)
