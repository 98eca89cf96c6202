"""A push that was believed, and what each kind of it does: once, in the transaction that takes it.

Other parts add theirs with `on("TEMPLATESENDJOBFINISH")`: `fn(session, deps, event)` may write, and
must not call anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from gateways.wechat_oa.push import Push
from models.official import OaMode
from models.provider import OaState, Provider
from services.deps import Deps
from services.oa import rows

SCENE_PREFIX = "qrscene_"  # only before the scene of a subscribe, never of a SCAN


@dataclass(frozen=True, slots=True)
class Event:
    """A message or event of one follower. `kind` is the event's name, or the type of message."""

    provider_id: int
    kind: str
    openid: str = field(repr=False)
    at: datetime
    scene: str
    key: str  # of a menu's item
    text: str = field(repr=False)
    fields: dict[str, Any] = field(repr=False)


Handler = Callable[[Session, Deps, Event], None]
HANDLERS: dict[str, list[Handler]] = {}


def on(kind: str) -> Callable[[Handler], Handler]:
    """Do this with events of this kind, named as WeChat writes them, without regard to case."""

    def add(handler: Handler) -> Handler:
        HANDLERS.setdefault(kind.lower(), []).append(handler)
        return handler

    return add


def read(provider_id: int, push: Push) -> Event:
    """What the push says. ValueError where it names nobody or no time."""
    openid, kind = push.word("FromUserName", 128), push.word("MsgType", 32)
    created = push.word("CreateTime", 12)
    if not openid or not kind or not created.isdecimal():
        raise ValueError("without FromUserName, MsgType or CreateTime")
    name = push.word("Event", 64) if kind == "event" else ""
    key = push.word("EventKey", 1024)
    is_scan = name.lower() in ("subscribe", "scan")
    return Event(
        provider_id,
        name or kind,
        openid,
        datetime.fromtimestamp(int(created), UTC),
        scene=key.removeprefix(SCENE_PREFIX) if is_scan else "",
        key="" if is_scan else key,
        text=push.word("Content", 2048).strip(),
        fields=push.fields,
    )


def run(session: Session, deps: Deps, event: Event) -> None:
    for handler in HANDLERS.get(event.kind.lower(), ()):
        handler(session, deps, event)


# --- the yearly verification (wechat.md D): no call tells when it ends ----------------------------


@on("annual_renew")
def _must_renew(session: Session, deps: Deps, event: Event) -> None:
    _verified_until(session, deps, event, lapsed=False)


@on("verify_expired")
def _lapsed(session: Session, deps: Deps, event: Event) -> None:
    provider = session.get_one(Provider, event.provider_id, with_for_update=True)
    provider.oa_state = OaState.NOT_VERIFIED
    _verified_until(session, deps, event, lapsed=True)


@on("qualification_verify_success")
@on("naming_verify_success")
def _verified(session: Session, deps: Deps, event: Event) -> None:
    provider = session.get_one(Provider, event.provider_id, with_for_update=True)
    if provider.oa_state is OaState.NOT_VERIFIED:
        provider.oa_state = OaState.AUTHORIZED
    _verified_until(session, deps, event, lapsed=False)


def _verified_until(session: Session, deps: Deps, event: Event, *, lapsed: bool) -> None:
    row = session.scalar(rows.of_provider(event.provider_id).with_for_update())
    said = event.fields.get("ExpiredTime")
    if row is None:
        session.flush()
        return
    if isinstance(said, str) and said.isdecimal() and len(said) <= 10:
        row.verify_until = datetime.fromtimestamp(int(said), UTC)
    if lapsed:
        row.verify_type = -1
    elif event.kind.lower() != "annual_renew":
        row.verify_type = 0
    if row.mode is OaMode.COMPONENT:
        row.due_at = deps.now()  # and ask, too
    session.flush()
