"""What a person does about callbacks: send again, let be. Each act leaves an audit entry."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, NotFound
from models.callback import Callback, CallbackStatus
from models.provider import Provider
from services import audit
from services.deps import Deps


def replay(deps: Deps, callback_id: int, *, actor: str) -> None:
    """Send it again from now on, with a whole schedule of tries; a delivered one, too.

    Raises NotFound, and BadInput while the provider has no address.
    """
    deps.transact(lambda s: _replay(s, deps, _locked(s, callback_id), actor))


def replay_dead(deps: Deps, out_mch_id: str, *, actor: str, most: int = 10_000) -> list[int]:
    """Send again whatever of one provider is dead and was not let be; gives the ids."""

    def unit(session: Session) -> list[int]:
        provider = session.scalar(select(Provider).where(Provider.out_mch_id == out_mch_id))
        if provider is None:
            raise NotFound(f"no provider {out_mch_id}")
        rows = session.scalars(
            select(Callback)
            .where(
                Callback.provider_id == provider.id,
                Callback.status == CallbackStatus.DEAD,
                Callback.dismissed_at.is_(None),
            )
            .order_by(Callback.id)
            .limit(most)
            .with_for_update()
        ).all()
        for row in rows:
            _replay(session, deps, row, actor)
        return [row.id for row in rows]

    return deps.transact(unit)


def dismiss(deps: Deps, callback_id: int, *, actor: str, note: str) -> None:
    """Nobody misses it: a dead one is no longer listed. Raises NotFound, BadInput."""

    def unit(session: Session) -> None:
        row = _locked(session, callback_id)
        if row.status is not CallbackStatus.DEAD:
            raise BadInput(f"callback {callback_id} is {row.status}: only a dead one is let be")
        row.dismissed_at = deps.now()
        _note(session, deps, row, actor, "callback_dismissed", note=note)

    deps.transact(unit)


def _replay(session: Session, deps: Deps, row: Callback, actor: str) -> None:
    if not session.get_one(Provider, row.provider_id).callback_is_active:
        raise BadInput("the provider has no address: `flask provider set-callback` first")
    before = row.status.value
    row.status, row.due_at = CallbackStatus.PENDING, deps.now()
    row.tries, row.replays = 0, row.replays + 1
    row.dead_at = row.dismissed_at = None
    _note(session, deps, row, actor, "callback_replayed", before=before)


def _locked(session: Session, callback_id: int) -> Callback:
    row = session.scalar(select(Callback).where(Callback.id == callback_id).with_for_update())
    if row is None:
        raise NotFound(f"no callback {callback_id}")
    return row


def _note(
    session: Session, deps: Deps, row: Callback, actor: str, action: str, **facts: str
) -> None:
    session.flush()
    audit.record(
        session,
        provider_id=row.provider_id,
        actor=actor,
        action=action,
        subject=f"callback:{row.id}",
        at=deps.now(),
        event=row.event.value,
        number=row.number,
        **facts,
    )
