"""Coming into the merchant's backend: the official account tells who holds the phone.

A session belongs to one person as one account knows him; in which role he acts is chosen
afterwards, and every choice makes a new session (`roles.py`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from models.session import OauthState, WebSession
from services.accounts import OfficialAccount
from services.deps import Deps
from services.oa import oauth
from services.payers import SESSION_LIFE, STATE_LIFE, find_or_make_person, hashed
from services.people import roles
from services.people.problems import AccountUnusable, SignInFailed, SignInStale

CHANNEL: Final = "staff"  # of a state: a payer's is no staff's
ACCOUNT_CODES: Final = frozenset({"10005", "40013", "40125", "48001", "61003", "61004", "61007"})


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie it must carry when it comes back."""

    url: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Arrival:
    target: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose session it is: a person, in whatever role or in none."""

    provider_id: int
    person_id: int


def holder_of(session: Session, id_hash: str, now: datetime) -> Holder | None:
    """The person of a live staff session; None without one, and for a demo's."""
    row = session.execute(
        text(
            "SELECT ws.provider_id, ws.wechat_person_id FROM web_session ws JOIN person p"
            " ON p.provider_id = ws.provider_id AND p.id = ws.wechat_person_id"
            " WHERE ws.id_hash = :h AND ws.kind = 'staff' AND ws.revoked_at IS NULL"
            " AND ws.expires_at > :now AND p.erased_at IS NULL"
        ),
        {"h": id_hash, "now": now},
    ).one_or_none()
    return None if row is None else Holder(row.provider_id, row.wechat_person_id)


def provider_of(session: Session, out_mch_id: str) -> tuple[int, int] | None:
    """(id, account version) of a provider that works, by its outer number."""
    row = session.execute(
        text("SELECT id, account_version FROM provider WHERE out_mch_id = :m AND is_active"),
        {"m": out_mch_id},
    ).one_or_none()
    return None if row is None else (row.id, row.account_version)


def depart(
    deps: Deps, provider: tuple[int, int], out_mch_id: str, *, target: str, session_id: str | None
) -> Departure:
    """Begin the round trip: a state bound to this browser, good once, for ten minutes.

    `target` is a path of ours below `/m/`. Raises AccountUnusable.
    """
    own, state = session_id or secrets.token_urlsafe(24), secrets.token_hex(16)
    now = deps.now()
    back = f"{deps.settings.base_url}/m/back/{out_mch_id}"
    url = oauth.authorize_url(deps, _official(deps, provider), back, state)

    def write(session: Session) -> None:
        session.execute(
            text(
                "INSERT INTO web_session (id_hash, kind, provider_id, created_at, expires_at)"
                " VALUES (:h, 'staff', :p, :now, :until) ON CONFLICT (id_hash) DO NOTHING"
            ),
            {"h": hashed(own), "p": provider[0], "now": now, "until": now + STATE_LIFE},
        )
        session.execute(
            insert(OauthState).values(
                state_hash=hashed(state),
                session_hash=hashed(own),
                provider_id=provider[0],
                channel=CHANNEL,
                target=target,
                expires_at=now + STATE_LIFE,
            )
        )

    deps.transact(write)
    return Departure(url, own)


def arrive(
    deps: Deps, provider: tuple[int, int], *, code: str, state: str, session_id: str | None
) -> Arrival:
    """End the round trip: the state must be this browser's and unused, the code good.

    Then the browser has a new session, in the only role the person has, if there is just one.
    Raises SignInStale, SignInFailed or AccountUnusable; nobody is signed in then.
    """
    if not session_id or not state:
        raise SignInStale()
    target = deps.transact(lambda s: _spend(s, deps, provider[0], state, session_id))
    if target is None:
        raise SignInStale()
    official = _official(deps, provider)
    openid = _openid(deps, official, code)
    fresh = secrets.token_urlsafe(24)

    def unit(session: Session) -> None:
        person_id = find_or_make_person(
            session, deps, provider[0], "wechat", official.app_id, openid
        )
        found = roles.roles_of(session, provider[0], person_id, most=2)
        role = found[0] if len(found) == 1 else None
        start(session, deps, Holder(provider[0], person_id), role, old=session_id, fresh=fresh)

    deps.transact(unit)
    return Arrival(target, fresh)


def start(
    session: Session,
    deps: Deps,
    holder: Holder,
    role: roles.Choice | None,
    *,
    old: str | None,
    fresh: str,
) -> None:
    """A session with a new id, in a role or in none; the old one is over with all its forms."""
    now = deps.now()
    if old is not None:
        end(session, old, now)
    session.execute(
        insert(WebSession).values(
            id_hash=hashed(fresh),
            kind="staff",
            provider_id=holder.provider_id,
            wechat_person_id=holder.person_id,
            staff_id=role.staff_id if role else None,
            provider_admin_id=role.admin_id if role else None,
            merchant_id=role.merchant_id if role and role.admin_id else None,
            created_at=now,
            expires_at=now + SESSION_LIFE,
        )
    )


def end(session: Session, session_id: str, now: datetime) -> None:
    session.execute(
        text(
            "UPDATE web_session SET revoked_at = :now WHERE id_hash = :h AND kind = 'staff'"
            " AND revoked_at IS NULL"
        ),
        {"h": hashed(session_id), "now": now},
    )


def _spend(
    session: Session, deps: Deps, provider_id: int, state: str, session_id: str
) -> str | None:
    found: str | None = session.scalar(
        text(
            "UPDATE oauth_state SET used_at = :now WHERE state_hash = :state"
            " AND session_hash = :session AND provider_id = :p AND channel = :channel"
            " AND used_at IS NULL AND expires_at > :now RETURNING target"
        ),
        {
            "now": deps.now(),
            "state": hashed(state),
            "session": hashed(session_id),
            "p": provider_id,
            "channel": CHANNEL,
        },
    )
    return found


def _official(deps: Deps, provider: tuple[int, int]) -> OfficialAccount:
    official = deps.accounts_of(*provider).official
    if official is None:
        raise AccountUnusable()
    return official


def _openid(deps: Deps, official: OfficialAccount, code: str) -> str:
    if not code:
        raise SignInStale()  # refused on WeChat's page, or a link that somebody made
    try:
        return oauth.openid(deps, official, code)
    except GatewayRejected as problem:
        if problem.upstream_code in ACCOUNT_CODES:
            raise AccountUnusable(upstream=problem.upstream_code) from problem
        raise SignInFailed(upstream=problem.upstream_code) from problem
    except GatewayUnknown as problem:
        raise SignInFailed() from problem
