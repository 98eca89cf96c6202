"""Callbacks whose time has come: claimed, sent with no transaction open, and what came of it.

A claim counts as a try and moves the due time ahead, so a killed worker loses nothing: the
receiver hears of it again. Receivers must bear that; at least once is what is promised.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from errors import CallbackAddress
from gateways.outgoing.sender import SendFailed
from models.callback import Callback, CallbackStatus
from models.provider import Provider
from services import audit
from services.accounts import seal_place
from services.callbacks.envelope import seal
from services.callbacks.reading import content_of
from services.callbacks.turns import Turns
from services.deps import Deps

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=60)  # longer than any try lasts
HEARD = 200
OURS = frozenset({"CALLBACK_OFF", "CALLBACK_CONTENT"})  # failures that say nothing of a receiver


@dataclass(frozen=True, slots=True)
class Claim:
    """A callback taken for a while; `number_of_try` says whose word about it is the newest."""

    provider_id: int
    callback_id: int
    number_of_try: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `code` is stable (docs/errors.md), `words` are for a person."""

    code: str = ""
    words: str = ""
    status: int | None = None
    is_final: bool = False  # no try later can help

    @property
    def is_heard(self) -> bool:
        return self.status == HEARD

    @property
    def is_silent(self) -> bool:
        """Nobody answered: there is no hurry to call there again."""
        return self.status is None and self.code not in OURS


# A look into the index per provider, whatever waits there: a backlog of one costs the others
# nothing.
_WAITING = text("""
SELECT p.id FROM provider p WHERE EXISTS (
    SELECT 1 FROM callback c WHERE c.provider_id = p.id AND c.due_at <= :now
) ORDER BY p.id
""")
# Materialized: within a join the planner may look for the one row again and again, and would claim
# each that it finds, while only the first is sent.
_CLAIM = text("""
WITH d AS MATERIALIZED (
    SELECT provider_id, id FROM callback WHERE provider_id = :provider_id AND due_at <= :now
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE callback c SET due_at = :until, tries = c.tries + 1
FROM d WHERE c.provider_id = d.provider_id AND c.id = d.id RETURNING c.provider_id, c.id, c.tries
""")


def claim_due(deps: Deps, most: int, turns: Turns | None = None) -> list[Claim]:
    """Take up to `most` callbacks whose time has come, one of each provider whose turn it is."""
    chooser = turns or Turns(4 * most)

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        waiting = session.scalars(_WAITING, {"now": now}).all()
        claims = []
        for provider_id in chooser.choose(waiting, now, most):
            values = {"provider_id": provider_id, "now": now, "until": now + CLAIM}
            row = session.execute(_CLAIM, values).first()
            if row is not None:
                claims.append(Claim(row.provider_id, row.id, row.tries))
        return claims

    return deps.transact(unit)


def deliver(deps: Deps, claim: Claim) -> Outcome:
    """Send one claimed callback once, and write down what came of it."""
    started = time.monotonic()
    letter = _write(deps, claim)
    if letter is None:  # a person was faster
        return Outcome(status=HEARD)
    outcome = letter if isinstance(letter, Outcome) else _send(deps, *letter)
    state = deps.transact(lambda s: _apply(s, deps, claim, outcome))
    log.log(
        logging.INFO if outcome.is_heard else logging.WARNING,
        "callback sent" if outcome.is_heard else "callback not heard",
        extra={
            "callback": claim.callback_id,
            "provider": claim.provider_id,
            "number_of_try": claim.number_of_try,
            "outcome": outcome.code or outcome.status,
            "state": state,
            "duration_ms": round((time.monotonic() - started) * 1000),
        },
    )
    return outcome


def _write(deps: Deps, claim: Claim) -> tuple[str, bytes] | Outcome | None:
    """The letter. One that can not be written is a failed try, so that it ends some time."""
    try:
        return deps.transact(lambda s: _letter(s, deps, claim))
    except DBAPIError:
        raise
    except Exception as problem:
        log.exception("callback not written", extra={"callback": claim.callback_id})
        return Outcome("CALLBACK_CONTENT", f"could not be written ({type(problem).__name__})")


def _letter(session: Session, deps: Deps, claim: Claim) -> tuple[str, bytes] | Outcome | None:
    """Address and body; an outcome where nothing can be sent; None where nothing is to be."""
    row = session.get_one(Callback, (claim.provider_id, claim.callback_id))
    if row.status is not CallbackStatus.PENDING:
        return None
    provider = session.get_one(Provider, claim.provider_id)
    if not provider.callback_is_active or provider.callback_url is None:
        return Outcome("CALLBACK_OFF", "the provider's address was taken away", is_final=True)
    assert provider.seal_key is not None
    assert provider.authen_key_sealed is not None
    place = seal_place("provider", "authen_key_sealed", provider.seal_key)
    key = deps.ring.open(provider.authen_key_sealed, place)
    content = content_of(session, deps, row, secrets.token_hex(16).upper())
    return provider.callback_url, seal(content, key)


def _send(deps: Deps, url: str, body: bytes) -> Outcome:
    try:
        status = deps.gateways.callbacks.post(url, body)
    except CallbackAddress as refused:
        return Outcome(refused.code, refused.detail)
    except SendFailed as failed:
        return Outcome(failed.code, str(failed))
    if status == HEARD:
        return Outcome(status=status)
    if 300 <= status < 400:
        words = f"answered {status}: redirects are not followed, give the final address"
        return Outcome("CALLBACK_REDIRECT", words, status)
    return Outcome("CALLBACK_STATUS", f"answered {status}, only 200 counts", status)


def _apply(session: Session, deps: Deps, claim: Claim, outcome: Outcome) -> CallbackStatus:
    row = session.execute(
        select(Callback)
        .where(Callback.provider_id == claim.provider_id, Callback.id == claim.callback_id)
        .with_for_update()
    ).scalar_one()
    now = deps.now()
    if row.status is CallbackStatus.DELIVERED:
        return row.status
    if outcome.is_heard:
        row.status, row.due_at, row.delivered_at = CallbackStatus.DELIVERED, None, now
        row.last_status, row.last_code, row.last_error = outcome.status, None, None
        row.dead_at = None
    elif row.status is CallbackStatus.PENDING and row.tries == claim.number_of_try:
        row.last_status, row.last_code = outcome.status, outcome.code
        row.last_error = outcome.words[:256]
        _again_or_never(session, deps, row, outcome, now)
    session.flush()
    return row.status


def _again_or_never(
    session: Session, deps: Deps, row: Callback, outcome: Outcome, now: datetime
) -> None:
    schedule = deps.settings.callback_schedule
    if row.tries <= len(schedule) and not outcome.is_final:
        row.due_at = now + timedelta(seconds=schedule[row.tries - 1])
        return
    row.status, row.due_at, row.dead_at = CallbackStatus.DEAD, None, now
    audit.record(
        session,
        provider_id=row.provider_id,
        actor="worker",
        action="callback_dead",
        subject=f"callback:{row.id}",
        at=now,
        event=row.event.value,
        number=row.number,
        tries=row.tries,
        code=row.last_code,
    )
