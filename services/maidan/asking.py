"""Starting a sync of what 买单 lists, or of a file: one at a time at a provider (SYN-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gateways.maidan import Listed
from models.longjob import LongJob
from models.maidan import MaidanPart
from models.provider import ChannelAccount
from services import audit, longjobs
from services.deps import Deps
from services.longjobs.asking import JobRunning
from services.maidan import files, linking
from services.maidan.problems import NotLinked, SyncRunning

KIND: Final = "maidan_sync"
PART: Final = 500  # rows of one step


def begin_listed(deps: Deps, provider_id: int, *, is_dry: bool, actor: str) -> int:
    """A sync of everything that 买单 lists for our providers; returns the job's id.

    Raises SyncRunning, and NotLinked where no administrator has agreed yet.
    """

    def unit(session: Session) -> int:
        if linking.newest_grant(session, provider_id) is None:
            raise NotLinked()
        facts = {"source": "maidan", "is_dry": is_dry}
        return _start(session, deps.now(), provider_id, facts, actor, None)

    return _begun(deps, provider_id, unit)


def begin_file(deps: Deps, provider_id: int, content: bytes, *, is_dry: bool, actor: str) -> int:
    """A sync of the rows of a file; raises BadList before anything is written, and SyncRunning."""
    rows = files.read(content, deps.transact(lambda s: own_sp_mchid(s, provider_id)))

    def unit(session: Session) -> int:
        facts = {"source": "file", "is_dry": is_dry}
        job_id = _start(session, deps.now(), provider_id, facts, actor, len(rows))
        _keep_parts(session, provider_id, job_id, rows)
        return job_id

    return _begun(deps, provider_id, unit)


def _begun(deps: Deps, provider_id: int, unit: Any) -> int:
    try:
        job_id: int = deps.transact(unit)
    except JobRunning:
        found = deps.transact(lambda s: _open_job(s, provider_id))
        if found is None:  # it has just ended
            return _begun(deps, provider_id, unit)
        raise SyncRunning(found.id, found.done, found.total) from None
    return job_id


def _open_job(session: Session, provider_id: int) -> LongJob | None:
    return session.scalar(
        select(LongJob).where(
            LongJob.provider_id == provider_id, LongJob.kind == KIND, LongJob.due_at.is_not(None)
        )
    )


def _start(
    session: Session,
    now: datetime,
    provider_id: int,
    facts: dict[str, Any],
    actor: str,
    total: int | None,
) -> int:
    job_id = longjobs.start(
        session, provider_id=provider_id, kind=KIND, facts=facts, asked_by=actor, now=now,
        total=total,
    )  # fmt: skip
    audit.record(
        session, provider_id=provider_id, actor=actor, action="maidan_sync_begun",
        subject=f"job:{job_id}", at=now, **facts, rows=total,
    )  # fmt: skip
    return job_id


def _keep_parts(session: Session, provider_id: int, job_id: int, rows: Sequence[Listed]) -> None:
    """In the database: whichever worker has the next step finds it."""
    parts = [
        {
            "provider_id": provider_id, "job_id": job_id, "number": number,
            "content": {"rows": [asdict(row) for row in part]},
        }
        for number, part in enumerate(rows[at : at + PART] for at in range(0, len(rows), PART))
    ]  # fmt: skip
    session.execute(insert(MaidanPart), parts)


def own_sp_mchid(session: Session, provider_id: int) -> str:
    """The provider's own number at WeChat Pay; "" where it has none yet."""
    facts = session.scalar(
        select(ChannelAccount.facts).where(
            ChannelAccount.provider_id == provider_id,
            ChannelAccount.channel == "wechat",
            ChannelAccount.kind == "pay",
        )
    )
    return str((facts or {}).get("sp_mchid") or "")
