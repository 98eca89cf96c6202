"""Passwords of the console: argon2id with the library's own parameters."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.console.problems import PasswordWeak

LEAST: Final = 12
MOST: Final = 128
DIFFERENT: Final = 5  # characters, at the least
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


def check(password: str, username: str) -> None:
    """Raises PasswordWeak, with what to do about it."""
    if not LEAST <= len(password) <= MOST:
        raise PasswordWeak(f"密码为 {LEAST} 到 {MOST} 位，可以是一句话")
    if len(set(password)) < DIFFERENT:
        raise PasswordWeak("密码里不同的字符太少，换一句话")
    if username and username in password.lower() and len(password) < LEAST + len(username):
        raise PasswordWeak("密码不要由账号拼成，换一句话")
