"""Binding by a code that the device shows: its key proves the number, a person says to which store.

The device asks for an activator and a token, shows an address signed by its init key, and polls
with the token; an admin of the merchant opens the address and chooses (Cloud Pay, 5.20, v2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.device import BoundBy, Device, DeviceBinding, DeviceKey
from models.merchant import Merchant, Staff, Store
from models.provider import Provider
from services.cloudpay.authen import code_of
from services.deps import Deps
from services.devices import changing, keys, reading
from services.devices.problems import DeviceQrExpired, DeviceQrForeign, DeviceRefused
from services.devices.setting import newest_key, refuse_stopped
from services.people.acting import Acting

PAGE: Final = "/cpay/bind_device"
LENGTH: Final = 12  # of activator and token
ANSWER_KEPT: Final = timedelta(minutes=5)  # the device may ask again for what was decided
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def random_code(length: int = LENGTH) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Begun:
    activator: str
    token: str = field(repr=False)


def begin(deps: Deps, key_row: tuple[int, int], app_version: str) -> Begun:
    """A new code of the device; the ones before are over unless somebody took them."""
    provider_id, key_id = key_row
    made = Begun(random_code(), random_code())

    def unit(session: Session) -> Begun:
        now = deps.now()
        session.get_one(DeviceKey, (provider_id, key_id), with_for_update=True)
        for old in session.scalars(
            select(DeviceBinding).where(
                DeviceBinding.provider_id == provider_id,
                DeviceBinding.key_id == key_id,
                DeviceBinding.row_id.is_(None),
                DeviceBinding.expires_at > now,
            )
        ):
            old.expires_at = now
        session.add(
            DeviceBinding(
                provider_id=provider_id,
                key_id=key_id,
                activator=made.activator,
                token_hash=_hash(deps, made.token),
                app_version=app_version,
                created_at=now,
                expires_at=now + timedelta(seconds=deps.settings.cpay_shown_code_s),
            )
        )
        return made

    return deps.transact(unit)


def _hash(deps: Deps, token: str) -> str:
    return deps.ring.blind(token, "device_binding")


@dataclass(frozen=True, slots=True)
class Bound:
    """What the device needs to work; `key` is the merchant's."""

    provider: Provider
    merchant: Merchant
    store: Store
    device: Device
    staff: Staff
    key: str = field(repr=False)


def state(deps: Deps, key_row: tuple[int, int], token: str) -> Bound | None:
    """None while nobody has chosen. Raises DeviceQrExpired: unknown, over, or unbound since."""
    provider_id, key_id = key_row

    def unit(session: Session) -> Bound | None:
        now = deps.now()
        row = session.scalar(
            select(DeviceBinding).where(
                DeviceBinding.provider_id == provider_id,
                DeviceBinding.key_id == key_id,
                DeviceBinding.token_hash == _hash(deps, token),
            )
        )
        if row is None:
            raise DeviceQrExpired
        if row.row_id is None:
            if row.expires_at <= now:
                raise DeviceQrExpired
            return None
        if row.expires_at + ANSWER_KEPT <= now:
            raise DeviceQrExpired
        device = session.get_one(Device, (provider_id, row.row_id))
        key = session.get_one(DeviceKey, (provider_id, key_id))
        if device.sn_code != key.sn_code:
            raise DeviceQrExpired
        return read_bound(session, deps, device)

    return deps.transact(unit)


def read_bound(session: Session, deps: Deps, device: Device) -> Bound:
    p = device.provider_id
    merchant = session.get_one(Merchant, (p, device.merchant_id))
    return Bound(
        session.get_one(Provider, p),
        merchant,
        session.get_one(Store, (p, device.store_id)),
        device,
        session.get_one(Staff, (p, device.staff_id)),
        newest_key(deps, merchant),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the address that a device shows: `sign` is over the other three."""

    ac: str
    rs: str
    sn: str
    sign: str = field(repr=False)

    @property
    def signed(self) -> str:
        return f"ac={self.ac}&rs={self.rs}&sn={self.sn}"


def check(session: Session, deps: Deps, who: Acting, shown: Shown) -> DeviceBinding:
    """The code that is shown, proven and still good. Raises DeviceQrForeign, DeviceQrExpired."""
    try:
        key = keys.find_at(session, who.provider_id, reading.serial(shown.sn))
    except DeviceRefused as problem:
        raise DeviceQrForeign from problem
    if key is None:
        raise DeviceQrForeign
    expected = code_of(keys.plain(deps, key), shown.signed)
    if not hmac.compare_digest(expected.encode(), shown.sign.upper().encode()):
        raise DeviceQrForeign
    row = session.scalar(
        select(DeviceBinding)
        .where(
            DeviceBinding.provider_id == who.provider_id,
            DeviceBinding.key_id == key.id,
            DeviceBinding.activator == shown.ac,
        )
        .with_for_update()
    )
    if row is None:
        raise DeviceQrForeign
    if row.expires_at <= deps.now():
        raise DeviceQrExpired
    return row


def confirm(
    deps: Deps, who: Acting, shown: Shown, out_device_id: str, staff_public_id: str
) -> Device:
    """Bind the machine to the device. The same choice again is fine.

    Raises DeviceQrForeign, DeviceQrExpired, DeviceBound, DeviceUnknown, DeviceStopped.
    """

    def unit(session: Session) -> Device:
        now = deps.now()
        line = reading.find(session, who, out_device_id, lock=True)
        sn_code = reading.serial(shown.sn)
        keys.find_at(session, who.provider_id, sn_code, lock=True)  # one binding at a time
        row = check(session, deps, who, shown)
        if row.row_id not in (None, line.device.id):
            raise DeviceQrExpired
        merchant = session.get_one(Merchant, (who.provider_id, who.merchant_id))
        refuse_stopped(session.get_one(Provider, who.provider_id), merchant, line.store)
        staff = reading.worker(session, line.store, staff_public_id)
        changing.bind(
            session, line.device, sn_code, by=BoundBy.KEY, staff_id=staff.id,
            actor=who.actor, now=now,
        )  # fmt: skip
        line.device.app_version = row.app_version or line.device.app_version
        row.row_id, row.activated_at = line.device.id, row.activated_at or now
        return line.device

    return deps.transact(unit)


def sealed_key(init_key: str, authen_key: str, salt: bytes | None = None) -> str:
    """e_authen_key: Base64(salt of 8 bytes, AES-128-CBC with PKCS#5), the key and IV by OpenSSL's
    EVP_BytesToKey with one round of SHA-1 over the init key's text. No "Salted__" before it."""
    salt = salt or secrets.token_bytes(8)
    made = last = b""
    while len(made) < 32:
        last = hashlib.sha1(last + init_key.encode() + salt).digest()
        made += last
    pad = padding.PKCS7(128).padder()
    plain = pad.update(authen_key.encode()) + pad.finalize()
    cipher: Any = Cipher(algorithms.AES(made[:16]), modes.CBC(made[16:32])).encryptor()
    return base64.b64encode(salt + cipher.update(plain) + cipher.finalize()).decode()
