"""Our third-party platform: its secrets, and the ticket that WeChat pushes every ten minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, NotFound
from models.official import WechatComponent
from services.accounts import seal_place
from services.deps import Deps

TICKET_LIVES = timedelta(hours=12)  # wechat.md D
LATE_AFTER = timedelta(minutes=30)  # three pushes that did not come


@dataclass(frozen=True, slots=True)
class Component:
    """The platform, unsealed. `ticket` is "" before the first push."""

    id: int
    app_id: str
    secret: str = field(repr=False)
    push_token: str = field(repr=False)
    push_key: str = field(repr=False)
    ticket: str = field(repr=False)
    ticket_at: datetime | None


def component_place(column: str, mark: str) -> str:
    return seal_place("wechat_component", column, mark)


def load(deps: Deps, app_id: str = "") -> Component:
    """By its appid; an empty one means the only platform there is. Raises NotFound."""

    def unit(session: Session) -> WechatComponent | None:
        wanted = select(WechatComponent).order_by(WechatComponent.id).limit(2)
        if app_id:
            wanted = wanted.where(WechatComponent.app_id == app_id)
        found = session.scalars(wanted).all()
        if len(found) > 1:
            raise BadInput("there are several platforms: name one")
        return found[0] if found else None

    row = deps.transact(unit)
    if row is None:
        raise NotFound(f"no third-party platform {app_id}".rstrip())
    return _unsealed(deps, row)


def _unsealed(deps: Deps, row: WechatComponent) -> Component:
    def opened(column: str, sealed: str | None) -> str:
        return deps.ring.open(sealed, component_place(column, row.seal_key)) if sealed else ""

    return Component(
        row.id,
        row.app_id,
        opened("secret_sealed", row.secret_sealed),
        opened("push_token_sealed", row.push_token_sealed),
        opened("push_key_sealed", row.push_key_sealed),
        opened("ticket_sealed", row.ticket_sealed),
        row.ticket_at,
    )


def put(deps: Deps, *, app_id: str, secret: str, push_token: str, push_key: str) -> None:
    """Set or change the platform's secrets; its ticket stays."""
    values = {
        "secret_sealed": secret, "push_token_sealed": push_token, "push_key_sealed": push_key,
    }  # fmt: skip

    def unit(session: Session) -> None:
        row = session.scalar(
            select(WechatComponent).where(WechatComponent.app_id == app_id).with_for_update()
        )
        mark = row.seal_key if row is not None else secrets.token_hex(16)
        sealed = {
            name: deps.ring.seal(plain, component_place(name, mark))
            for name, plain in values.items()
            if plain
        }
        if row is None:
            if len(sealed) != len(values):
                raise BadInput("the first time secret, push token and push key are wanted")
            row = WechatComponent(app_id=app_id, seal_key=mark, created_at=deps.now(), **sealed)
            session.add(row)
        for name, value in sealed.items():
            setattr(row, name, value)
        session.flush()

    deps.transact(unit)


def keep_ticket(deps: Deps, app_id: str, ticket: str, at: datetime) -> bool:
    """Keep a pushed ticket; False for one that is older than ours, as a replayed one is."""

    def unit(session: Session) -> bool:
        row = session.scalars(
            select(WechatComponent).where(WechatComponent.app_id == app_id).with_for_update()
        ).one()
        if row.ticket_at is not None and at < row.ticket_at:
            return False
        row.ticket_sealed = deps.ring.seal(ticket, component_place("ticket_sealed", row.seal_key))
        row.ticket_at = at
        session.flush()
        return True

    return deps.transact(unit)


def start_tickets_if_late(deps: Deps) -> bool:
    """Ask WeChat to push tickets again where three did not come; at most every ten minutes."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        rows = session.scalars(
            select(WechatComponent)
            .where(
                (WechatComponent.ticket_at.is_(None))
                | (WechatComponent.ticket_at < now - LATE_AFTER),
                (WechatComponent.asked_ticket_at.is_(None))
                | (WechatComponent.asked_ticket_at < now - timedelta(minutes=10)),
            )
            .order_by(WechatComponent.id)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.asked_ticket_at = now
        session.flush()
        return [row.app_id for row in rows]

    late = deps.transact(unit)
    for app_id in late:
        found = load(deps, app_id)
        deps.gateways.wechat_tokens.start_tickets(found.app_id, found.secret)
    return bool(late)
