"""A new token for all processes, asked for once.

Whoever claims the lease asks, with no transaction open, and writes under its fencing number; the
others wait for the row. In one process one thread does this, the rest wait for it. A holder that
dies is replaced when its lease runs out; one that was too slow is refused.
"""

from __future__ import annotations

import logging
import random
import time
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text

from errors import GatewayRejected, GatewayUnknown
from services.deps import Deps
from services.leases import Held, claim, release
from services.oa import store
from services.oa.book import Key, Token
from services.oa.store import Got

log = logging.getLogger(__name__)

_DUE = text(
    "SELECT got_at + (until_at - got_at) * :part <= :now FROM oa_token"
    " WHERE provider_id = :p AND kind = :k AND app_id = :a"
)

LEASE = timedelta(seconds=15)  # longer than a call can take (`gateways.registry.TOKEN_READ_S`)
WAIT_S = 30.0  # a dead holder's lease, and a call after it
LOOK_EVERY_S = 0.1
TOLD_FOR = timedelta(seconds=3)  # a definite no is told to who comes then, and not asked for again


class NotReady(Exception):
    """What the asking needs itself (a token of another kind) is over: get that first."""


class Asker(Protocol):
    """How a key's token is asked for."""

    @property
    def key(self) -> Key: ...

    def ready(self) -> None:
        """Get what the asking needs. No lease is held then."""

    def ask(self, held: Held, bad: Token | None) -> Got:
        """Ask WeChat; `bad` is what it did not take any more."""


def obtain(deps: Deps, asker: Asker, bad: Token | None = None) -> Token:
    """A token that is good now and newer than `bad`. Raises GatewayRejected where WeChat refused
    since we came, GatewayUnknown where nobody got one in time."""
    found = _kept(deps, asker.key, bad)
    if found is not None:
        return found
    started_at, deadline = deps.now(), time.monotonic() + WAIT_S
    turn = deps.oa_tokens.turn(asker.key)
    if not turn.acquire(timeout=WAIT_S):
        raise GatewayUnknown("no token in time", sent=False)
    try:
        return _kept(deps, asker.key, bad) or _wait(deps, asker, bad, started_at, deadline)
    finally:
        turn.release()


def renew(deps: Deps, asker: Asker) -> None:
    """Ask for the next one while the old one serves; does nothing where somebody else is at it."""
    asker.ready()
    held = claim(deps, asker.key.lease, LEASE)
    if held is None:
        return
    before, _ = store.read(deps, asker.key)
    if before is not None and not _is_due(deps, asker.key):
        release(deps, held)
        return
    _ask(deps, asker, held, None, tries=1)


def _is_due(deps: Deps, key: Key) -> bool:
    values = {
        "part": store.RENEW_AT, "now": deps.now(),
        "p": key.provider_id, "k": key.kind, "a": key.app_id,
    }  # fmt: skip
    return bool(deps.transact(lambda s: s.scalar(_DUE, values)))


def _kept(deps: Deps, key: Key, bad: Token | None) -> Token | None:
    if bad is not None:
        deps.oa_tokens.drop(key, bad.version)
    found = deps.oa_tokens.get(key, deps.now())
    return found if found is None or bad is None or found.version > bad.version else None


def _wait(
    deps: Deps, asker: Asker, bad: Token | None, started_at: datetime, deadline: float
) -> Token:
    """Read, claim, ask, or look again; until there is a token or the time is over."""
    tries = 0
    while True:
        token = _found(deps, asker.key, bad, started_at)
        if token is not None:
            return token
        if time.monotonic() > deadline:
            raise GatewayUnknown("no token in time", sent=False)
        asker.ready()
        held = claim(deps, asker.key.lease, LEASE)
        if held is None:
            time.sleep(random.uniform(0.5, 1.5) * LOOK_EVERY_S)
            continue
        if _found(deps, asker.key, bad, started_at) is not None:
            release(deps, held)  # somebody was done between our look and our claim
            continue
        tries += 1
        _ask(deps, asker, held, bad, tries)


def _found(deps: Deps, key: Key, bad: Token | None, started_at: datetime) -> Token | None:
    token, trouble = store.read(deps, key)
    now = deps.now()
    if token is not None and token.until_at > now and (bad is None or token.version > bad.version):
        deps.oa_tokens.put(key, token, now)
        return token
    if trouble is not None and trouble.at >= started_at - TOLD_FOR:
        raise trouble.error()
    return None


def _ask(deps: Deps, asker: Asker, held: Held, bad: Token | None, tries: int) -> None:
    """One question, its answer written. A silence is written and may be asked again; a definite
    no is written and read by everybody who waits."""
    try:
        got = asker.ask(held, bad)
    except NotReady:
        release(deps, held)
        return
    except (GatewayRejected, GatewayUnknown) as problem:
        log.warning("no token", extra={"key": asker.key.lease, "why": str(problem)[:80]})
        store.failed(deps, held, asker.key, problem, tries)
        return
    if store.write(deps, held, asker.key, got) is None:
        log.warning("a token came too late", extra={"key": asker.key.lease})
