"""Signing in to the console: password and code in one go, counted tries, sessions as rows."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from errors import AppError
from models.console import ConsoleMember, ConsoleSession, ConsoleUser
from services.accounts import seal_place
from services.console import passwords, totp
from services.console.problems import AccountLocked, CodeRefused, SignInRefused
from services.deps import Deps
from services.payers import hashed

LIFE: Final = timedelta(hours=12)
MOST_FAILURES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)


def sign_in(deps: Deps, username: str, password: str, code: str, *, agent: str = "") -> str:
    """A new session's id. Raises SignInRefused, CodeRefused or AccountLocked.

    A refusal is kept (a try is counted) although it raises: it is decided in the transaction and
    raised behind it.
    """
    kept = deps.transact(lambda s: _hash_of(s, username))
    is_right = passwords.is_right(kept, password)
    fresh = secrets.token_urlsafe(32)
    refused = deps.transact(lambda s: _enter(s, deps, username, is_right, code, fresh, agent))
    if refused is not None:
        raise refused
    return fresh


def _hash_of(session: Session, username: str) -> str | None:
    found: str | None = session.scalar(
        select(ConsoleUser.password_hash).where(
            ConsoleUser.username == username.strip().lower()[:64], ConsoleUser.is_active
        )
    )
    return found


def _enter(
    session: Session, deps: Deps, username: str, is_right: bool, code: str, fresh: str, agent: str
) -> AppError | None:
    now = deps.now()
    user = session.scalar(
        select(ConsoleUser)
        .where(ConsoleUser.username == username.strip().lower()[:64], ConsoleUser.is_active)
        .with_for_update()
    )
    if user is None:
        return SignInRefused()
    if user.locked_until is not None and user.locked_until > now:
        return AccountLocked()
    if not is_right:
        return _failed(user, now) or SignInRefused()
    if not take_code(deps, user, code, now):
        return _failed(user, now) or CodeRefused()
    user.failed_count, user.locked_until = 0, None
    begin_session(session, user.id, fresh, now, agent)
    return None


def take_code(deps: Deps, user: ConsoleUser, code: str, now: datetime) -> bool:
    """Whether this code of the second factor is good now; it is not good again. Lock the row."""
    if user.totp_sealed is None:
        return False
    secret = deps.ring.open(
        user.totp_sealed, seal_place("console_user", "totp_sealed", user.seal_key)
    )
    step = totp.taken_step(secret, code, now, user.last_step)
    if step is None:
        return False
    user.last_step = step
    return True


def _failed(user: ConsoleUser, now: datetime) -> AppError | None:
    user.failed_count += 1
    if user.failed_count < MOST_FAILURES:
        return None
    user.failed_count, user.locked_until = 0, now + LOCKED_FOR
    return AccountLocked()


def begin_session(session: Session, user_id: int, fresh: str, now: datetime, agent: str) -> None:
    """At the only provider of the account, if there is just one."""
    own = session.scalars(
        select(ConsoleMember.provider_id)
        .where(ConsoleMember.user_id == user_id, ConsoleMember.is_active)
        .limit(2)
    ).all()
    session.execute(
        insert(ConsoleSession).values(
            id_hash=hashed(fresh), user_id=user_id, agent=agent[:160], created_at=now,
            seen_at=now, expires_at=now + LIFE, provider_id=own[0] if len(own) == 1 else None,
        )
    )  # fmt: skip


def sign_out(session: Session, id_hash: str, now: datetime) -> None:
    session.execute(
        text("UPDATE console_session SET revoked_at = :now WHERE id_hash = :h"),
        {"now": now, "h": id_hash},
    )


def choose(session: Session, id_hash: str, user_id: int, out_mch_id: str) -> bool:
    """Act for this provider from now on; False if the account is none of it."""
    found = session.execute(
        text(
            "UPDATE console_session s SET provider_id = m.provider_id, confirmed_at = NULL"
            " FROM console_member m JOIN provider p ON p.id = m.provider_id"
            " WHERE s.id_hash = :h AND m.user_id = :u AND m.is_active AND p.out_mch_id = :o"
            " RETURNING 1"
        ),
        {"h": id_hash, "u": user_id, "o": out_mch_id},
    ).first()
    return found is not None


def confirm(deps: Deps, user_id: int, id_hash: str, code: str) -> None:
    """A fresh code inside a session, for a change that wants one.

    Raises CodeRefused or AccountLocked; tries count like those of signing in.
    """

    def unit(session: Session) -> AppError | None:
        now = deps.now()
        user = session.get_one(ConsoleUser, user_id, with_for_update=True)
        if user.locked_until is not None and user.locked_until > now:
            return AccountLocked()
        if not take_code(deps, user, code, now):
            return _failed(user, now) or CodeRefused()
        user.failed_count = 0
        session.execute(
            text("UPDATE console_session SET confirmed_at = :now WHERE id_hash = :h"),
            {"now": now, "h": id_hash},
        )
        return None

    refused = deps.transact(unit)
    if refused is not None:
        raise refused


def spend_confirmation(session: Session, id_hash: str) -> None:
    """One change per code: the next one asks again."""
    session.execute(
        text("UPDATE console_session SET confirmed_at = NULL WHERE id_hash = :h"), {"h": id_hash}
    )
