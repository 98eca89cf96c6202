"""`/m/staff`: who works here, adding and changing somebody, and ending his role."""

from __future__ import annotations

from typing import Any, Final

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.activation import shown_code
from models.merchant import Staff, StaffRole, Store
from models.people import Shift
from services.people import activation, contact
from services.people import staff as people
from services.people.acting import ROLE_NAMES, Acting, Role
from services.people.problems import PeopleRefused, PersonInvalid
from services.people.rights import Right, may
from services.people.staff import Wish
from services.privacy import looks
from web.formats import local_clock, local_time, to_local
from web.runtime import deps

HOME: Final = "/m/staff"
DONE: Final = {
    "added": "已添加。让他用微信扫下面的码，或在公众号里点「激活身份」输入六位数字。",
    "saved": "已保存。",
    "code": "新的激活码，旧的已作废。",
    "revoked": "激活码已作废。",
    "password": "收银台密码已改。",
    "removed": "已停用：他打开着的页面，从下一次点击起不能再用。",
}


def me() -> Acting:
    found: Acting = g.staff
    return found


def show() -> ResponseReturnValue:
    def unit(session: Session) -> tuple[list[Staff], dict[int, Store], dict[int, Shift]]:
        rows = people.listed(session, me())
        return rows, _stores(session), _on_duty(session)

    rows, stores, on_duty = deps().transact(unit)
    lines = [_line(row, stores, on_duty) for row in rows]
    return answers.page(
        "merchant/staff.html",
        title="店员",
        admins=[line for line in lines if line["is_admin"] and line["is_active"]],
        working=[line for line in lines if not line["is_admin"] and line["is_active"]],
        gone=[line for line in lines if not line["is_active"]],
        may_add_admin=may(me(), Right.ADMINS) and me().can_manage_admins,
        may_see_admins=may(me(), Right.ADMINS),
        done=DONE.get(request.args.get("done", ""), ""),
    )


def _stores(session: Session) -> dict[int, Store]:
    wanted = select(Store).where(
        Store.provider_id == me().provider_id, Store.merchant_id == me().merchant_id
    )
    if not may(me(), Right.ALL_STORES):
        wanted = wanted.where(Store.id == me().store_id)
    return {row.id: row for row in session.scalars(wanted.order_by(Store.id))}


def _on_duty(session: Session) -> dict[int, Shift]:
    wanted = select(Shift).where(
        Shift.provider_id == me().provider_id,
        Shift.merchant_id == me().merchant_id,
        Shift.ended_at.is_(None),
    )
    return {row.staff_id: row for row in session.scalars(wanted)}


def _line(row: Staff, stores: dict[int, Store], on_duty: dict[int, Shift]) -> dict[str, Any]:
    store = stores.get(row.store_id) if row.store_id is not None else None
    where = (store.branch_name or store.name) if store else ""
    chip = ("ok", "已激活") if row.person_id is not None else ("info", "待激活")
    if not row.is_active:
        chip = ("", "已停用")
    return {
        "href": f"{HOME}/{row.public_id}",
        "initial": row.name[:1],
        "name": row.name,
        "role": " · ".join(p for p in (ROLE_NAMES[Role(row.role.value)], where) if p),
        "what": _what(row, on_duty.get(row.id)),
        "chip_kind": chip[0],
        "chip": chip[1],
        "is_admin": row.role is StaffRole.OWNER,
        "is_active": row.is_active,
        "is_me": row.id == me().id,
    }


def _what(row: Staff, shift: Shift | None) -> str:
    if not row.is_active:
        on = to_local(row.removed_at) if row.removed_at else None
        return f"{on.month} 月 {on.day} 日停用" if on else "已停用"
    if row.person_id is None:
        return "等待激活"
    words = ["可退款" if row.can_refund else "不能退款"]
    if row.can_manage_admins:
        words.append("可管理管理员")
    if shift is not None:
        words.append(f"{local_clock(shift.started_at)} 上班")
    return " · ".join(words)


# --- one of them ----------------------------------------------------------------------------------


def new() -> ResponseReturnValue:
    """`?admin=1` is the form for an admin of the merchant."""
    is_admin = request.args.get("admin") == "1"
    role = StaffRole.OWNER if is_admin else StaffRole.CLERK
    wish = Wish(name="", role=role, store_id=me().store_id)
    return _form(wish, title="新增管理员" if is_admin else "新增店员", action=f"{HOME}/new")


def add() -> ResponseReturnValue:
    answers.check_token()
    wish = _typed(is_admin=request.form.get("admin") == "1")
    try:
        public_id = people.add(deps(), me(), wish)
    except PeopleRefused as problem:
        title = "新增管理员" if wish.role is StaffRole.OWNER else "新增店员"
        return _form(wish, title=title, action=f"{HOME}/new", error=problem)
    people.invite(deps(), me(), public_id)
    return answers.see(f"{HOME}/{public_id}?done=added")


def detail(public_id: str) -> ResponseReturnValue:
    """One person; a phone is masked."""
    return _detail(public_id)


def look(public_id: str) -> ResponseReturnValue:
    """The same with the whole phone: a press of an owner's, and each is remembered."""
    answers.check_token()
    return _detail(public_id, reveals=True)


def _detail(public_id: str, *, reveals: bool = False) -> ResponseReturnValue:
    def unit(session: Session) -> dict[str, Any]:
        row = people.find(session, me(), public_id)
        phone = contact.phone_of(deps(), row)
        if phone and reveals:
            looks.note(session, deps(), me(), f"staff:{row.id}", "phone")
        code = None
        if row.is_active and row.person_id is None:
            code = activation.live_code(session, deps(), row.provider_id, staff_id=row.id)
        masked = contact.mask_phone(phone) if phone else ""
        return {
            "line": _line(row, _stores(session), _on_duty(session)),
            "facts": _facts(row, phone if phone and reveals else masked),
            "may_look": bool(phone) and not reveals and may(me(), Right.PERSONAL),
            "code": shown_code(code, _out_mch_id(session)) if code else None,
            "is_waiting": row.is_active and row.person_id is None,
            "is_staff": row.role is not StaffRole.OWNER,
        }

    shown = deps().transact(unit)
    is_me, line = shown["line"]["is_me"], shown["line"]
    may_change = line["is_active"] and (not line["is_admin"] or me().can_manage_admins)
    return answers.page(
        "merchant/staff_detail.html",
        title=line["name"],
        back_url=HOME,
        own_url=f"{HOME}/{public_id}",
        may_change=may_change,
        may_remove=may_change and not is_me,
        asks_remove=request.args.get("remove") == "1" and may_change and not is_me,
        done=DONE.get(request.args.get("done", ""), ""),
        **shown,
    )


def _facts(row: Staff, phone: str) -> list[tuple[str, str]]:
    facts = [
        ("店员编号", row.number or ""),
        ("手机号", phone),
        ("退款", "可以" if row.can_refund else "不可以"),
        (
            "管理管理员",
            ("可以" if row.can_manage_admins else "不可以") if row.role is StaffRole.OWNER else "",
        ),
        ("收款通知", "接收" if row.wants_notices else "不接收"),
        ("备注", row.remark),
        ("激活时间", local_time(row.activated_at) if row.activated_at else ""),
        ("停用时间", local_time(row.removed_at) if row.removed_at else ""),
    ]
    return [(label, value) for label, value in facts if value]


def _out_mch_id(session: Session) -> str:
    from models.provider import Provider

    return session.get_one(Provider, me().provider_id).out_mch_id


def edit(public_id: str) -> ResponseReturnValue:
    row = deps().transact(lambda s: people.find(s, me(), public_id))
    return _form(_wish_of(row), title="修改", action=f"{HOME}/{public_id}/edit", row=row)


def save(public_id: str) -> ResponseReturnValue:
    answers.check_token()
    row = deps().transact(lambda s: people.find(s, me(), public_id))
    wish = _typed(is_admin=row.role is StaffRole.OWNER)
    try:
        people.change(deps(), me(), public_id, wish)
    except PeopleRefused as problem:
        action = f"{HOME}/{public_id}/edit"
        return _form(wish, title="修改", action=action, error=problem, row=row)
    return answers.see(f"{HOME}/{public_id}?done=saved")


def remove(public_id: str) -> ResponseReturnValue:
    answers.check_token()
    if request.form.get("sure") != "1":
        return answers.see(f"{HOME}/{public_id}?remove=1")
    people.remove(deps(), me(), public_id)
    return answers.see(f"{HOME}?done=removed")


def invite(public_id: str) -> ResponseReturnValue:
    answers.check_token()
    people.invite(deps(), me(), public_id)
    return answers.see(f"{HOME}/{public_id}?done=code")


def uninvite(public_id: str) -> ResponseReturnValue:
    answers.check_token()
    people.uninvite(deps(), me(), public_id)
    return answers.see(f"{HOME}/{public_id}?done=revoked")


def password(public_id: str) -> ResponseReturnValue:
    answers.check_token()
    people.set_password(deps(), me(), public_id, request.form.get("password", "")[:200])
    return answers.see(f"{HOME}/{public_id}?done=password")


def _wish_of(row: Staff) -> Wish:
    return Wish(
        name=row.name,
        role=row.role,
        store_id=row.store_id,
        number=row.number or "",
        can_refund=row.can_refund,
        can_manage_admins=row.can_manage_admins,
        wants_notices=row.wants_notices,
        remark=row.remark,
    )


def _typed(*, is_admin: bool) -> Wish:
    form = request.form
    role = StaffRole.OWNER if is_admin else StaffRole.CLERK
    if not is_admin and form.get("manager") == "1":
        role = StaffRole.MANAGER
    store = form.get("store", "")
    is_number = store.isascii() and store.isdigit() and len(store) < 19
    return Wish(
        name=form.get("name", "")[:100],
        role=role,
        store_id=int(store) if is_number and not is_admin else None,
        number=form.get("number", "")[:100],
        phone=form.get("phone", "")[:40].strip(),
        drops_phone=form.get("drop_phone") == "1",
        can_refund=form.get("can_refund") == "1",
        can_manage_admins=is_admin and form.get("can_manage_admins") == "1",
        wants_notices=form.get("wants_notices") == "1",
        remark=form.get("remark", "")[:200],
    )


def _form(
    wish: Wish,
    *,
    title: str,
    action: str,
    error: PeopleRefused | None = None,
    row: Staff | None = None,
) -> ResponseReturnValue:
    stores = deps().transact(lambda s: list(_stores(s).values()))
    if row is None and wish.role is not StaffRole.OWNER and not stores:
        raise PersonInvalid("还没有门店：先新增门店，再添加店员")
    said = ""
    if error is not None:
        said = str(error) if not str(error).isascii() else error.title
    return answers.page(
        "merchant/staff_form.html",
        200 if error is None else error.status,
        title=title,
        back_url=HOME if row is None else f"{HOME}/{row.public_id}",
        action=action,
        wish=wish,
        is_admin=wish.role is StaffRole.OWNER,
        is_manager=wish.role is StaffRole.MANAGER,
        has_phone=row is not None and row.phone_sealed is not None,
        is_new=row is None,
        stores=stores,
        gives_refund=me().can_refund,
        gives_admins=me().can_manage_admins,
        error=said,
        codes=[error.code] if error else [],
    )
