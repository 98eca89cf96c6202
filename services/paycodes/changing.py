"""A pay code is made, renamed, switched off or unbound by a merchant's people; each is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Staff
from models.paycode import PayCode, PayCodeKind, Route
from services import audit
from services.deps import Deps
from services.onboarding.checks import free_code
from services.paycodes import reading
from services.paycodes.problems import CodeRefused, FirstCode
from services.people.acting import Acting
from services.stores import reading as stores

LONGEST: Final = 32
HIGHEST: Final = 2_147_483_647


@dataclass(frozen=True, slots=True)
class NewCode:
    """`staff` is a public id, for a code of one person; a price is for a fixed-amount code."""

    kind: PayCodeKind
    name: str
    staff: str = ""
    unit_price_fen: int | None = None


def checked_name(typed: str) -> str:
    name = typed.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise CodeRefused(f"名称要有 1 到 {LONGEST} 个字，不含换行和控制字符")
    return name


def add(deps: Deps, who: Acting, out_shop_id: str, new: NewCode) -> str:
    """A further code of the store, of any kind but blank (product COD-1). Raises NotFound."""
    if new.kind is PayCodeKind.BLANK:
        raise CodeRefused("空码由服务商印制")
    if new.kind is PayCodeKind.FIXED and not 1 <= (new.unit_price_fen or 0) <= HIGHEST:
        raise CodeRefused("定额码要有单价，至少 0.01 元")

    def unit(session: Session) -> str:
        now = deps.now()
        store = stores.find(session, who, out_shop_id)
        staff = _staff(session, who, store.id, new.staff) if new.kind is PayCodeKind.STAFF else None
        name = checked_name(new.name or (staff.name if staff else ""))
        made = PayCode(
            provider_id=store.provider_id,
            code=free_code(session, ""),
            kind=new.kind,
            name=name,
            merchant_id=store.merchant_id,
            store_id=store.id,
            staff_id=staff.id if staff else None,
            unit_price_fen=new.unit_price_fen if new.kind is PayCodeKind.FIXED else None,
            created_at=now,
        )
        session.add(made)
        session.add(
            Route(kind="code", external_id=made.code, provider_id=store.provider_id, code=made.code)
        )
        note(session, who, made, "code_added", now, kind=new.kind.value, store=store.out_shop_id)
        return made.code

    return deps.transact(unit)


def _staff(session: Session, who: Acting, store_id: int, public_id: str) -> Staff:
    found = session.scalar(
        select(Staff).where(
            Staff.provider_id == who.provider_id,
            Staff.store_id == store_id,
            Staff.public_id == public_id,
            Staff.is_active,
        )
    )
    if found is None:
        raise CodeRefused("选择这家门店的一位店员")
    return found


def staff_of(session: Session, provider_id: int, store_id: int) -> list[Staff]:
    found = session.scalars(
        select(Staff)
        .where(Staff.provider_id == provider_id, Staff.store_id == store_id, Staff.is_active)
        .order_by(Staff.id)
    )
    return list(found)


def rename(deps: Deps, who: Acting, code: str, typed: str) -> bool:
    """What payers see as the place from the next scan on; False when it was so. Raises NotFound."""
    name = checked_name(typed)

    def unit(session: Session) -> bool:
        found = reading.find(session, who, code, lock=True).code
        if found.name == name:
            return False
        before, found.name = found.name, name
        note(session, who, found, "code_renamed", deps.now(), before=before, after=name)
        return True

    return deps.transact(unit)


def turn(deps: Deps, who: Acting, code: str, *, is_on: bool) -> bool:
    """Take payments over it or not; False when it was so. Raises NotFound."""

    def unit(session: Session) -> bool:
        found = reading.find(session, who, code, lock=True).code
        if found.is_active is is_on:
            return False
        found.is_active = is_on
        note(session, who, found, "code_on" if is_on else "code_off", deps.now())
        return True

    return deps.transact(unit)


def unbind(deps: Deps, who: Acting, code: str) -> str:
    """Take it from its store: the printed code can be bound again, by this merchant alone.

    Gives the store's id. Raises NotFound, also the second time, and FirstCode.
    """

    def unit(session: Session) -> str:
        line = reading.find(session, who, code, lock=True)
        if line.is_first:
            raise FirstCode
        found, store = line.code, line.store
        was = {"kind": found.kind.value, "store": store.out_shop_id, "staff": found.staff_id}
        found.kind, found.store_id, found.staff_id = PayCodeKind.BLANK, None, None
        found.unit_price_fen, found.bound_at, found.is_active = None, None, True
        note(session, who, found, "code_unbound", deps.now(), **was)
        return store.out_shop_id

    return deps.transact(unit)


def note(
    session: Session, who: Acting, code: PayCode, action: str, now: datetime, **facts: Any
) -> None:
    session.flush()
    audit.record(
        session,
        provider_id=code.provider_id,
        actor=who.actor,
        action=action,
        subject=f"code:{code.code}",
        at=now,
        **facts,
    )
