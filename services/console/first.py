"""Accounts from the server's command line: the first one, and the ways out."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from errors import NotFound
from models.console import ConsoleMember, ConsoleRole, ConsoleTry, ConsoleUser
from models.provider import Provider
from services import audit
from services.console import account_audit, set_up
from services.console.accounts import add_member, add_user
from services.console.problems import AlreadyMember
from services.console.set_up import nobodys_password
from services.deps import Deps


def add_admin(
    deps: Deps, *, username: str, name: str, out_mch_id: str, role: ConsoleRole, actor: str
) -> str:
    """A new account that may add providers, and its set-up link; "" for one that is set up.

    With `out_mch_id` it works for that provider. Raises UsernameUnfit, AlreadyMember, NotFound.
    """

    def unit(session: Session) -> str:
        now = deps.now()
        user = _find(session, username)
        is_new = user is None
        if user is None:
            user = add_user(
                session, deps, username=username, name=name, password=nobodys_password(),
                totp_secret=None, now=now, can_add_providers=True,
            )  # fmt: skip
        if out_mch_id:
            provider_id = _provider(session, out_mch_id)
            _refuse_member(session, provider_id, user.id)
            add_member(session, provider_id, user.id, role, now)
            audit.record(
                session, provider_id=provider_id, actor=actor, action="console_member_added",
                subject=f"console_user:{user.id}", at=now, role=role.value,
            )  # fmt: skip
        elif not is_new:
            raise AlreadyMember(f"{username} is there; name a provider, or reset it")
        if user.totp_sealed is not None:
            return ""
        return set_up.make_link(session, deps, user.id, made_by=actor)

    return deps.transact(unit)


def reset(deps: Deps, username: str, *, actor: str) -> str:
    """Close every way in to the account; a link that sets it up anew. Raises NotFound."""

    def unit(session: Session) -> str:
        user = _locked(session, username)
        set_up.reset(session, user, deps.now())
        account_audit.note(session, user.id, "console_second_factor_reset", deps.now(), actor=actor)
        return set_up.make_link(session, deps, user.id, made_by=actor)

    return deps.transact(unit)


def unlock(deps: Deps, username: str, *, actor: str) -> None:
    """Also for all addresses: whoever runs commands may look at the door. Raises NotFound."""

    def unit(session: Session) -> None:
        user = _locked(session, username)
        user.failed_count, user.locked_until = 0, None
        session.execute(delete(ConsoleTry).where(~ConsoleTry.subject.startswith("known:")))
        account_audit.note(session, user.id, "console_unlocked", deps.now(), actor=actor)

    deps.transact(unit)


def _find(session: Session, username: str) -> ConsoleUser | None:
    return session.scalar(
        select(ConsoleUser)
        .where(ConsoleUser.username == username.strip().lower())
        .with_for_update()
    )


def _locked(session: Session, username: str) -> ConsoleUser:
    found = _find(session, username)
    if found is None:
        raise NotFound(f"no account {username}")
    return found


def _provider(session: Session, out_mch_id: str) -> int:
    found = session.scalar(select(Provider.id).where(Provider.out_mch_id == out_mch_id))
    if found is None:
        raise NotFound(f"no provider {out_mch_id}")
    return found


def _refuse_member(session: Session, provider_id: int, user_id: int) -> None:
    if session.scalar(
        select(ConsoleMember.id).where(
            ConsoleMember.provider_id == provider_id, ConsoleMember.user_id == user_id
        )
    ):
        raise AlreadyMember()
