"""Which devices there are, and in what words they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.device import Device, DeviceReport, ShiftType, TillTelemetry
from models.merchant import Merchant, Staff, StaffRole, Store
from services.devices.problems import DeviceRefused, DeviceUnknown
from services.people.acting import Acting
from services.stores import reading as stores

TYPES: Final = {  # as the form explains them (product DEV-1)
    ShiftType.MOBILE_TERMINAL: ("移动收款机具", "受支持的非智能机，如商米码利奥"),
    ShiftType.PC_CASHIER: ("云支付收银台", "电脑上的收银软件"),
    ShiftType.SMART_POS: ("智能 POS", "安卓 POS 上的收款应用"),
    ShiftType.OTHER: ("其他", "自己对接接口的收银系统"),
}
REPORTS_SHOWN: Final = 10


def type_name(shift_type: int) -> str:
    return TYPES[ShiftType(shift_type)][0]


def serial(typed: str) -> str:
    """A serial number as it is kept: VENDOR_MODEL_serial, in capitals. Raises DeviceRefused."""
    found = typed.strip().upper()
    if not 1 <= len(found) <= 64 or not found.isascii() or not found.isprintable() or " " in found:
        raise DeviceRefused("机器的序列号（SN）是 1 到 64 个字母、数字或符号，不含空格")
    return found


def staff_no(staff: Staff) -> str:
    """`staff_id` of the API: the merchant's own number, where there is one."""
    return staff.number or staff.public_id


@dataclass(frozen=True, slots=True)
class Line:
    device: Device
    store: Store


def find(session: Session, who: Acting, out_device_id: str, *, lock: bool = False) -> Line:
    """A live device within this person's reach. Raises DeviceUnknown for any other."""
    wanted = (
        select(Device, Store)
        .join(Store, (Store.provider_id == Device.provider_id) & (Store.id == Device.store_id))
        .where(
            Device.provider_id == who.provider_id,
            Device.merchant_id == who.merchant_id,
            Device.out_device_id == out_device_id,
            Device.deleted_at.is_(None),
            Store.deleted_at.is_(None),
        )
    )
    if lock:
        hold_merchant(session, who.provider_id, who.merchant_id)
        wanted = wanted.with_for_update(of=Device)
    row = session.execute(wanted).one_or_none()
    if row is None or row.Store.id not in {one.id for one in stores.all_of(session, who)}:
        raise DeviceUnknown
    return Line(row.Device, row.Store)


def hold_merchant(session: Session, provider_id: int, merchant_id: int) -> Merchant:
    """Whoever binds devices of a merchant does it one after the other; payments go on."""
    return session.get_one(
        Merchant, (provider_id, merchant_id), with_for_update={"key_share": True}
    )


def is_stopped(device: Device) -> bool:
    """It was unbound, so it cannot trade until it is bound (product DEV-7)."""
    return device.unbound_at is not None and device.shift_type != ShiftType.PC_CASHIER


def of_store(session: Session, store: Store) -> Sequence[Device]:
    return of_stores(session, store.provider_id, [store.id]).get(store.id, [])


def of_stores(
    session: Session, provider_id: int, store_ids: Iterable[int]
) -> dict[int, list[Device]]:
    found: dict[int, list[Device]] = {}
    rows = session.scalars(
        select(Device)
        .where(
            Device.provider_id == provider_id,
            Device.store_id.in_(list(store_ids)),
            Device.deleted_at.is_(None),
        )
        .order_by(Device.id)
    )
    for row in rows:
        found.setdefault(row.store_id, []).append(row)
    return found


def in_store(
    session: Session, provider_id: int, store_id: int, device_id: str, *, lock: bool = False
) -> Device | None:
    """By the merchant's own id, also one that was deleted."""
    wanted = select(Device).where(
        Device.provider_id == provider_id,
        Device.store_id == store_id,
        Device.device_id == device_id,
    )
    return session.scalar(wanted.with_for_update() if lock else wanted)


def workers(session: Session, store: Store) -> Sequence[Staff]:
    """Under whose name a device of this store may work: its own people and the owners."""
    return session.scalars(
        select(Staff)
        .where(
            Staff.provider_id == store.provider_id,
            Staff.merchant_id == store.merchant_id,
            Staff.is_active,
            (Staff.store_id == store.id) | (Staff.role == StaffRole.OWNER),
        )
        .order_by(Staff.store_id.nulls_last(), Staff.id)
    ).all()


def worker(session: Session, store: Store, public_id: str) -> Staff:
    for one in workers(session, store):
        if one.public_id == public_id:
            return one
    raise DeviceRefused("选择一位店员：机器用这位店员的名义收款")


def reports(session: Session, device: Device) -> Sequence[DeviceReport]:
    """The newest first."""
    return session.scalars(
        select(DeviceReport)
        .where(DeviceReport.provider_id == device.provider_id, DeviceReport.row_id == device.id)
        .order_by(DeviceReport.id.desc())
        .limit(REPORTS_SHOWN)
    ).all()


_LAST_CALL: Final = text("""
SELECT created_at FROM (
    SELECT id, created_at, asked FROM cpay_call
    WHERE provider_id = :p AND merchant_id = :m AND device_id = :device ORDER BY id DESC LIMIT 100
) newest
WHERE :shop IN (asked #>> '{pay_mch_key,out_shop_id}', asked ->> 'osi') ORDER BY id DESC LIMIT 1
""")


def last_call_at(session: Session, device: Device, out_shop_id: str) -> datetime | None:
    """When it last asked for a payment or refund, among the newest of all devices of its id."""
    keys = {
        "p": device.provider_id,
        "m": device.merchant_id,
        "device": device.device_id,
        "shop": out_shop_id,
    }
    found: datetime | None = session.execute(_LAST_CALL, keys).scalar()
    return found


def telemetry(session: Session, device: Device) -> Sequence[TillTelemetry]:
    return session.scalars(
        select(TillTelemetry)
        .where(
            TillTelemetry.provider_id == device.provider_id,
            TillTelemetry.store_id == device.store_id,
            TillTelemetry.till == device.device_id,
        )
        .order_by(TillTelemetry.kind)
    ).all()
