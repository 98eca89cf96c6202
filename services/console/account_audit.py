"""What happens to an account stands in the audit log of every provider that it works for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.console import ConsoleMember
from services import audit


def note(
    session: Session, user_id: int, action: str, now: datetime, *, actor: str = "", **facts: Any
) -> None:
    """By the account itself, if no other `actor` is named."""
    providers = session.scalars(
        select(ConsoleMember.provider_id)
        .where(
            ConsoleMember.user_id == user_id,
            ConsoleMember.is_active,
            ConsoleMember.accepted_at.is_not(None),
        )
        .order_by(ConsoleMember.provider_id)
    ).all()
    for provider_id in providers:
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor or f"console:{user_id}",
            action=action,
            subject=f"console_user:{user_id}",
            at=now,
            **facts,
        )
