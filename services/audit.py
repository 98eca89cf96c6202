"""Who did what: one line per change, in the transaction that makes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.event import AuditEntry


def record(
    session: Session,
    *,
    provider_id: int,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    **facts: Any,
) -> None:
    """`actor` is a role and an id ("worker", "staff:7"), `subject` a kind and a number."""
    session.execute(
        insert(AuditEntry).values(
            provider_id=provider_id,
            actor=actor,
            action=action,
            subject=subject,
            facts=facts,
            created_at=at,
        )
    )
