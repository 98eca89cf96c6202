"""set_sub_mch_shop_info: stores written by the merchant's own system, all of them or none.

Over the same services as the shop's office. With `is_all` stores that are not listed are deleted,
by the product's own rule (STO-5); devices and people that are not listed stay: a person's role ends
in the office alone, and a device may be bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.device import ShiftType
from models.merchant import Merchant, Staff, StaffRole, Store
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.shapes import Asked, Flag, Text32, Told
from services.cloudpay.shops.asked import (
    TEXTS,
    DeviceAsked,
    ShopAsked,
    StaffAsked,
    switches,
    typed,
)
from services.cloudpay.shops.query import acting
from services.cloudpay.shops.told import ShopTold, shops_told
from services.cloudpay.statuses import Internal, Refused, bad_member, foreign
from services.devices import changing as devices
from services.devices import reading as device_reading
from services.devices.problems import DeviceRefused
from services.people import staff as people
from services.people.acting import Acting
from services.people.problems import PeopleRefused
from services.stores import changing, deleting, forms, reading

MOST: Final = 200
_MEMBERS: Final = {column: member for member, column in TEXTS.items()}


class SetAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    is_all: Flag = Field(  # Go clients leave a false out
        default=False,
        description="true：未列出的门店会被删除 / true: stores not listed are deleted",
    )
    shop_infos: tuple[ShopAsked, ...] = Field(min_length=1, max_length=MOST)
    nonce_str: Text32 = ""


class SetTold(Told):
    nonce_str: str
    set_shop_infos: tuple[ShopTold, ...]
    shop_infos: tuple[ShopTold, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    call: Call
    who: Acting
    session: Session
    now: datetime


def write(call: Call, asked: SetAsked) -> Answer:
    """Refused (104) names the member or the store that stands against it; then nothing is done."""

    def unit(session: Session) -> SetTold:
        who = acting(call.caller)
        people.lock_merchant(session, who.provider_id, who.merchant_id)
        work = _Work(call, who, session, call.now)
        own = _locked(work)
        found = _matched(asked.shop_infos, own)
        if asked.is_all:
            kept = {store.id for store in found if store is not None}
            _delete(work, [store for store in own if store.id not in kept])
        written = [
            _write(work, shop, store, f"shop_infos[{n}]")
            for n, (shop, store) in enumerate(zip(asked.shop_infos, found, strict=True))
        ]
        session.flush()
        merchant = session.get_one(Merchant, (who.provider_id, who.merchant_id))
        told = shops_told(session, call.deps.settings.base_url, merchant, written)
        return SetTold(nonce_str=fresh_nonce(), set_shop_infos=told, shop_infos=told)

    return Answer(call.deps.transact(unit))


def _locked(work: _Work) -> list[Store]:
    """All stores of the merchant, held in one order: no new order of one can be written."""
    ids = [store.id for store in reading.all_of(work.session, work.who)]
    return list(
        work.session.scalars(
            select(Store)
            .where(Store.provider_id == work.who.provider_id, Store.id.in_(ids))
            .order_by(Store.id)
            .with_for_update()
        )
    )


def _matched(asked: tuple[ShopAsked, ...], own: list[Store]) -> list[Store | None]:
    """By out_shop_id, else by the merchant's own number; None is a new one."""
    by_id = {store.out_shop_id: store for store in own}
    by_number = by_id | {store.own_number: store for store in own if store.own_number}
    found: list[Store | None] = []
    numbers: set[str] = set()
    for n, shop in enumerate(asked):
        store = by_id.get(shop.out_shop_id) if shop.out_shop_id else by_number.get(shop.shop_id)
        if shop.out_shop_id and store is None:
            raise foreign(f"shop_infos[{n}].out_shop_id")
        if not shop.out_shop_id and not shop.shop_id:
            raise bad_member(f"shop_infos[{n}].shop_id", "缺失")
        if (store is not None and store in found) or (shop.shop_id and shop.shop_id in numbers):
            raise bad_member(f"shop_infos[{n}]", "和前面的门店重复")
        numbers.add(shop.shop_id)
        found.append(store)
    return found


def _delete(work: _Work, stores: list[Store]) -> None:
    for store in stores:
        standing = deleting.standing(work.session, store, work.now)
        if not standing.is_free:
            why = str(standing.refusal())
            raise Refused(
                f"门店「{reading.name_of(store)}」（{store.out_shop_id}）未列出但不能删除：{why}"[
                    :255
                ],
                internal=Internal.STATE,
            )
    for store in stores:
        deleting.remove(work.session, work.who, store, work.now)


def _write(work: _Work, shop: ShopAsked, store: Store | None, path: str) -> Store:
    values = _values(shop, store, path)
    if shop.shop_id and (store is None or shop.shop_id != store.out_shop_id):
        values["own_number"] = shop.shop_id
    if store is None:
        store = changing.put(work.session, work.who, values, work.now)
    else:
        _refuse_number(work, store, values, path)
        changing.write(work.session, work.who, store, values, work.now)
    for n, device in enumerate(shop.device_infos or ()):
        _write_device(work, store, device, f"{path}.device_infos[{n}]")
    for n, person in enumerate(shop.staff_infos or ()):
        _write_person(work, store, person, f"{path}.staff_infos[{n}]")
    return store


def _refuse_number(work: _Work, store: Store, values: dict[str, Any], path: str) -> None:
    number = values.get("own_number", "")
    taken = select(Store.id).where(
        Store.provider_id == store.provider_id,
        Store.merchant_id == store.merchant_id,
        Store.own_number == number,
        Store.id != store.id,
        Store.deleted_at.is_(None),
    )
    if number and work.session.scalar(taken) is not None:
        raise bad_member(f"{path}.shop_id", "已是另一家门店的编号")


def _values(shop: ShopAsked, store: Store | None, path: str) -> dict[str, Any]:
    """Columns to write, checked as the shop's own form checks them."""
    given = typed(shop)
    before = {} if store is None else {name: getattr(store, name) or "" for name in forms.TEXTS}
    try:
        checked = forms.read({**before, **given})
    except forms.FormRefused as refused:
        column, why = next(iter(refused.faults.items()))
        raise bad_member(f"{path}.{_MEMBERS.get(column, column)}", f"：{why}") from refused
    wanted = checked if store is None else {name: checked[name] for name in given}
    return {**wanted, **switches(shop)}


def _write_device(work: _Work, store: Store, asked: DeviceAsked, path: str) -> None:
    device = device_reading.in_store(
        work.session, store.provider_id, store.id, asked.device_id, lock=True
    )
    try:
        if device is None or device.deleted_at is not None:
            wish = devices.Wish(
                name=asked.device_name or asked.device_id[:32],
                shift_type=asked.device_shift_type or ShiftType.OTHER,
                device_id=asked.device_id,
                remark=asked.remark or "",
            )
            devices.put(work.session, store, wish, actor=work.who.actor, now=work.now)
            return
        given = {
            "name": asked.device_name,
            "remark": asked.remark,
            "shift_type": asked.device_shift_type,
        }
        values = {name: value for name, value in given.items() if value is not None}
        devices.write(work.session, device, values, work.who.actor, work.now)
    except DeviceRefused as refused:
        raise bad_member(path, f"：{refused.detail or refused.title}") from refused


def _write_person(work: _Work, store: Store, asked: StaffAsked, path: str) -> None:
    """A new person is prepared, to be activated by a code in the office."""
    row = work.session.scalar(
        select(Staff).where(
            Staff.provider_id == store.provider_id,
            Staff.merchant_id == store.merchant_id,
            (Staff.number == asked.staff_id) | (Staff.public_id == asked.staff_id),
            Staff.is_active,
        )
    )
    if row is not None and row.store_id != store.id:
        raise bad_member(f"{path}.staff_id", "已是本商户另一处的店员编号")
    role = StaffRole.MANAGER if asked.shop_manager else StaffRole.CLERK
    if row is not None and asked.shop_manager is not None and row.role is not role:
        raise bad_member(f"{path}.shop_manager", "不能由接口更改，请在手机商户后台更改")
    wish = people.Wish(
        name=asked.staff_name or (row.name if row else asked.staff_id),
        role=row.role if row else role,
        store_id=store.id,
        number=(row.number or "") if row else asked.staff_id,
        can_refund=row.can_refund if row else role is StaffRole.MANAGER,
        wants_notices=_or(asked.receive_one_code_pay_notify, row.wants_notices if row else True),
        remark=asked.remark if asked.remark is not None else (row.remark if row else ""),
    )
    try:
        if row is None:
            people.prepare(work.session, work.call.deps, work.who, wish)
        else:
            people.describe(work.session, work.call.deps, work.who, row, wish)
    except PeopleRefused as refused:
        raise bad_member(path, f"：{refused.detail or refused.title}") from refused


def _or(given: bool | None, otherwise: bool) -> bool:
    return otherwise if given is None else given
