"""Signing in to the console: password and code in one go, counted tries, sessions as rows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from errors import AppError
from models.console import ConsoleMember, ConsoleSession, ConsoleUser
from services.accounts import seal_place
from services.console import account_audit, passwords, recovery, totp, tries
from services.console.acting import CONFIRMATION_LIFE
from services.console.problems import (
    AccountLocked,
    CodeRefused,
    RecoveryRefused,
    SignInRefused,
)
from services.deps import Deps
from services.payers import hashed

LIFE: Final = timedelta(hours=12)
MOST_FAILURES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody at the door shows. `recovery` stands in for `code`, the second factor's."""

    username: str
    password: str
    code: str = ""
    recovery: str = ""
    agent: str = ""
    address: str = ""

    @property
    def account(self) -> str:
        return self.username.strip().lower()[:64]


def sign_in(deps: Deps, entry: Entry) -> str:
    """A new session's id. Raises SignInRefused, CodeRefused, RecoveryRefused, AccountLocked or
    TooManyTries.

    A refusal is kept (a try is counted) although it raises: it is decided in the transaction and
    raised behind it.
    """
    place = tries.place_of(deps, entry.address)
    refused: AppError | None = deps.transact(lambda s: tries.take(s, place, deps.now()))
    if refused is not None:
        raise refused
    kept = deps.transact(lambda s: _hash_of(s, entry.account))
    is_right = passwords.is_right(kept, entry.password)
    fresh = secrets.token_urlsafe(32)
    refused = deps.transact(lambda s: _enter(s, deps, entry, place, is_right, fresh))
    if refused is not None:
        raise refused
    return fresh


def _hash_of(session: Session, account: str) -> str | None:
    found: str | None = session.scalar(
        select(ConsoleUser.password_hash).where(
            ConsoleUser.username == account, ConsoleUser.is_active
        )
    )
    return found


def _enter(
    session: Session, deps: Deps, entry: Entry, place: tries.Place, is_right: bool, fresh: str
) -> AppError | None:
    now = deps.now()
    user = session.scalar(
        select(ConsoleUser)
        .where(ConsoleUser.username == entry.account, ConsoleUser.is_active)
        .with_for_update()
    )
    if user is None:
        return _nobody(session, deps, entry.account, now)
    if (locked := locked_words(user, now)) is not None:
        return locked
    if not is_right:
        return failed(session, user, now) or SignInRefused(_left(user))
    refused = _second_factor(session, deps, user, entry, now)
    if refused is not None:
        return refused
    user.failed_count, user.locked_until = 0, None
    tries.give_back(session, place, now)
    begin_session(session, user.id, fresh, now, entry.agent, by_recovery=bool(entry.recovery))
    account_audit.note(session, user.id, "console_signed_in", now, recovery=bool(entry.recovery))
    return None


def _second_factor(
    session: Session, deps: Deps, user: ConsoleUser, entry: Entry, now: datetime
) -> AppError | None:
    """An account without a second factor has no way in, by a recovery code neither."""
    if user.totp_sealed is None:
        return failed(session, user, now) or CodeRefused(code_words(user, now))
    if entry.recovery:
        if recovery.use(session, deps, user.id, entry.recovery, now):
            return None
        return failed(session, user, now) or RecoveryRefused(_left(user, "恢复码不对或已用过"))
    if not take_code(deps, user, entry.code, now):
        return failed(session, user, now) or CodeRefused(code_words(user, now))
    return None


def _nobody(session: Session, deps: Deps, account: str, now: datetime) -> AppError:
    """A name that is no account's is locked like one that is: nobody learns which there are."""
    subject = f"name:{deps.ring.blind(account, 'console-nobody')[:48]}"
    counted = tries.fail(session, subject, now, MOST_FAILURES, LOCKED_FOR)
    if counted.is_locked:
        return AccountLocked(_wait(counted.began_at + LOCKED_FOR - now))
    return SignInRefused(_words("账号或密码不对", MOST_FAILURES - counted.count))


def locked_words(user: ConsoleUser, now: datetime) -> AccountLocked | None:
    if user.locked_until is None or user.locked_until <= now:
        return None
    return AccountLocked(_wait(user.locked_until - now))


def _wait(left: timedelta) -> str:
    return f"试错太多次，账号已锁定，还有 {tries.minutes(left)} 分钟"


def _left(user: ConsoleUser, what: str = "账号或密码不对") -> str:
    return _words(what, MOST_FAILURES - user.failed_count)


def _words(what: str, left: int) -> str:
    return f"{what}。再错 {left} 次将锁定 {LOCKED_FOR.seconds // 60} 分钟"


def code_refused(user: ConsoleUser, now: datetime) -> CodeRefused:
    return CodeRefused(code_words(user, now))


def code_words(user: ConsoleUser, now: datetime) -> str:
    """When the next code comes, and how many tries are left."""
    wait = totp.STEP_S - int(now.timestamp()) % totp.STEP_S
    return _left(user, f"验证码不对、已用过或已过期，请等下一个（还有 {wait} 秒）")


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


def failed(session: Session, user: ConsoleUser, now: datetime) -> AppError | None:
    """Count a failure of an account, its row locked; what to say if it is locked by it."""
    user.failed_count += 1
    if user.failed_count < MOST_FAILURES:
        return None
    user.failed_count, user.locked_until = 0, now + LOCKED_FOR
    account_audit.note(session, user.id, "console_locked", now, actor="door")
    return AccountLocked(_wait(LOCKED_FOR))


def begin_session(
    session: Session,
    user_id: int,
    fresh: str,
    now: datetime,
    agent: str,
    *,
    by_recovery: bool = False,
) -> None:
    """At the only provider of the account, if there is just one."""
    own = session.scalars(
        select(ConsoleMember.provider_id)
        .where(
            ConsoleMember.user_id == user_id,
            ConsoleMember.is_active,
            ConsoleMember.accepted_at.is_not(None),
        )
        .limit(2)
    ).all()
    session.execute(
        insert(ConsoleSession).values(
            id_hash=hashed(fresh), user_id=user_id, agent=agent[:160], created_at=now,
            seen_at=now, expires_at=now + LIFE, provider_id=own[0] if len(own) == 1 else None,
            by_recovery=by_recovery,
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
            " WHERE s.id_hash = :h AND m.user_id = :u AND m.is_active"
            " AND m.accepted_at IS NOT NULL AND p.out_mch_id = :o"
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
        if (locked := locked_words(user, now)) is not None:
            return locked
        if not take_code(deps, user, code, now):
            return failed(session, user, now) or CodeRefused(code_words(user, now))
        user.failed_count = 0
        set_confirmation(session, id_hash, now)
        return None

    refused = deps.transact(unit)
    if refused is not None:
        raise refused


def take_confirmation(session: Session, id_hash: str, now: datetime) -> datetime | None:
    """When the fresh code of this session was given, if it still counts; it does not any more.

    One change per code, also where two are sent at once.
    """
    given: datetime | None = session.scalar(
        select(ConsoleSession.confirmed_at)
        .where(ConsoleSession.id_hash == id_hash)
        .with_for_update()
    )
    if given is None or now >= given + CONFIRMATION_LIFE:
        return None
    set_confirmation(session, id_hash, None)
    return given


def set_confirmation(session: Session, id_hash: str, given: datetime | None) -> None:
    """Also for giving it back to a change that was not made."""
    session.execute(
        text("UPDATE console_session SET confirmed_at = :t WHERE id_hash = :h"),
        {"t": given, "h": id_hash},
    )
