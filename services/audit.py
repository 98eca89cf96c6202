"""Who did what: one line per change, in the transaction that makes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.audit import AuditTail
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
    """`actor` is a role and an id ("worker", "staff:7"), `subject` a kind and a number.

    The same statement notes that the entry waits for its seal (`services/audit_chain`).
    """
    made = (
        insert(AuditEntry)
        .values(
            provider_id=provider_id,
            actor=actor,
            action=action,
            subject=subject,
            facts=facts,
            created_at=at,
        )
        .returning(AuditEntry.provider_id, AuditEntry.id)
        .cte("made")
    )
    session.execute(
        insert(AuditTail).from_select(
            ["provider_id", "entry_id"], select(made.c.provider_id, made.c.id)
        )
    )
