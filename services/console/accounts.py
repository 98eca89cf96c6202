"""Accounts of the console: making one, and what it may do at a provider."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from models.console import ConsoleMember, ConsoleRole, ConsoleUser
from services.accounts import seal_place
from services.console import passwords
from services.console.problems import UsernameUnfit
from services.deps import Deps

USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")


def add_user(
    session: Session,
    deps: Deps,
    *,
    username: str,
    name: str,
    password: str,
    totp_secret: str | None,
    now: datetime,
    can_add_providers: bool = False,
) -> ConsoleUser:
    """An account; without a TOTP secret nobody can sign in to it yet.

    Raises UsernameUnfit or PasswordWeak.
    """
    username = username.strip().lower()
    if not USERNAME.fullmatch(username):
        raise UsernameUnfit()
    passwords.check(password, username)
    mark = secrets.token_hex(16)
    place = seal_place("console_user", "totp_sealed", mark)
    user = ConsoleUser(
        username=username, name=name[:32], password_hash=passwords.make_hash(password),
        seal_key=mark, totp_sealed=deps.ring.seal(totp_secret, place) if totp_secret else None,
        can_add_providers=can_add_providers, created_at=now,
    )  # fmt: skip
    session.add(user)
    session.flush()
    return user


def add_member(
    session: Session,
    provider_id: int,
    user_id: int,
    role: ConsoleRole,
    now: datetime,
    *,
    is_accepted: bool = True,
) -> ConsoleMember:
    """`is_accepted` False: the account's owner says yes first, on the page that lists them."""
    made = ConsoleMember(
        provider_id=provider_id, user_id=user_id, role=role, created_at=now,
        accepted_at=now if is_accepted else None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made
