"""What everybody does with the own account: password, second factor, recovery codes, sessions,
saying yes to a provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import AppError, NotFound
from models.console import ConsoleMember, ConsoleRole, ConsoleUser
from models.provider import Provider
from services import audit
from services.console import (
    account_audit,
    enrolment,
    passwords,
    recovery,
    set_up,
    signing_in,
)
from services.console.acting import IDLE, Operator
from services.console.problems import PasswordWrong
from services.deps import Deps

HANDLE: Final = 24  # characters of a session's hash that name it on its owner's page


def sessions(session: Session, user_id: int, now: datetime) -> Sequence[Any]:
    """Open sessions of an account, the newest first."""
    return session.execute(
        text(
            "SELECT s.id_hash, left(s.id_hash, :n) AS handle, s.agent, s.created_at, s.seen_at,"
            " s.by_recovery, p.name AS provider FROM console_session s"
            " LEFT JOIN provider p ON p.id = s.provider_id"
            " WHERE s.user_id = :u AND s.revoked_at IS NULL AND s.expires_at > :now"
            " AND s.seen_at > :idle_since ORDER BY s.seen_at DESC, s.id_hash"
        ),
        {"u": user_id, "now": now, "n": HANDLE, "idle_since": now - IDLE},
    ).all()


def end_session(session: Session, user_id: int, handle: str, now: datetime) -> None:
    """Raises NotFound for a session that is over or somebody else's."""
    ended = session.execute(
        text(
            "UPDATE console_session SET revoked_at = :now WHERE user_id = :u"
            " AND left(id_hash, :n) = :h AND revoked_at IS NULL RETURNING 1"
        ),
        {"now": now, "u": user_id, "n": HANDLE, "h": handle},
    ).first()
    if ended is None:
        raise NotFound(f"session {handle}")
    account_audit.note(session, user_id, "console_session_ended", now)


def change_password(deps: Deps, who: Operator, *, old: str, new: str, code: str) -> None:
    """All other sessions end. Raises PasswordWrong, PasswordWeak, CodeRefused or AccountLocked."""
    is_right = _is_right(deps, who, old)

    def change(session: Session, user: ConsoleUser, now: datetime) -> AppError | None:
        if not is_right:
            return signing_in.failed(session, user, now) or PasswordWrong()
        passwords.check(new, user.username)
        if not signing_in.take_code(deps, user, code, now):
            refused = signing_in.failed(session, user, now)
            return refused or signing_in.code_refused(user, now)
        user.failed_count = 0
        user.password_hash = passwords.make_hash(new)
        set_up.end_sessions(session, user.id, now, but=who.session_hash)
        account_audit.note(session, user.id, "console_password_changed", now)
        return None

    _decide(deps, who, change)


def change_second_factor(
    deps: Deps, who: Operator, *, password: str, code: str, sealed: str, new_code: str
) -> list[str]:
    """To another authenticator, and fresh recovery codes, which are returned.

    `code` is of the one so far, or a recovery code: so a session alone changes nothing, and who
    has lost the phone still can. Raises PasswordWrong, CodeRefused or AccountLocked.
    """
    is_right = _is_right(deps, who, password)
    made: list[str] = []

    def change(session: Session, user: ConsoleUser, now: datetime) -> AppError | None:
        if not is_right:
            return signing_in.failed(session, user, now) or PasswordWrong()
        secret, step = enrolment.prove(deps, sealed, who.session_hash, new_code, now)
        if not signing_in.take_code(deps, user, code, now) and not recovery.use(
            session, deps, user.id, code, now
        ):
            refused = signing_in.failed(session, user, now)
            return refused or signing_in.code_refused(user, now)
        set_up.put_second_factor(deps, user, secret, step)
        user.failed_count = 0
        set_up.end_sessions(session, user.id, now, but=who.session_hash)
        account_audit.note(session, user.id, "console_second_factor_changed", now)
        made[:] = recovery.renew(session, deps, user.id, now)
        return None

    _decide(deps, who, change)
    return made


def renew_recovery(deps: Deps, who: Operator) -> list[str]:
    """Fresh recovery codes; the older ones are over."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        session.get_one(ConsoleUser, who.user_id, with_for_update=True)
        account_audit.note(session, who.user_id, "console_recovery_renewed", now)
        return recovery.renew(session, deps, who.user_id, now)

    return deps.transact(unit)


def _is_right(deps: Deps, who: Operator, password: str) -> bool:
    """Slow on purpose, so no row is locked meanwhile."""
    kept = deps.transact(
        lambda s: s.scalar(select(ConsoleUser.password_hash).where(ConsoleUser.id == who.user_id))
    )
    return passwords.is_right(kept, password)


def _decide(
    deps: Deps,
    who: Operator,
    change: Callable[[Session, ConsoleUser, datetime], AppError | None],
) -> None:
    """A refusal is kept (the try is counted) although it raises behind the transaction."""

    def unit(session: Session) -> AppError | None:
        now = deps.now()
        user = session.get_one(ConsoleUser, who.user_id, with_for_update=True)
        return signing_in.locked_words(user, now) or change(session, user, now)

    refused = deps.transact(unit)
    if refused is not None:
        raise refused


# --- for which providers --------------------------------------------------------------------------


def offers(session: Session, user_id: int) -> Sequence[Any]:
    """Providers of the account: those it works for, and those that have asked it to."""
    return session.execute(
        text(
            "SELECT p.out_mch_id, p.name, m.role, m.accepted_at IS NOT NULL AS is_accepted"
            " FROM console_member m JOIN provider p ON p.id = m.provider_id"
            " WHERE m.user_id = :u AND m.is_active ORDER BY p.id"
        ),
        {"u": user_id},
    ).all()


def answer_offer(deps: Deps, who: Operator, out_mch_id: str, *, accept: bool) -> None:
    """Yes or no to a provider that asked. Raises NotFound."""

    def unit(session: Session) -> None:
        now = deps.now()
        member = session.scalar(
            select(ConsoleMember)
            .join(Provider, Provider.id == ConsoleMember.provider_id)
            .where(
                Provider.out_mch_id == out_mch_id,
                ConsoleMember.user_id == who.user_id,
                ConsoleMember.is_active,
                ConsoleMember.accepted_at.is_(None),
            )
            .with_for_update(of=ConsoleMember)
        )
        if member is None:
            raise NotFound(f"no offer of {out_mch_id}")
        member.accepted_at, member.is_active = (now, True) if accept else (None, False)
        audit.record(
            session, provider_id=member.provider_id, actor=who.actor,
            action="console_member_accepted" if accept else "console_member_declined",
            subject=f"console_user:{who.user_id}", at=now,
            role=ConsoleRole(member.role).value,
        )  # fmt: skip

    deps.transact(unit)
