"""The second factor: time-based codes of six digits (RFC 6238), each good once.

A code of the step before or behind is taken, for clocks that are not quite right; a step that is
not newer than the last one taken is refused, so nobody uses a code that was seen being typed.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_S: Final = 30
DIGITS: Final = 6


def make_secret() -> str:
    """160 bits in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_of(secret: str, step: int) -> str:
    key = base64.b32decode(secret)
    return HOTP(key, DIGITS, SHA1(), enforce_key_length=False).generate(step).decode()


def step_of(at: datetime) -> int:
    return int(at.timestamp()) // STEP_S


def taken_step(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """The step whose code this is, if it may still be taken."""
    typed = code.replace(" ", "").encode()
    found = None
    for step in range(step_of(now) - 1, step_of(now) + 2):
        if hmac.compare_digest(code_of(secret, step).encode(), typed) and step > last_step:
            found = step
    return found


def uri(secret: str, username: str, issuer: str = "Yima") -> str:
    """What the QR code for an authenticator app holds."""
    label = quote(f"{issuer}:{username}")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer)}&digits=6&period=30"
