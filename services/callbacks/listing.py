"""Callbacks to look at: lines for commands and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Select, select

from errors import NotFound
from models.callback import Callback, CallbackEvent, CallbackStatus
from models.provider import Provider
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Line:
    """One callback with its provider."""

    id: int
    out_mch_id: str
    host: str  # of the address it goes to now; the rest of it may hold a token
    event: CallbackEvent
    number: str
    status: CallbackStatus
    tries: int
    replays: int
    last_status: int | None
    last_code: str | None
    last_error: str | None
    due_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None
    dead_at: datetime | None
    dismissed_at: datetime | None

    @property
    def needs_person(self) -> bool:
        return self.status is CallbackStatus.DEAD and self.dismissed_at is None


def _wanted() -> Select[Any, Any, Any]:
    return select(Callback, Provider.out_mch_id, Provider.callback_url).join(
        Provider, Provider.id == Callback.provider_id
    )


def _line(row: Callback, out_mch_id: str, url: str | None) -> Line:
    host = (urlsplit(url).hostname or "") if url else ""
    own = {
        name: getattr(row, name) for name in Line.__slots__ if name not in ("out_mch_id", "host")
    }
    return Line(out_mch_id=out_mch_id, host=host, **own)


def newest(
    deps: Deps, *, out_mch_id: str = "", dead: bool = False, everything: bool = False, most: int
) -> list[Line]:
    """Those not delivered and not dismissed (or the dead alone, or all), newest first."""
    wanted = _wanted().order_by(Callback.id.desc()).limit(most)
    if out_mch_id:
        wanted = wanted.where(Provider.out_mch_id == out_mch_id)
    if not everything:
        states = [CallbackStatus.DEAD] if dead else [CallbackStatus.PENDING, CallbackStatus.DEAD]
        wanted = wanted.where(Callback.status.in_(states), Callback.dismissed_at.is_(None))
    return deps.transact(lambda s: [_line(*row) for row in s.execute(wanted)])


def read(deps: Deps, callback_id: int) -> Line:
    """One by its id. Raises NotFound."""
    wanted = _wanted().where(Callback.id == callback_id)
    row = deps.transact(lambda s: s.execute(wanted).first())
    if row is None:
        raise NotFound(f"no callback {callback_id}")
    return _line(*row)
