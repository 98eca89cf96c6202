"""Set-up links (设置链接): whoever holds one sets an account's password and second factor, once.

The link signs nobody in: what was set is what one signs in with.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.console import ConsoleInvite, ConsoleUser
from services.accounts import seal_place
from services.console import account_audit, enrolment, passwords, recovery
from services.console.problems import SetUpOver
from services.deps import Deps
from services.payers import hashed

LIFE: Final = timedelta(hours=24)


def make_link(session: Session, deps: Deps, user_id: int, *, made_by: str) -> str:
    """A fresh link; an older one is over. Its key stands in the query, which no log keeps."""
    now, key = deps.now(), secrets.token_urlsafe(32)
    _end_links(session, user_id, now)
    session.add(
        ConsoleInvite(
            user_id=user_id, token_hash=hashed(key), made_by=made_by, created_at=now,
            expires_at=now + LIFE,
        )
    )  # fmt: skip
    session.flush()
    return f"{deps.settings.base_url}/console/set-up?key={key}"


def nobodys_password() -> str:
    """What stands in for the password before it is set: known to nobody, kept nowhere."""
    return secrets.token_urlsafe(32)


def reset(session: Session, user: ConsoleUser, now: datetime) -> None:
    """Close every way in: password, second factor, recovery codes and sessions. Lock the row."""
    user.password_hash = passwords.make_hash(nobodys_password())
    user.totp_sealed, user.failed_count, user.locked_until = None, 0, None
    session.execute(text("DELETE FROM console_recovery WHERE user_id = :u"), {"u": user.id})
    end_sessions(session, user.id, now)


def end_sessions(
    session: Session, user_id: int, now: datetime, *, but: str = "", provider_id: int | None = None
) -> int:
    """All sessions of an account that are open, or those for one provider; `but` one."""
    ended = session.execute(
        text(
            "UPDATE console_session SET revoked_at = :now WHERE user_id = :u AND id_hash <> :but"
            " AND revoked_at IS NULL AND expires_at > :now"
            " AND (CAST(:p AS bigint) IS NULL OR provider_id = :p) RETURNING 1"
        ),
        {"now": now, "u": user_id, "but": but, "p": provider_id},
    ).all()
    return len(ended)


def user_of(session: Session, key: str, now: datetime, *, lock: bool = False) -> ConsoleUser | None:
    """Whose link it is; None for one that is used, over or nobody's."""
    wanted = select(ConsoleInvite).where(
        ConsoleInvite.token_hash == hashed(key),
        ConsoleInvite.ended_at.is_(None),
        ConsoleInvite.expires_at > now,
    )
    invite = session.scalar(wanted.with_for_update() if lock else wanted)
    if invite is None:
        return None
    user = session.get_one(ConsoleUser, invite.user_id, with_for_update=lock or None)
    return user if user.is_active else None


def finish(deps: Deps, key: str, *, password: str, sealed: str, code: str) -> list[str]:
    """Set both; gives the recovery codes, to be shown once.

    Raises SetUpOver, PasswordWeak or CodeRefused.
    """

    def unit(session: Session) -> list[str]:
        now = deps.now()
        user = user_of(session, key, now, lock=True)
        if user is None:
            raise SetUpOver()
        passwords.check(password, user.username)
        secret, step = enrolment.prove(deps, sealed, hashed(key), code, now)
        user.password_hash = passwords.make_hash(password)
        put_second_factor(deps, user, secret, step)
        user.failed_count, user.locked_until = 0, None
        _end_links(session, user.id, now)
        end_sessions(session, user.id, now)
        account_audit.note(session, user.id, "console_set_up", now)
        return recovery.renew(session, deps, user.id, now)

    return deps.transact(unit)


def put_second_factor(deps: Deps, user: ConsoleUser, secret: str, step: int) -> None:
    """`step` is that of the code that proved it: it is not good again."""
    place = seal_place("console_user", "totp_sealed", user.seal_key)
    user.totp_sealed, user.last_step = deps.ring.seal(secret, place), step


def _end_links(session: Session, user_id: int, now: datetime) -> None:
    session.execute(
        text("UPDATE console_invite SET ended_at = :now WHERE user_id = :u AND ended_at IS NULL"),
        {"now": now, "u": user_id},
    )
