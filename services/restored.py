"""What follows from a restored backup: marks in numbers, and refunds that wait for the resync."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.restored import RestoredBackup

LETTERS = "abcdefghjkmnpqrstuvwxyz"


def new_mark(session: Session) -> str:
    """Three letters that no restore known here has used.

    Random, not counted: a backup restored twice has forgotten the first time.
    """
    used = set(marks(session))
    while True:
        mark = "".join(secrets.choice(LETTERS) for _ in range(3))
        if mark not in used:
            return mark


def marks(session: Session) -> list[str]:
    """All marks, the newest last."""
    return list(session.scalars(select(RestoredBackup.mark).order_by(RestoredBackup.id)))


def current_mark(session: Session) -> str:
    """What goes behind a number made from an older one; "" where nothing was ever restored."""
    newest = select(RestoredBackup.mark).order_by(RestoredBackup.id.desc()).limit(1)
    return session.scalar(newest) or ""


def note(session: Session, snapshot_at: datetime, now: datetime) -> None:
    """A backup was restored: numbers get a new mark, refunds wait for the resync."""
    session.add(
        RestoredBackup(
            mark=new_mark(session), snapshot_at=snapshot_at, restored_at=now, resynced_at=None
        )
    )
    session.flush()


def unfinished_since(session: Session) -> datetime | None:
    """The oldest snapshot whose resync has not ended; None when none is outstanding."""
    return session.scalar(
        select(func.min(RestoredBackup.snapshot_at)).where(RestoredBackup.resynced_at.is_(None))
    )


def finish(session: Session, since: datetime, until: datetime, now: datetime) -> int:
    """All from `since` to `until` has been asked about; how many restores that ends."""
    done = session.execute(
        update(RestoredBackup)
        .where(
            RestoredBackup.resynced_at.is_(None),
            RestoredBackup.snapshot_at >= since,
            RestoredBackup.restored_at <= until,
        )
        .values(resynced_at=now)
        .returning(RestoredBackup.id)
    )
    return len(done.all())
