"""买单's administrator lets the console list his providers' merchants, by scanning a code.

All of his providers land here, so the code is not to be passed on (product SYN-1). A new provider
of his needs another scan.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateways.maidan import LinkWord
from models.maidan import LinkState, MaidanLink, MaidanProvider
from services import audit
from services.accounts import seal_place
from services.deps import Deps

NUMBER = re.compile(r"[0-9]{8,10}")


@dataclass(frozen=True, slots=True)
class Link:
    """A code as it is shown."""

    id: int
    url: str
    state: LinkState
    expires_at: datetime


def offer(deps: Deps, provider_id: int, *, actor: str) -> Link:
    """A fresh code; one shown before is over. Raises GatewayUnknown."""
    fresh = deps.gateways.maidan.offer()

    def unit(session: Session) -> Link:
        now = deps.now()
        _end_open(session, provider_id)
        row = MaidanLink(
            provider_id=provider_id, ticket=fresh.ticket[:64], url=fresh.url[:512],
            state=LinkState.WAITING, seal_key=secrets.token_hex(16), made_by=actor, created_at=now,
            expires_at=now + timedelta(seconds=fresh.expires_in_s),
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor, action="maidan_code_shown",
            subject=f"maidan_link:{row.id}", at=now,
        )  # fmt: skip
        return _shown(row)

    return deps.transact(unit)


def _end_open(session: Session, provider_id: int) -> None:
    session.execute(
        update(MaidanLink)
        .where(MaidanLink.provider_id == provider_id, MaidanLink.state == LinkState.WAITING)
        .values(state=LinkState.OVER)
    )


def look(deps: Deps, provider_id: int, *, actor: str) -> Link | None:
    """What became of the code that is shown: asked upstream; None when none is waiting.

    Confirmed, its providers and its grant are kept.
    """
    waiting = deps.transact(lambda s: _newest(s, provider_id, LinkState.WAITING))
    if waiting is None:
        return None
    if waiting.expires_at <= deps.now():
        word = LinkWord("over")
    else:
        word = deps.gateways.maidan.look(waiting.ticket)
    if word.state == "waiting":
        return _shown(waiting)
    return deps.transact(lambda s: _learn(s, deps, provider_id, waiting.id, word, actor))


def _learn(
    session: Session, deps: Deps, provider_id: int, link_id: int, word: LinkWord, actor: str
) -> Link:
    row = session.get_one(MaidanLink, (provider_id, link_id), with_for_update=True)
    if row.state is not LinkState.WAITING:
        return _shown(row)
    now = deps.now()
    row.state = LinkState(word.state)
    if row.state is LinkState.CONFIRMED:
        place = seal_place("maidan_link", "grant_sealed", row.seal_key)
        row.grant_sealed, row.confirmed_at = deps.ring.seal(word.grant, place), now
        kept = keep_providers(session, provider_id, dict(word.providers), actor, now)
        audit.record(
            session, provider_id=provider_id, actor=actor, action="maidan_linked",
            subject=f"maidan_link:{row.id}", at=now, providers=kept,
        )  # fmt: skip
    return _shown(row)


def keep_providers(
    session: Session, provider_id: int, found: dict[str, str], actor: str, now: datetime
) -> list[str]:
    """Those that could be a number, known from now on; returns them."""
    good = sorted(number for number in found if NUMBER.fullmatch(number))
    if not good:
        return []
    made = insert(MaidanProvider).values(
        [
            {
                "provider_id": provider_id, "sp_mchid": number, "name": found[number][:64],
                "added_by": actor, "created_at": now, "seen_at": now,
            }
            for number in good
        ]
    )  # fmt: skip
    session.execute(
        made.on_conflict_do_update(
            index_elements=["provider_id", "sp_mchid"],
            set_={
                "name": text("COALESCE(NULLIF(excluded.name, ''), maidan_provider.name)"),
                "seen_at": now,
            },
        )
    )
    return good


def current_link(session: Session, provider_id: int) -> Link | None:
    """The newest code, whatever became of it."""
    row = session.scalar(
        select(MaidanLink)
        .where(MaidanLink.provider_id == provider_id)
        .order_by(MaidanLink.id.desc())
        .limit(1)
    )
    return None if row is None else _shown(row)


def newest_grant(session: Session, provider_id: int) -> MaidanLink | None:
    return _newest(session, provider_id, LinkState.CONFIRMED)


def open_grant(deps: Deps, link: MaidanLink) -> str:
    place = seal_place("maidan_link", "grant_sealed", link.seal_key)
    return deps.ring.open(link.grant_sealed or "", place)


def _newest(session: Session, provider_id: int, state: LinkState) -> MaidanLink | None:
    return session.scalar(
        select(MaidanLink)
        .where(MaidanLink.provider_id == provider_id, MaidanLink.state == state)
        .order_by(MaidanLink.id.desc())
        .limit(1)
    )


def _shown(row: MaidanLink) -> Link:
    return Link(row.id, row.url, LinkState(row.state), row.expires_at)
