"""Rows of tokens: read unsealed, written only by whoever holds the lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import GatewayRejected
from gateways.wechat_oa.tokens import Issued
from services.accounts import seal_place
from services.deps import Deps
from services.leases import Held, holds
from services.oa.book import Key, Token

RENEW_AT = 2 / 3  # of a token's life; the old one serves on meanwhile
AGAIN_AFTER = (5, 15, 60, 300)  # seconds, by tries in vain; the last repeats
REFUSED_AGAIN_AFTER = 3600  # a definite no is not cured by asking: a look once an hour


@dataclass(frozen=True, slots=True)
class Got:
    """What WeChat gave; `keep` writes what must be kept with it, in the same transaction."""

    issued: Issued
    asked_at: datetime
    keep: Callable[[Session], None] | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """WeChat's last definite no to this key."""

    code: str
    said: str
    at: datetime

    def error(self) -> GatewayRejected:
        return GatewayRejected(self.code, self.said)


def token_place(key: Key) -> str:
    return seal_place("oa_token", "sealed", f"{key.provider_id}:{key.kind}:{key.app_id}")


_READ = text(
    "SELECT version, sealed, until_at, said_code, said, said_at FROM oa_token"
    " WHERE provider_id = :p AND kind = :k AND app_id = :a"
)
_WRITE = text("""
INSERT INTO oa_token (provider_id, kind, app_id, version, sealed, got_at, until_at, due_at, tries,
    said_code, said)
VALUES (:p, :k, :a, 1, :sealed, :got, :until, :due, 0, '', '')
ON CONFLICT (provider_id, kind, app_id) DO UPDATE SET version = oa_token.version + 1,
    sealed = :sealed, got_at = :got, until_at = :until, due_at = :due, tries = 0, said_code = '',
    said = '', said_at = NULL
RETURNING version
""")
_FAILED = text("""
INSERT INTO oa_token (provider_id, kind, app_id, version, due_at, tries, said_code, said, said_at)
VALUES (:p, :k, :a, 0, :due, 1, :code, :said, :said_at)
ON CONFLICT (provider_id, kind, app_id) DO UPDATE SET due_at = :due, tries = oa_token.tries + 1,
    said_code = :code, said = :said, said_at = :said_at
""")
_FREE = text("UPDATE lease SET until = :until WHERE name = :n AND fencing = :f")


def _keys(key: Key) -> dict[str, object]:
    return {"p": key.provider_id, "k": key.kind, "a": key.app_id}


def read(deps: Deps, key: Key) -> tuple[Token | None, Trouble | None]:
    """The newest token, over or not, and WeChat's refusal since, if there is one."""
    row = deps.transact(lambda s: s.execute(_READ, _keys(key)).first())
    if row is None:
        return None, None
    trouble = None
    if row.said_code and row.said_at is not None:
        trouble = Trouble(row.said_code, row.said, row.said_at)
    if row.sealed is None or row.until_at is None:
        return None, trouble
    return Token(deps.ring.open(row.sealed, token_place(key)), row.version, row.until_at), trouble


def write(deps: Deps, held: Held, key: Key, got: Got) -> Token | None:
    """Keep a new token and free the lease. None, and nothing written, where the lease has gone to
    somebody else meanwhile: theirs is the newer."""
    life = timedelta(seconds=got.issued.life_s)
    until = got.asked_at + life

    def unit(session: Session) -> int | None:
        if not holds(session, held):
            return None
        if got.keep is not None:
            got.keep(session)
        version = session.scalar(
            _WRITE,
            {
                **_keys(key),
                "sealed": deps.ring.seal(got.issued.value, token_place(key)),
                "got": got.asked_at,
                "until": until,
                "due": got.asked_at + life * RENEW_AT,
            },
        )
        session.execute(_FREE, {"until": deps.now(), "n": held.name, "f": held.fencing})
        assert version is not None
        return int(version)

    version = deps.transact(unit)
    return None if version is None else Token(got.issued.value, version, until)


def failed(deps: Deps, held: Held, key: Key, problem: Exception, tries: int) -> None:
    """Write down that it did not work; the next one may try at once, or, after silence, soon."""
    refused = problem if isinstance(problem, GatewayRejected) else None
    wait = REFUSED_AGAIN_AFTER if refused else AGAIN_AFTER[min(tries, len(AGAIN_AFTER)) - 1]
    pause = 0.0 if refused or tries == 1 else min(0.1 * 2**tries, 5.0)

    def unit(session: Session) -> None:
        if not holds(session, held):
            return
        now = deps.now()
        session.execute(
            _FAILED,
            {
                **_keys(key),
                "due": now + timedelta(seconds=wait),
                "code": refused.upstream_code[:32] if refused else "",
                "said": (refused.upstream_message if refused else str(problem))[:200],
                "said_at": now,
            },
        )
        until = now + timedelta(seconds=pause)
        session.execute(_FREE, {"until": until, "n": held.name, "f": held.fencing})

    deps.transact(unit)
