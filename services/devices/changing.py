"""A device is added, named, bound to a serial number, freed and deleted; each is audited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.device import BoundBy, Device, DeviceSetting, ShiftType
from models.merchant import Store
from services import audit
from services.deps import Deps
from services.devices import reading
from services.devices.problems import (
    DeviceBound,
    DeviceIdTaken,
    DeviceRefused,
    DeviceType,
    DeviceUnbound,
)
from services.onboarding.checks import CODE_LETTERS, letters
from services.people.acting import Acting
from services.stores import reading as stores

NAME_MOST, REMARK_MOST = 32, 127
MADE_ID: Final = f"[{CODE_LETTERS}]{{8}}"  # of devices that nobody gave one
_ID: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """`device_id` "" makes one."""

    name: str
    shift_type: int
    device_id: str = ""
    remark: str = ""


def add(deps: Deps, who: Acting, out_shop_id: str, wish: Wish) -> str:
    """A device of the store; its global id. Raises NotFound, DeviceRefused, DeviceIdTaken."""

    def unit(session: Session) -> str:
        reading.hold_merchant(session, who.provider_id, who.merchant_id)
        store = stores.find(session, who, out_shop_id)
        return put(session, store, wish, actor=who.actor, now=deps.now()).out_device_id

    return deps.transact(unit)


def put(session: Session, store: Store, wish: Wish, *, actor: str, now: datetime) -> Device:
    """As `add`; the merchant is held. One that was deleted comes back under its own id."""
    device_id = wish.device_id.strip() or letters(8)
    if not _ID.fullmatch(device_id):
        raise DeviceRefused("设备号用字母、数字和 . - _，最多 64 个")
    found = reading.in_store(session, store.provider_id, store.id, device_id, lock=True)
    if found is not None and found.deleted_at is None:
        raise DeviceIdTaken
    device = found or Device(
        provider_id=store.provider_id,
        merchant_id=store.merchant_id,
        store_id=store.id,
        device_id=device_id,
        out_device_id="dev" + letters(12),
        created_at=now,
    )
    device.deleted_at = None
    _fill(device, wish)
    session.add(device)
    session.flush()
    note(session, device, "device_added", now, actor, store=store.out_shop_id, number=device_id)
    return device


def _fill(device: Device, wish: Wish) -> None:
    device.name = _words(wish.name, NAME_MOST, "名称", least=1)
    device.remark = _words(wish.remark, REMARK_MOST, "备注")
    try:
        device.shift_type = int(ShiftType(wish.shift_type))
    except ValueError as problem:
        raise DeviceRefused("选择设备类型") from problem


def _words(typed: str, most: int, what: str, *, least: int = 0) -> str:
    found = typed.strip()
    if not least <= len(found) <= most or not (found.isprintable() or not found):
        raise DeviceRefused(f"{what}要 {least} 到 {most} 个字，不含换行和控制字符")
    return found


def rename(deps: Deps, who: Acting, out_device_id: str, name: str, remark: str) -> bool:
    """False when both stood so before. Raises DeviceUnknown, DeviceRefused."""

    def unit(session: Session) -> bool:
        device = reading.find(session, who, out_device_id, lock=True).device
        return write(session, device, {"name": name, "remark": remark}, who.actor, deps.now())

    return deps.transact(unit)


def write(
    session: Session, device: Device, values: dict[str, Any], actor: str, now: datetime
) -> bool:
    """Change what differs; `values` may hold name, remark, shift_type. Another type wants it
    unbound: a bound machine is what it is."""
    wish = Wish(
        name=values.get("name", device.name),
        remark=values.get("remark", device.remark),
        shift_type=values.get("shift_type", device.shift_type),
    )
    before = (device.name, device.remark, device.shift_type)
    if wish.shift_type != device.shift_type and device.sn_code is not None:
        raise DeviceBound("已绑定机器的设备不能改类型，请先解绑")
    _fill(device, wish)
    if before == (device.name, device.remark, device.shift_type):
        return False
    note(session, device, "device_changed", now, actor)
    return True


def bind(
    session: Session,
    device: Device,
    sn_code: str,
    *,
    by: BoundBy,
    staff_id: int,
    actor: str,
    now: datetime,
) -> None:
    """Give it the serial number; the same one again is fine (product DEV-4). The merchant is held.

    Raises DeviceType, and DeviceBound: another number is bound to it, or the number to another
    device, which is named where it is the merchant's own.
    """
    if device.shift_type == ShiftType.PC_CASHIER:
        raise DeviceType("这是电脑收银台，不能绑定机器：新建一台移动收款机具或智能 POS")
    if device.sn_code is not None and device.sn_code != sn_code:
        raise DeviceBound(f"{DeviceBound.title}（SN_CODE: {device.sn_code}）")
    _refuse_elsewhere(session, device, sn_code, by)
    is_new = device.sn_code is None
    if is_new or by is BoundBy.KEY:
        device.bound_by = by
    device.sn_code, device.staff_id, device.seen_at = sn_code, staff_id, now
    device.bound_at = now if is_new else device.bound_at
    device.unbound_at = None
    session.flush()
    action = "device_bound" if is_new else "device_bound_again"
    note(session, device, action, now, actor, sn_code=sn_code, by=by.value, staff=staff_id)


def _refuse_elsewhere(session: Session, device: Device, sn_code: str, by: BoundBy) -> None:
    same = (Device.provider_id == device.provider_id, Device.sn_code == sn_code)
    own = session.scalar(
        select(Device).where(*same, Device.merchant_id == device.merchant_id,
                             Device.id != device.id)
    )  # fmt: skip
    if own is not None:
        raise DeviceBound(f"这台机器已绑定本商户的设备「{own.name}」（{own.device_id}），请先解绑")
    if by is BoundBy.KEY:
        proven = (Device.bound_by == BoundBy.KEY, Device.id != device.id)
        if session.scalar(select(Device.id).where(*same, *proven)) is not None:
            raise DeviceBound("这台机器已绑定其他商户的设备，请先在原商户解绑")


def free(session: Session, device: Device, *, actor: str, now: datetime, is_forced: bool) -> None:
    """Take the serial number away: it trades no more until it is bound again (product DEV-7).

    Codes of it that are still good end. Raises DeviceUnbound.
    """
    if device.sn_code is None:
        raise DeviceUnbound
    sn_code = device.sn_code
    device.sn_code = device.bound_by = device.bound_at = None
    device.unbound_at = now
    end_settings(session, device, now)
    session.flush()
    action = "device_unbound_by_force" if is_forced else "device_unbound"
    note(session, device, action, now, actor, sn_code=sn_code)


def end_settings(session: Session, device: Device, now: datetime) -> None:
    session.execute(
        update(DeviceSetting)
        .where(
            DeviceSetting.provider_id == device.provider_id,
            DeviceSetting.row_id == device.id,
            DeviceSetting.expires_at > now,
        )
        .values(expires_at=now)
    )


def force_unbind(deps: Deps, who: Acting, out_device_id: str) -> None:
    """For a machine that is broken or gone (product DEV-6). Raises DeviceUnknown, DeviceUnbound."""

    def unit(session: Session) -> None:
        device = reading.find(session, who, out_device_id, lock=True).device
        free(session, device, actor=who.actor, now=deps.now(), is_forced=True)

    deps.transact(unit)


def remove(deps: Deps, who: Acting, out_device_id: str) -> str:
    """Delete it, whatever is bound to it; the id of its store. Its orders keep its number."""

    def unit(session: Session) -> str:
        line = reading.find(session, who, out_device_id, lock=True)
        take_away(session, line.device, actor=who.actor, now=deps.now())
        return line.store.out_shop_id

    return deps.transact(unit)


def take_away(session: Session, device: Device, *, actor: str, now: datetime) -> None:
    if device.sn_code is not None:
        free(session, device, actor=actor, now=now, is_forced=True)
    end_settings(session, device, now)
    device.deleted_at = now
    note(session, device, "device_removed", now, actor)


def note(
    session: Session, device: Device, action: str, now: datetime, actor: str, **facts: Any
) -> None:
    session.flush()
    audit.record(
        session,
        provider_id=device.provider_id,
        actor=actor,
        action=action,
        subject=f"device:{device.out_device_id}",
        at=now,
        **facts,
    )
