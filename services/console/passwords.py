"""Passwords of the console: argon2id with the library's own parameters."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST: Final = 12
MOST: Final = 128
_HASHER: Final = PasswordHasher()
_NOBODYS: Final = _HASHER.hash("nobody has this password")


def make_hash(password: str) -> str:
    return _HASHER.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Takes as long for an account that there is not: `kept` None."""
    try:
        _HASHER.verify(kept or _NOBODYS, password[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
