"""Looks at whole phones and names, and files with personal data: each one is remembered."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services import audit
from services.deps import Deps
from services.people.acting import Acting


def note(session: Session, deps: Deps, who: Acting, whose: str, *what: str) -> None:
    """`whose` is a row (`staff:7`, `member:3`), `what` the kinds of data that were shown."""
    audit.record(
        session,
        provider_id=who.provider_id,
        actor=who.actor,
        action="personal_looked_at",
        subject=whose,
        at=deps.now(),
        what=list(what),
    )


def note_export(session: Session, deps: Deps, who: Acting, file: str, rows: int) -> None:
    """A file of this merchant's that somebody takes along."""
    audit.record(
        session,
        provider_id=who.provider_id,
        actor=who.actor,
        action="file_exported",
        subject=f"merchant:{who.merchant_id}",
        at=deps.now(),
        file=file,
        rows=rows,
    )
