"""For whom the person at this browser acts, read anew with every request.

So whoever is dismissed, or loses a right, has lost it with the next press of any open page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Staff, StaffRole
from models.session import WebSession


@dataclass(frozen=True, slots=True)
class Acting:
    """One person in one role at one merchant. `store_id` is None for all stores (an owner's)."""

    provider_id: int
    merchant_id: int
    store_id: int | None
    id: int  # of the staff row
    person_id: int | None
    public_id: str
    name: str
    role: StaffRole

    @property
    def actor(self) -> str:
        """As audit entries name him."""
        return f"staff:{self.id}"


def load_acting(session: Session, id_hash: str, now: datetime) -> Acting | None:
    """Whoever this live session belongs to, if he still works there."""
    row = session.execute(
        select(Staff)
        .join(
            WebSession,
            (WebSession.provider_id == Staff.provider_id) & (WebSession.staff_id == Staff.id),
        )
        .where(
            WebSession.id_hash == id_hash,
            WebSession.kind == "staff",
            WebSession.revoked_at.is_(None),
            WebSession.expires_at > now,
            Staff.is_active,
        )
    ).scalar_one_or_none()
    return None if row is None else acting_of(row)


def acting_of(staff: Staff) -> Acting:
    return Acting(
        provider_id=staff.provider_id,
        merchant_id=staff.merchant_id,
        store_id=staff.store_id,
        id=staff.id,
        person_id=staff.person_id,
        public_id=staff.public_id,
        name=staff.name,
        role=staff.role,
    )
