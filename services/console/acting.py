"""Who acts in the console, for which provider, read anew with every request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.console import ConsoleRole
from services.console.rights import RIGHTS, ROLE_NAMES, Right

CONFIRMATION_LIFE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Operator:
    """A person of the console. `provider_id` and `role` are None before a provider is chosen."""

    user_id: int
    username: str
    name: str
    session_hash: str
    can_add_providers: bool
    confirmed_at: datetime | None
    provider_id: int | None = None
    role: ConsoleRole | None = None
    out_mch_id: str = ""
    provider_name: str = ""

    @property
    def actor(self) -> str:
        """As audit entries name him."""
        return f"console:{self.user_id}"

    @property
    def provider(self) -> int:
        """The provider that he acts for; only pages that need a right may ask."""
        assert self.provider_id is not None
        return self.provider_id

    @property
    def role_name(self) -> str:
        return "" if self.role is None else ROLE_NAMES[self.role]

    def may(self, right: Right) -> bool:
        return self.role is not None and right in RIGHTS[self.role]

    def is_confirmed(self, now: datetime) -> bool:
        """Whether a fresh code of the second factor was given moments ago."""
        return self.confirmed_at is not None and now < self.confirmed_at + CONFIRMATION_LIFE


_READ: Final = text("""
SELECT s.user_id, u.username, u.name, u.can_add_providers, s.confirmed_at, s.seen_at,
    m.role, p.id AS provider_id, p.out_mch_id, p.name AS provider_name
FROM console_session s
JOIN console_user u ON u.id = s.user_id
LEFT JOIN console_member m
    ON m.provider_id = s.provider_id AND m.user_id = s.user_id AND m.is_active
    AND m.accepted_at IS NOT NULL
LEFT JOIN provider p ON p.id = m.provider_id
WHERE s.id_hash = :h AND s.revoked_at IS NULL AND s.expires_at > :now
    AND s.seen_at > :idle_since AND u.is_active AND u.totp_sealed IS NOT NULL
""")
IDLE: Final = timedelta(hours=2)
SEEN_EVERY: Final = timedelta(minutes=1)


def load_operator(session: Session, id_hash: str, now: datetime) -> Operator | None:
    """Whose live session it is; None for nobody's, and for one that was idle for too long."""
    row = session.execute(_READ, {"h": id_hash, "now": now, "idle_since": now - IDLE}).one_or_none()
    if row is None:
        return None
    if row.seen_at < now - SEEN_EVERY:
        session.execute(
            text("UPDATE console_session SET seen_at = :now WHERE id_hash = :h"),
            {"now": now, "h": id_hash},
        )
    return Operator(
        user_id=row.user_id, username=row.username, name=row.name, session_hash=id_hash,
        can_add_providers=row.can_add_providers, confirmed_at=row.confirmed_at,
        provider_id=row.provider_id, role=None if row.role is None else ConsoleRole(row.role),
        out_mch_id=row.out_mch_id or "", provider_name=row.provider_name or "",
    )  # fmt: skip
