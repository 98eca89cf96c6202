"""A merchant's people as its admins and managers change them (product ROL-1 to ROL-6, STF-1).

Every change locks the merchant first and reads who makes it anew: two admins who remove each other
at the same moment do not both succeed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from errors import Forbidden
from models.merchant import Merchant, Staff, StaffRole, Store
from services import audit
from services.deps import Deps
from services.numbers import new_public_id
from services.people import activation, contact, duty
from services.people.acting import Acting
from services.people.problems import (
    LastAdmin,
    LastRefunder,
    NotYourself,
    NumberTaken,
    PersonInvalid,
    PersonUnknown,
    RightNotOwn,
)
from services.people.rights import Right, may

NAME_MOST, NUMBER_MOST, REMARK_MOST = 32, 32, 80
RIGHTS: Final = ("can_refund", "can_manage_admins")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a form wants a person to be. `store_id` None is an admin of the merchant."""

    name: str
    role: StaffRole
    store_id: int | None = None
    number: str = ""
    phone: str = ""  # "" leaves it as it is
    drops_phone: bool = False
    can_refund: bool = False
    can_manage_admins: bool = False
    wants_notices: bool = True
    remark: str = ""


def visible(who: Acting) -> list[ColumnElement[bool]]:
    """The rows that this person may see and change: all of the merchant, or those of his store."""
    found = [Staff.provider_id == who.provider_id, Staff.merchant_id == who.merchant_id]
    if not may(who, Right.ADMINS):
        found.append(Staff.role != StaffRole.OWNER)
    if not may(who, Right.ALL_STORES):
        found.append(Staff.store_id == who.store_id)
    return found


def listed(session: Session, who: Acting) -> list[Staff]:
    """Who works here, admins first, then by store; those who left last."""
    rank = (Staff.is_active.desc(), Staff.store_id.nulls_first(), Staff.role.desc(), Staff.id)
    return list(session.scalars(select(Staff).where(*visible(who)).order_by(*rank)))


def find(session: Session, who: Acting, public_id: str) -> Staff:
    """One of them. Raises PersonUnknown, the same for another merchant's as for nobody."""
    row = session.scalar(select(Staff).where(*visible(who), Staff.public_id == public_id))
    if row is None:
        raise PersonUnknown()
    return row


def add(deps: Deps, who: Acting, wish: Wish) -> str:
    """A prepared person, to be activated by code; the public id."""

    def unit(session: Session) -> str:
        me = _lock(session, who)
        _check_place(session, who, me, wish)
        _check_grants(me, (False, False), (wish.can_refund, wish.can_manage_admins))
        return prepare(session, deps, who, wish).public_id

    return deps.transact(unit)


def prepare(session: Session, deps: Deps, who: Acting, wish: Wish) -> Staff:
    """The row of `add`, without asking who may: the merchant is locked, the place is its own."""
    row = Staff(
        provider_id=who.provider_id,
        merchant_id=who.merchant_id,
        store_id=wish.store_id,
        public_id=new_public_id(),
        role=wish.role,
        name="",
        can_refund=wish.can_refund,
        can_manage_admins=wish.can_manage_admins,
        created_at=deps.now(),
    )
    _fill(session, row, wish)
    session.add(row)
    session.flush()
    if wish.phone:
        contact.keep_phone(deps, row, contact.clean_phone(wish.phone))
    _note(session, deps, who, "staff_added", row, role=row.role.value, store=row.store_id)
    _note_rights(session, deps, who, row, (False, False))
    return row


def describe(session: Session, deps: Deps, who: Acting, row: Staff, wish: Wish) -> bool:
    """Name, number, remark and whether he hears of payments: no right, role or place. False when
    all stood so before. The merchant is locked."""
    before = (row.name, row.number, row.remark, row.wants_notices)
    _fill(session, row, wish)
    session.flush()
    if before == (row.name, row.number, row.remark, row.wants_notices):
        return False
    _note(session, deps, who, "staff_changed", row, role=row.role.value, store=row.store_id)
    return True


def change(deps: Deps, who: Acting, public_id: str, wish: Wish) -> None:
    """Make a person what the form says. Raises what `add` does, and the rules of ROL-2 to ROL-4."""

    def unit(session: Session) -> None:
        me = _lock(session, who)
        row = _active(session, who, public_id)
        is_admin = row.role is StaffRole.OWNER
        if is_admin != (wish.role is StaffRole.OWNER):
            raise PersonInvalid("管理员和店员不能互换：请新增一个身份")
        _check_place(session, who, me, wish)
        before = (row.can_refund, row.can_manage_admins)
        after = (wish.can_refund, wish.can_manage_admins)
        _check_grants(me, before, after)
        _keep_admins(session, row, after)
        was = (row.role, row.store_id)
        row.can_refund, row.can_manage_admins = after
        row.role, row.store_id = wish.role, wish.store_id
        _fill(session, row, wish)
        if wish.drops_phone or wish.phone:
            phone = contact.clean_phone(wish.phone) if wish.phone else None
            contact.keep_phone(deps, row, phone)
        session.flush()
        if was != (row.role, row.store_id):
            duty.end_of(session, row, who.actor, deps.now())
        _note(session, deps, who, "staff_changed", row, role=row.role.value, store=row.store_id)
        _note_rights(session, deps, who, row, before)

    deps.transact(unit)


def remove(deps: Deps, who: Acting, public_id: str) -> None:
    """End a person's role: his sessions, code, shift and pay codes with it (ROL-2, 3, 5)."""

    def unit(session: Session) -> None:
        me = _lock(session, who)
        row = _active(session, who, public_id)
        is_own = row.person_id is not None and row.person_id == me.person_id
        if row.id == me.id or (is_own and row.role is StaffRole.OWNER):
            raise NotYourself()
        if row.role is StaffRole.OWNER and not me.can_manage_admins:
            raise RightNotOwn()
        end_role(session, deps, row, actor=who.actor)

    deps.transact(unit)


def lock_merchant(session: Session, provider_id: int, merchant_id: int) -> None:
    """Whoever changes a merchant's people does it one after the other."""
    session.execute(
        select(Merchant.id)
        .where(Merchant.provider_id == provider_id, Merchant.id == merchant_id)
        .with_for_update()
    )


def end_role(session: Session, deps: Deps, row: Staff, *, actor: str) -> None:
    """What `remove` does, whoever asks; the merchant is locked. Raises LastAdmin, LastRefunder."""
    _keep_admins(session, row, None)
    now = deps.now()
    row.is_active, row.removed_at = False, now
    session.flush()
    activation.revoke(session, row.provider_id, now, staff_id=row.id)
    duty.end_of(session, row, actor, now)
    audit.record(
        session,
        provider_id=row.provider_id,
        actor=actor,
        action="staff_removed",
        subject=f"staff:{row.id}",
        at=now,
        unbound_codes=unbind_codes(session, row),
    )


def unbind_codes(session: Session, row: Staff) -> int:
    """His pay codes become blank ones: this merchant can bind the paper again (ROL-5, COD-3)."""
    done = session.execute(
        text(
            "UPDATE pay_code SET kind = 'blank', store_id = NULL, staff_id = NULL,"
            " unit_price_fen = NULL, bound_at = NULL, is_active = true"
            " WHERE provider_id = :p AND staff_id = :s RETURNING id"
        ),
        {"p": row.provider_id, "s": row.id},
    )
    return len(done.all())


def invite(deps: Deps, who: Acting, public_id: str) -> activation.Code:
    """A fresh activation code for a person who is not activated yet; an older one is over."""

    def unit(session: Session) -> activation.Code:
        me = _lock(session, who)
        row = _active(session, who, public_id)
        _may_activate(me, row)
        return activation.make(session, deps, row.provider_id, actor=who.actor, staff_id=row.id)

    return deps.transact(unit)


def uninvite(deps: Deps, who: Acting, public_id: str) -> None:
    """End the code that was made."""

    def unit(session: Session) -> None:
        me = _lock(session, who)
        row = _active(session, who, public_id)
        _may_activate(me, row)
        if activation.revoke(session, row.provider_id, deps.now(), staff_id=row.id):
            _note(session, deps, who, "activation_revoked", row)

    deps.transact(unit)


def set_password(deps: Deps, who: Acting, public_id: str | None, password: str) -> None:
    """The cashier's password: of oneself (None), or of somebody one may change."""
    kept = contact.hash_password(password)

    def unit(session: Session) -> None:
        me = _lock(session, who)
        row = me if public_id is None else _active(session, who, public_id)
        if row.role is StaffRole.OWNER and row.id != me.id and not me.can_manage_admins:
            raise RightNotOwn()
        row.password_hash = kept
        _note(session, deps, who, "staff_password_set", row)

    deps.transact(unit)


def set_notices(deps: Deps, who: Acting, *, wants: bool) -> None:
    """Whether oneself wants to hear of payments."""

    def unit(session: Session) -> None:
        me = _lock(session, who)
        me.wants_notices = wants

    deps.transact(unit)


# --- rules ----------------------------------------------------------------------------------------


def _lock(session: Session, who: Acting) -> Staff:
    """The merchant's lock, then who acts, as he is now. Raises Forbidden for one dismissed since.

    The provider's people change nothing here.
    """
    lock_merchant(session, who.provider_id, who.merchant_id)
    me = None
    if not who.role.is_providers:
        me = session.get(Staff, (who.provider_id, who.id), populate_existing=True)
    if me is None or not me.is_active or me.role.value != who.role.value:
        raise Forbidden("你的身份刚被停用或改动，请重新打开页面")
    return me


def _active(session: Session, who: Acting, public_id: str) -> Staff:
    row = find(session, who, public_id)
    session.refresh(row, with_for_update=True)
    if not row.is_active:
        raise PersonUnknown()
    return row


def _may_activate(me: Staff, row: Staff) -> None:
    if row.person_id is not None:
        raise PersonInvalid("他已经激活，不需要激活码")
    if row.role is StaffRole.OWNER and not me.can_manage_admins:
        raise RightNotOwn()


def _check_place(session: Session, who: Acting, me: Staff, wish: Wish) -> None:
    if wish.role is StaffRole.OWNER:
        if not (may(who, Right.ADMINS) and me.can_manage_admins):
            raise RightNotOwn()
        if wish.store_id is not None:
            raise PersonInvalid("管理员不属于某一家门店")
        return
    store = None
    if wish.store_id is not None and (may(who, Right.ALL_STORES) or wish.store_id == me.store_id):
        store = session.get(Store, (who.provider_id, wish.store_id))
    if store is None or store.merchant_id != who.merchant_id:
        raise PersonInvalid("选一家门店")


def _check_grants(me: Staff, before: tuple[bool, bool], after: tuple[bool, bool]) -> None:
    """ROL-1, ROL-4: neither giving nor taking what one has not."""
    for own, old, new in zip((me.can_refund, me.can_manage_admins), before, after, strict=True):
        if old != new and not own:
            raise RightNotOwn()


def _keep_admins(session: Session, row: Staff, after: tuple[bool, bool] | None) -> None:
    """ROL-3: among those who can come in there stays an admin, one who can manage admins, and one
    who can refund. `after` None: he goes altogether. The merchant is locked."""
    if row.role is not StaffRole.OWNER or row.person_id is None:
        return
    others = select(
        func.count().filter(Staff.can_refund), func.count().filter(Staff.can_manage_admins)
    ).where(
        Staff.provider_id == row.provider_id,
        Staff.merchant_id == row.merchant_id,
        Staff.role == StaffRole.OWNER,
        Staff.is_active,
        Staff.person_id.is_not(None),
        Staff.id != row.id,
    )
    refunders, managers = session.execute(others).one()
    can_refund, can_manage = after or (False, False)
    if row.can_manage_admins and not can_manage and not managers:
        raise LastAdmin()
    if row.can_refund and not can_refund and not refunders:
        raise LastRefunder()


def _fill(session: Session, row: Staff, wish: Wish) -> None:
    row.name = _words(wish.name, NAME_MOST, "姓名")
    row.remark = _words(wish.remark, REMARK_MOST, "备注", least=0)
    row.wants_notices = wish.wants_notices
    number = _words(wish.number, NUMBER_MOST, "店员编号", least=0)
    if not number:
        number = row.number or _next_number(session, row)
    taken = select(Staff.id).where(
        Staff.provider_id == row.provider_id,
        Staff.merchant_id == row.merchant_id,
        Staff.number == number,
        Staff.id.is_distinct_from(row.id),
    )
    if session.scalar(taken) is not None:
        raise NumberTaken()
    row.number = number


def _next_number(session: Session, row: Staff) -> str:
    """The next of the automatic numbers, three digits or more."""
    same = (Staff.provider_id == row.provider_id, Staff.merchant_id == row.merchant_id)
    taken = set(session.scalars(select(Staff.number).where(*same, Staff.number.is_not(None))))
    nth = 1
    while f"{nth:03d}" in taken:
        nth += 1
    return f"{nth:03d}"


def _words(typed: str, most: int, what: str, *, least: int = 1) -> str:
    found = typed.strip()
    if not least <= len(found) <= most or not found.isprintable() or found[:1] in tuple("=+-@"):
        raise PersonInvalid(f"{what}要 {least} 到 {most} 个字")
    return found


def _note(
    session: Session, deps: Deps, who: Acting, action: str, row: Staff, **facts: object
) -> None:
    audit.record(
        session,
        provider_id=who.provider_id,
        actor=who.actor,
        action=action,
        subject=f"staff:{row.id}",
        at=deps.now(),
        **facts,
    )


def _note_rights(
    session: Session, deps: Deps, who: Acting, row: Staff, before: tuple[bool, bool]
) -> None:
    for right, old in zip(RIGHTS, before, strict=True):
        new = getattr(row, right)
        if new != old:
            action = "right_granted" if new else "right_revoked"
            _note(session, deps, who, action, row, right=right)
