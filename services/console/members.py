"""A provider's people of the console: adding them, their roles, switching them off.

Every change locks the provider's members first and looks at who acts once more behind the lock.
So whoever acts is an admin when it is done, and nobody acts on himself: the last one stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import Forbidden, NotFound
from models.console import ConsoleMember, ConsoleRole, ConsoleUser
from services import audit
from services.console import set_up
from services.console.accounts import add_member, add_user
from services.console.acting import Operator
from services.console.problems import (
    AccountElsewhere,
    AlreadyMember,
    LastAdmin,
    NameMissing,
    NotYourself,
)
from services.deps import Deps

_LISTED = """
SELECT m.id AS number, m.user_id, u.username, u.name, m.role, m.created_at,
    m.is_active AND u.is_active AS is_active, m.accepted_at IS NOT NULL AS is_accepted,
    u.totp_sealed IS NOT NULL AS is_set_up, u.locked_until > :now AS is_locked,
    (SELECT max(s.seen_at) FROM console_session s WHERE s.user_id = m.user_id
        AND s.provider_id = m.provider_id) AS seen_at,
    (SELECT count(*) FROM console_session s WHERE s.user_id = m.user_id
        AND s.provider_id = m.provider_id AND s.revoked_at IS NULL AND s.expires_at > :now
    ) AS sessions,
    (SELECT count(*) FROM console_recovery r WHERE r.user_id = m.user_id AND r.used_at IS NULL
    ) AS recovery_left,
    (SELECT max(i.expires_at) FROM console_invite i WHERE i.user_id = m.user_id
        AND i.ended_at IS NULL AND i.expires_at > :now) AS link_until
FROM console_member m JOIN console_user u ON u.id = m.user_id
WHERE m.provider_id = :p
"""


def listed(session: Session, provider_id: int, now: datetime) -> Sequence[Any]:
    """Everybody of the provider, those who are in first."""
    order = " ORDER BY m.is_active DESC, m.id"
    return session.execute(text(_LISTED + order), {"p": provider_id, "now": now}).all()


def one(session: Session, provider_id: int, number: int, now: datetime) -> Any:
    """Raises NotFound, also for another provider's."""
    found = session.execute(
        text(_LISTED + " AND m.id = :i"), {"p": provider_id, "i": number, "now": now}
    ).one_or_none()
    if found is None:
        raise NotFound(f"member {number}")
    return found


@dataclass(frozen=True, slots=True)
class Added:
    """`link` sets the account up, once; empty for one that was there: its owner says yes."""

    username: str
    link: str = ""


def add(deps: Deps, who: Operator, *, username: str, name: str, role: ConsoleRole) -> Added:
    """Raises UsernameUnfit, NameMissing or AlreadyMember."""

    def unit(session: Session) -> Added:
        _lock(session, who)
        now, account = deps.now(), username.strip().lower()
        known = session.scalar(select(ConsoleUser).where(ConsoleUser.username == account))
        if known is not None:
            _refuse_member(session, who.provider, known.id)
            made = add_member(session, who.provider, known.id, role, now, is_accepted=False)
            _note(session, deps, who, made, "console_member_invited", role=role.value)
            return Added(account)
        if not name.strip() or len(name.strip()) > 32:
            raise NameMissing()
        user = add_user(
            session, deps, username=account, name=name.strip(),
            password=set_up.nobodys_password(), totp_secret=None, now=now,
        )  # fmt: skip
        made = add_member(session, who.provider, user.id, role, now)
        _note(session, deps, who, made, "console_member_added", role=role.value)
        return Added(account, set_up.make_link(session, deps, user.id, made_by=who.actor))

    return deps.transact(unit)


def _refuse_member(session: Session, provider_id: int, user_id: int) -> None:
    found = session.scalar(
        select(ConsoleMember.id).where(
            ConsoleMember.provider_id == provider_id, ConsoleMember.user_id == user_id
        )
    )
    if found is not None:
        raise AlreadyMember()


def set_role(deps: Deps, who: Operator, number: int, role: ConsoleRole) -> None:
    """Raises NotFound, NotYourself or LastAdmin."""

    def unit(session: Session) -> None:
        member = _other(session, who, number)
        before, member.role = member.role, role
        if before is not role:
            _note(
                session, deps, who, member, "console_role_set",
                old=ConsoleRole(before).value, new=role.value,
            )  # fmt: skip

    deps.transact(unit)


def switch(deps: Deps, who: Operator, number: int, *, on: bool) -> None:
    """Off: out with the next press of any open page. Raises NotFound, NotYourself or LastAdmin."""

    def unit(session: Session) -> None:
        member = _other(session, who, number)
        if member.is_active is not on:
            member.is_active = on
            action = "console_member_on" if on else "console_member_off"
            _note(session, deps, who, member, action)
        if not on:
            set_up.end_sessions(session, member.user_id, deps.now(), provider_id=who.provider)

    deps.transact(unit)


def fresh_link(deps: Deps, who: Operator, number: int) -> Added:
    """Close every way in to the account and give a link that sets it up anew.

    Raises NotFound, NotYourself or AccountElsewhere.
    """

    def unit(session: Session) -> Added:
        member = _other(session, who, number)
        user = session.get_one(ConsoleUser, member.user_id, with_for_update=True)
        if _works_elsewhere(session, user, who.provider):
            raise AccountElsewhere()
        set_up.reset(session, user, deps.now())
        _note(session, deps, who, member, "console_account_reset")
        return Added(user.username, set_up.make_link(session, deps, user.id, made_by=who.actor))

    return deps.transact(unit)


def _works_elsewhere(session: Session, user: ConsoleUser, provider_id: int) -> bool:
    """Also who may add providers, and who has not said yes here."""
    accepted = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE provider_id = :p AND accepted_at IS NOT NULL) AS here,"
            " count(*) FILTER (WHERE provider_id <> :p AND accepted_at IS NOT NULL) AS elsewhere"
            " FROM console_member WHERE user_id = :u"
        ),
        {"p": provider_id, "u": user.id},
    ).one()
    return user.can_add_providers or not accepted.here or bool(accepted.elsewhere)


def end_sessions(deps: Deps, who: Operator, number: int) -> int:
    """All that the account has open for this provider; how many. Raises NotFound."""

    def unit(session: Session) -> int:
        member = _member(session, who, number)
        ended = set_up.end_sessions(
            session, member.user_id, deps.now(), but=who.session_hash, provider_id=who.provider
        )
        _note(session, deps, who, member, "console_sessions_ended", count=ended)
        return ended

    return deps.transact(unit)


def _lock(session: Session, who: Operator) -> None:
    """Nobody else changes the provider's people meanwhile; and who acts still may."""
    rows = session.execute(
        text(
            "SELECT user_id, role, is_active FROM console_member WHERE provider_id = :p"
            " ORDER BY id FOR UPDATE"
        ),
        {"p": who.provider},
    ).all()
    mine = [row for row in rows if row.user_id == who.user_id and row.is_active]
    if not mine or mine[0].role != ConsoleRole.ADMIN:
        raise Forbidden("people")


def _member(session: Session, who: Operator, number: int) -> ConsoleMember:
    _lock(session, who)
    found = session.get(ConsoleMember, (who.provider, number), populate_existing=True)
    if found is None:
        raise NotFound(f"member {number}")
    return found


def _other(session: Session, who: Operator, number: int) -> ConsoleMember:
    """Somebody else than who acts."""
    member = _member(session, who, number)
    if member.user_id == who.user_id:
        raise NotYourself() if _other_admins(session, who) else LastAdmin()
    return member


def _other_admins(session: Session, who: Operator) -> int:
    """Admins who could act in his place: set up, switched on."""
    return int(
        session.scalar(
            text(
                "SELECT count(*) FROM console_member m JOIN console_user u ON u.id = m.user_id"
                " WHERE m.provider_id = :p AND m.role = 'admin' AND m.is_active AND u.is_active"
                " AND m.accepted_at IS NOT NULL AND u.totp_sealed IS NOT NULL AND m.user_id <> :u"
            ),
            {"p": who.provider, "u": who.user_id},
        )
        or 0
    )


def _note(
    session: Session, deps: Deps, who: Operator, member: ConsoleMember, action: str, **facts: Any
) -> None:
    audit.record(
        session,
        provider_id=who.provider,
        actor=who.actor,
        action=action,
        subject=f"console_user:{member.user_id}",
        at=deps.now(),
        **facts,
    )
