"""The factory's register: which serial number has which init key (device binding v2).

A number is registered at one provider only: a device that calls before it is bound to anybody is
found by its number alone.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.device import BoundBy, Device, DeviceBinding, DeviceKey
from models.merchant import Merchant, Store
from services import audit
from services.accounts import seal_place
from services.deps import Deps
from services.devices.problems import DeviceBound, DeviceRefused, DeviceUnknown
from services.devices.reading import serial

MOST_ROWS: Final = 5_000
MOST_BYTES: Final = 1 << 20
_KEY: Final = re.compile(r"[0-9A-Za-z]{32}")
_SPLIT: Final = re.compile(r"[,;\t ]+")


class DeviceKeysRefused(DeviceRefused):
    """Nothing was registered; the detail names lines and never a key."""

    code = "DEVICE_KEYS_INVALID"
    title = "登记表有误，没有登记任何设备"


@dataclass(frozen=True, slots=True)
class Registered:
    sn_code: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counts:
    added: int
    changed: int
    same: int


def read_lines(text_: str) -> list[Registered]:
    """One device a line: serial number, then key. Raises DeviceKeysRefused that names the lines."""
    found: dict[str, Registered] = {}
    wrong: list[str] = []
    lines = text_.lstrip("\ufeff").splitlines()
    for n, line in enumerate(lines, 1):
        parts = [part.strip('"') for part in _SPLIT.split(line.strip()) if part]
        if not parts or (n == 1 and not _KEY.fullmatch(parts[-1]) and "SN" in line.upper()):
            continue
        row = _row(parts)
        if row is None or (row.sn_code in found and found[row.sn_code].key != row.key):
            wrong.append(str(n))
        else:
            found[row.sn_code] = row
    if wrong:
        named = "、".join(wrong[:10]) + ("…" if len(wrong) > 10 else "")
        raise DeviceKeysRefused(f"第 {named} 行有误：每行一台，序列号和 32 位密钥，用逗号隔开")
    if not found:
        raise DeviceKeysRefused("没有一行设备：每行一台，序列号和 32 位密钥，用逗号隔开")
    if len(found) > MOST_ROWS:
        raise DeviceKeysRefused(f"一次最多登记 {MOST_ROWS:,} 台设备")
    return list(found.values())


def _row(parts: Sequence[str]) -> Registered | None:
    if len(parts) != 2 or not _KEY.fullmatch(parts[1]):
        return None
    try:
        return Registered(serial(parts[0]), parts[1])
    except DeviceRefused:
        return None


_CLAIM: Final = text("""
INSERT INTO route (kind, external_id, provider_id)
SELECT 'device', sn, :p FROM unnest(CAST(:sns AS varchar[])) AS sn ORDER BY sn
ON CONFLICT DO NOTHING
""")
_FOREIGN: Final = text("""
SELECT external_id FROM route WHERE kind = 'device' AND external_id = ANY(CAST(:sns AS varchar[]))
    AND provider_id <> :p ORDER BY external_id LIMIT 3
""")


def register(deps: Deps, provider_id: int, rows: Sequence[Registered], *, actor: str) -> Counts:
    """All of them or none. A number that is here gets the new key; what it is bound to stays.

    Raises DeviceKeysRefused: one is registered at another provider.
    """

    def unit(session: Session) -> Counts:
        now = deps.now()
        keys: dict[str, Any] = {"p": provider_id, "sns": sorted(row.sn_code for row in rows)}
        session.execute(_CLAIM, keys)
        foreign = session.execute(_FOREIGN, keys).scalars().all()
        if foreign:
            raise DeviceKeysRefused(f"已被其他服务商登记：{'、'.join(foreign)}")
        there = {
            one.sn_code: one
            for one in session.scalars(
                select(DeviceKey)
                .where(DeviceKey.provider_id == provider_id, DeviceKey.sn_code.in_(keys["sns"]))
                .order_by(DeviceKey.id)
                .with_for_update()
            )
        }
        added = changed = 0
        for row in sorted(rows, key=lambda one: one.sn_code):
            old = there.get(row.sn_code)
            if old is None:
                session.add(_sealed(deps, provider_id, row, created_at=now))
                added += 1
            elif plain(deps, old) != row.key:
                fresh = _sealed(deps, provider_id, row, created_at=now)
                old.seal_key, old.init_key_sealed = fresh.seal_key, fresh.init_key_sealed
                changed += 1
        session.flush()
        counts = Counts(added, changed, len(rows) - added - changed)
        audit.record(
            session, provider_id=provider_id, actor=actor, action="device_keys_registered",
            subject=f"provider:{provider_id}", at=now, added=added, changed=changed,
            first=keys["sns"][:5],
        )  # fmt: skip
        return counts

    return deps.transact(unit)


def _sealed(deps: Deps, provider_id: int, row: Registered, **more: Any) -> DeviceKey:
    mark = secrets.token_hex(16)
    return DeviceKey(
        provider_id=provider_id,
        sn_code=row.sn_code,
        seal_key=mark,
        init_key_sealed=deps.ring.seal(row.key, seal_place("device_key", "init_key_sealed", mark)),
        **more,
    )


def plain(deps: Deps, row: DeviceKey) -> str:
    place = seal_place("device_key", "init_key_sealed", row.seal_key)
    return deps.ring.open(row.init_key_sealed, place)


_ROUTED: Final = text("SELECT provider_id FROM route WHERE kind = 'device' AND external_id = :sn")


def find(session: Session, sn_code: str) -> DeviceKey | None:
    """By the number alone, whoever registered it."""
    provider_id = session.execute(_ROUTED, {"sn": sn_code}).scalar()
    return None if provider_id is None else find_at(session, provider_id, sn_code)


def provider_of(session: Session, sn_code: str) -> str | None:
    """The public id of the provider that registered it."""
    found = session.execute(
        text(
            "SELECT p.out_mch_id FROM route r JOIN provider p ON p.id = r.provider_id"
            " WHERE r.kind = 'device' AND r.external_id = :sn"
        ),
        {"sn": sn_code},
    ).scalar()
    return None if found is None else str(found)


def find_at(
    session: Session, provider_id: int, sn_code: str, *, lock: bool = False
) -> DeviceKey | None:
    wanted = select(DeviceKey).where(
        DeviceKey.provider_id == provider_id, DeviceKey.sn_code == sn_code
    )
    return session.scalar(wanted.with_for_update() if lock else wanted)


def bound_device(session: Session, provider_id: int, sn_code: str) -> Device | None:
    """What the number is bound to by its key."""
    return session.scalar(
        select(Device).where(
            Device.provider_id == provider_id,
            Device.sn_code == sn_code,
            Device.bound_by == BoundBy.KEY,
        )
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A registered number, and where it is bound."""

    key: DeviceKey
    device: Device | None
    store: Store | None
    merchant: Merchant | None


def listed(
    session: Session,
    provider_id: int,
    *,
    begins: str = "",
    after: int | None = None,
    most: int = 50,
) -> list[Line]:
    """The newest first; `begins`: of the serial number; `after`: the last id of the page before."""
    wanted = (
        select(DeviceKey, Device, Store, Merchant)
        .outerjoin(
            Device,
            (Device.provider_id == DeviceKey.provider_id)
            & (Device.sn_code == DeviceKey.sn_code)
            & (Device.bound_by == BoundBy.KEY),
        )
        .outerjoin(Store, (Store.provider_id == Device.provider_id) & (Store.id == Device.store_id))
        .outerjoin(
            Merchant,
            (Merchant.provider_id == Device.provider_id) & (Merchant.id == Device.merchant_id),
        )
        .where(DeviceKey.provider_id == provider_id)
        .order_by(DeviceKey.id.desc())
        .limit(most)
    )
    if begins:
        wanted = wanted.where(DeviceKey.sn_code.startswith(begins.upper(), autoescape=True))
    if after is not None:
        wanted = wanted.where(DeviceKey.id < after)
    return [Line(*row) for row in session.execute(wanted)]


def unregister(deps: Deps, provider_id: int, sn: str, *, actor: str) -> None:
    """Forget the key of a number that nothing is bound by. Raises DeviceUnknown, DeviceBound."""
    sn_code = serial(sn)

    def unit(session: Session) -> None:
        row = find_at(session, provider_id, sn_code, lock=True)
        if row is None:
            raise DeviceUnknown
        bound = bound_device(session, provider_id, sn_code)
        if bound is not None:
            raise DeviceBound("这台机器还绑定着门店的设备，请先由商户管理员解绑")
        session.execute(
            delete(DeviceBinding).where(
                DeviceBinding.provider_id == provider_id, DeviceBinding.key_id == row.id
            )
        )
        session.delete(row)
        session.execute(
            text("DELETE FROM route WHERE kind = 'device' AND external_id = :sn"), {"sn": sn_code}
        )
        audit.record(
            session, provider_id=provider_id, actor=actor, action="device_key_removed",
            subject=f"provider:{provider_id}", at=deps.now(), sn_code=sn_code,
        )  # fmt: skip

    deps.transact(unit)
