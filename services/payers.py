"""Who holds the phone: browser sessions, the silent OAuth round trip, and the person behind it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from errors import GatewayRejected
from models.session import OauthState, WebSession
from services.accounts import NotConfigured, ProviderAccounts, seal_place
from services.deps import Deps
from services.oa import oauth
from services.problems import PayProblem
from services.scan import Scan
from services.single import Single

SESSION_LIFE = timedelta(hours=12)
STATE_LIFE = timedelta(minutes=10)
PERSON_COLUMN = {"wechat": "wechat_person_id", "alipay": "alipay_person_id"}


@dataclass(frozen=True, slots=True)
class Payer:
    """A person as one wallet shows him to one provider. `subject` is the openid: never log it."""

    person_id: int
    channel: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie it must carry when it comes back."""

    url: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Arrival:
    target: str
    session_id: str


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


_FIND = {
    channel: Single(
        text(
            "SELECT pe.id, pe.sealed, pe.subject_hash FROM web_session ws"
            f" JOIN person pe ON pe.provider_id = ws.provider_id AND pe.id = ws.{column}"
            " WHERE ws.id_hash = :id_hash AND ws.kind = 'payer' AND ws.provider_id = :provider_id"
            " AND ws.revoked_at IS NULL AND ws.expires_at > :now AND pe.sealed IS NOT NULL"
        )
    )
    for channel, column in PERSON_COLUMN.items()
}


def find_payer(
    deps: Deps, *, session_id: str | None, provider_id: int, channel: str
) -> Payer | None:
    """The payer of this cookie, or None: then the browser has to take the OAuth round trip."""
    if not session_id:
        return None
    keys = {"id_hash": hashed(session_id), "provider_id": provider_id, "now": deps.now()}
    row = _FIND[channel].first(deps, keys)
    if row is None:
        return None
    place = seal_place("person", "sealed", f"{provider_id}:{row.subject_hash}")
    return Payer(row.id, channel, deps.ring.open(row.sealed, place))


def depart(
    deps: Deps, scan: Scan, *, channel: str, target: str, session_id: str | None
) -> Departure:
    """Begin the silent OAuth: a state bound to this browser, good once, for ten minutes."""
    own = session_id or secrets.token_urlsafe(24)
    state = secrets.token_hex(16)
    now = deps.now()

    def write(session: Session) -> None:
        session.execute(
            text(
                "INSERT INTO web_session (id_hash, kind, provider_id, created_at, expires_at)"
                " VALUES (:id_hash, 'payer', :provider_id, :now, :until)"
                " ON CONFLICT (id_hash) DO NOTHING"
            ),
            {
                "id_hash": hashed(own),
                "provider_id": scan.provider_id,
                "now": now,
                "until": now + SESSION_LIFE,
            },
        )
        session.execute(
            insert(OauthState).values(
                state_hash=hashed(state),
                session_hash=hashed(own),
                provider_id=scan.provider_id,
                channel=channel,
                target=target,
                expires_at=now + STATE_LIFE,
            )
        )

    accounts = deps.accounts_of(scan.provider_id, scan.account_version)
    back = f"{deps.settings.base_url}/q/{scan.out_mch_id}/back/{channel}"
    url = _authorize_url(deps, accounts, channel, back, state)
    deps.transact(write)
    return Departure(url, own)


def _authorize_url(
    deps: Deps, accounts: ProviderAccounts, channel: str, back: str, state: str
) -> str:
    if channel == "wechat":
        if accounts.official is None:
            raise PayProblem("PROVIDER_OA_NOT_AUTHORIZED")
        return oauth.authorize_url(deps, accounts.official, back, state)
    if not accounts.alipay:
        raise NotConfigured(channel=channel)
    return deps.gateways.alipay_oauth.authorize_url(accounts.alipay[0], back, state)


def arrive(
    deps: Deps, *, provider_id: int, version: int, channel: str, code: str, state: str,
    session_id: str | None,
) -> Arrival:  # fmt: skip
    """End the OAuth: the state must be this browser's and unused, the code good; then a new cookie.

    Raises PayProblem OAUTH_STATE or OAUTH_FAILED; nothing is written about the payer then.
    """
    if not session_id or not state:
        raise PayProblem("OAUTH_STATE", status=400)
    now = deps.now()

    def spend(session: Session) -> str | None:
        found: str | None = session.scalar(
            text(
                "UPDATE oauth_state SET used_at = :now WHERE state_hash = :state"
                " AND session_hash = :session AND provider_id = :provider_id"
                " AND channel = :channel AND used_at IS NULL AND expires_at > :now"
                " RETURNING target"
            ),
            {
                "now": now,
                "state": hashed(state),
                "session": hashed(session_id),
                "provider_id": provider_id,
                "channel": channel,
            },
        )
        return found

    target = deps.transact(spend)
    if target is None:
        raise PayProblem("OAUTH_STATE", status=400)
    accounts = deps.accounts_of(provider_id, version)
    app, subject = _exchange(deps, accounts, channel, code)
    fresh = secrets.token_urlsafe(24)
    deps.transact(
        lambda s: _remember(s, deps, provider_id, channel, app, subject, session_id, fresh)
    )
    return Arrival(target, fresh)


def _exchange(deps: Deps, accounts: ProviderAccounts, channel: str, code: str) -> tuple[str, str]:
    if not code:
        raise PayProblem("OAUTH_FAILED", status=400, upstream="no code")
    try:
        if channel == "wechat":
            if accounts.official is None:
                raise PayProblem("PROVIDER_OA_NOT_AUTHORIZED")
            return accounts.official.app_id, oauth.openid(deps, accounts.official, code)
        if not accounts.alipay:
            raise NotConfigured(channel=channel)
        who = deps.gateways.alipay_oauth.exchange(accounts.alipay[0], code)
        return accounts.alipay[0].app_id, who.payer
    except GatewayRejected as problem:
        raise PayProblem("OAUTH_FAILED", status=400, upstream=problem.upstream_code) from problem


def _remember(
    session: Session,
    deps: Deps,
    provider_id: int,
    channel: str,
    app: str,
    subject: str,
    old_id: str,
    fresh_id: str,
) -> None:
    """Find or make the person, and give the session a new id (a fixed one would be guessable)."""
    person_id = find_or_make_person(session, deps, provider_id, channel, app, subject)
    other = next(column for name, column in PERSON_COLUMN.items() if name != channel)
    moved = session.scalar(
        text(
            f"UPDATE web_session SET id_hash = :fresh, {PERSON_COLUMN[channel]} = :person_id,"
            # a person's id means nothing at another provider
            f" {other} = CASE WHEN provider_id = :provider_id THEN {other} END,"
            " provider_id = :provider_id, expires_at = :until WHERE id_hash = :old"
            " AND revoked_at IS NULL RETURNING 1"
        ),
        {
            "fresh": hashed(fresh_id),
            "old": hashed(old_id),
            "person_id": person_id,
            "provider_id": provider_id,
            "until": deps.now() + SESSION_LIFE,
        },
    )
    if moved is None:
        session.execute(
            insert(WebSession).values(
                id_hash=hashed(fresh_id),
                kind="payer",
                provider_id=provider_id,
                created_at=deps.now(),
                expires_at=deps.now() + SESSION_LIFE,
                **{PERSON_COLUMN[channel]: person_id},
            )
        )


def find_or_make_person(
    session: Session, deps: Deps, provider_id: int, channel: str, app: str, subject: str
) -> int:
    """One row per identity; the openid is kept sealed and found by its keyed hash."""
    subject_hash = deps.ring.blind(f"{channel}:{app}:{subject}", "person")
    place = seal_place("person", "sealed", f"{provider_id}:{subject_hash}")
    found = session.scalar(
        text(
            "INSERT INTO person (provider_id, channel, app, subject_hash, sealed, created_at,"
            " seen_at) VALUES (:provider_id, :channel, :app, :subject_hash, :sealed, :now, :now)"
            " ON CONFLICT (provider_id, subject_hash) DO UPDATE SET sealed ="
            " COALESCE(person.sealed, excluded.sealed), erased_at = NULL,"
            " seen_at = excluded.seen_at RETURNING id"
        ),
        {
            "provider_id": provider_id,
            "channel": channel,
            "app": app,
            "subject_hash": subject_hash,
            "sealed": deps.ring.seal(subject, place),
            "now": deps.now(),
        },
    )
    assert found is not None
    return int(found)
