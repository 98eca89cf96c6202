"""A shop person's phone, sealed and found by a keyed hash; and the password of the cashier."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from typing import Final

from models.merchant import Staff
from services.accounts import seal_place
from services.deps import Deps
from services.people.problems import PersonInvalid

MAINLAND: Final = re.compile(r"1[3-9][0-9]{9}")
ABROAD: Final = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
PASSWORD_LEAST, PASSWORD_MOST = 6, 64
_N, _R, _P = 2**14, 8, 1


def clean_phone(typed: str) -> str:
    """With its country code: `+8613812345678`. Raises PersonInvalid."""
    bare = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", typed))
    bare = re.sub(r"^00", "+", bare)
    home = re.sub(r"^\+86", "", bare)
    if MAINLAND.fullmatch(home):
        return f"+86{home}"
    if ABROAD.fullmatch(bare):
        return bare
    raise PersonInvalid("手机号不对：填 11 位手机号，或带国家码的号码，如 +852…")


def keep_phone(deps: Deps, staff: Staff, phone: str | None) -> None:
    """Seal it into the row, which has its id already; None removes it."""
    if phone is None:
        staff.phone_sealed = staff.phone_hash = None
        return
    staff.phone_sealed = deps.ring.seal(phone, _place(staff))
    staff.phone_hash = phone_hash(deps, staff.provider_id, staff.merchant_id, phone)


def phone_of(deps: Deps, staff: Staff) -> str | None:
    """The plain number: for sending to it, and for its own page."""
    return None if staff.phone_sealed is None else deps.ring.open(staff.phone_sealed, _place(staff))


def phone_hash(deps: Deps, provider_id: int, merchant_id: int, phone: str) -> str:
    return deps.ring.blind(f"{provider_id}:{merchant_id}:{phone}", "staff phone")


def _place(staff: Staff) -> str:
    return seal_place("staff", "phone_sealed", f"{staff.provider_id}:{staff.id}")


def mask_phone(phone: str) -> str:
    """`138****5678`, `+852****0012`."""
    bare = phone.removeprefix("+86")
    return f"{bare[:4] if bare.startswith('+') else bare[:3]}****{bare[-4:]}"


def hash_password(password: str) -> str:
    """`scrypt$<salt>$<hash>`, hexadecimal. Raises PersonInvalid for one that is too short."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST or not password.isprintable():
        raise PersonInvalid(f"密码要 {PASSWORD_LEAST} 到 {PASSWORD_MOST} 位")
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def is_password(password: str, kept: str | None) -> bool:
    """Whether it is the one that was kept; takes as long for nobody's as for somebody's."""
    _, salt, wanted = (kept or f"scrypt${'00' * 16}${'00' * 32}").split("$")
    found = _scrypt(password[:PASSWORD_MOST], bytes.fromhex(salt))
    return hmac.compare_digest(found, bytes.fromhex(wanted)) and kept is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)
