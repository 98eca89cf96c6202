"""For whom the person at this browser acts, read anew with every request.

So whoever is dismissed, or loses a right, has lost it with the next press of any open page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session


class Role(StrEnum):
    """As what one acts in a merchant: its own people, and the provider's who act in it."""

    OWNER = "owner"
    MANAGER = "manager"
    CLERK = "clerk"
    PROVIDER = "provider"
    SUB_PROVIDER = "sub_provider"

    @property
    def is_providers(self) -> bool:
        return self in (Role.PROVIDER, Role.SUB_PROVIDER)


ROLE_NAMES: Final = {
    Role.OWNER: "商户管理员",
    Role.MANAGER: "店长",
    Role.CLERK: "店员",
    Role.PROVIDER: "服务商管理员",
    Role.SUB_PROVIDER: "子服务商管理员",
}


@dataclass(frozen=True, slots=True)
class Acting:
    """One person in one role at one merchant. `store_id` is None for all stores.

    `id` is of the row that gives the role: of `staff`, or of `provider_admin` for the provider's
    people. `can_refund` and `can_manage_admins` are given to the person beside the role; a clerk
    refunds only while `is_on_duty`, too.
    """

    provider_id: int
    merchant_id: int
    store_id: int | None
    id: int
    person_id: int | None
    public_id: str
    name: str
    role: Role
    can_refund: bool = False
    can_manage_admins: bool = False
    is_on_duty: bool = False
    merchant_name: str = ""
    store_name: str = ""
    is_stopped: bool = False  # dismissed: only `why_not` ever returns such a one
    known_as: str = ""  # who acts where that is no person: the merchant's own programs, by its key

    @property
    def actor(self) -> str:
        """As audit entries name him."""
        if self.known_as:
            return self.known_as
        return f"{'admin' if self.role.is_providers else 'staff'}:{self.id}"

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]

    @property
    def place(self) -> str:
        """The shop he acts for, as every page says it."""
        return self.store_name or self.merchant_name


# A row of `staff` that was bound to another person since, or of which the person was erased, is no
# way in any more. A session without a person is a demo's, which only the simulation makes.
_READ: Final = text("""
SELECT ws.provider_id, m.id AS merchant_id, w.store_id, w.id, w.person_id, w.public_id, w.name,
    w.role, w.can_refund, w.can_manage_admins, w.is_active,
    m.short_name AS merchant_name, COALESCE(NULLIF(s.branch_name, ''), s.name, '') AS store_name,
    EXISTS (SELECT 1 FROM shift h WHERE h.provider_id = w.provider_id AND h.staff_id = w.id
        AND h.ended_at IS NULL) AS is_on_duty
FROM web_session ws
JOIN staff w ON w.provider_id = ws.provider_id AND w.id = ws.staff_id
JOIN merchant m ON m.provider_id = w.provider_id AND m.id = w.merchant_id
LEFT JOIN store s ON s.provider_id = w.provider_id AND s.id = w.store_id
LEFT JOIN person p ON p.provider_id = ws.provider_id AND p.id = ws.wechat_person_id
WHERE ws.id_hash = :id_hash AND ws.kind = 'staff' AND ws.revoked_at IS NULL
    AND ws.expires_at > :now AND p.erased_at IS NULL
    AND (ws.wechat_person_id IS NULL OR ws.wechat_person_id = w.person_id)
UNION ALL
SELECT ws.provider_id, m.id, NULL, a.id, a.person_id, a.public_id, a.name,
    CASE WHEN a.sub_provider_id IS NULL THEN 'provider' ELSE 'sub_provider' END,
    a.can_refund, a.can_manage_admins, a.is_active, m.short_name, '', false
FROM web_session ws
JOIN provider_admin a ON a.provider_id = ws.provider_id AND a.id = ws.provider_admin_id
JOIN merchant m ON m.provider_id = a.provider_id AND m.id = ws.merchant_id
    AND (a.sub_provider_id IS NULL OR m.sub_provider_id = a.sub_provider_id)
LEFT JOIN person p ON p.provider_id = ws.provider_id AND p.id = ws.wechat_person_id
WHERE ws.id_hash = :id_hash AND ws.kind = 'staff' AND ws.revoked_at IS NULL
    AND ws.expires_at > :now AND p.erased_at IS NULL
    AND (ws.wechat_person_id IS NULL OR ws.wechat_person_id = a.person_id)
""")


def load_acting(session: Session, id_hash: str, now: datetime) -> Acting | None:
    """Whoever this live session acts as, if he still may."""
    found = why_not(session, id_hash, now)
    return None if found is None or found.is_stopped else found


def why_not(session: Session, id_hash: str, now: datetime) -> Acting | None:
    """Like `load_acting`, but tells of a dismissed one, too: `is_stopped`, and no right at all."""
    row = session.execute(_READ, {"id_hash": id_hash, "now": now}).one_or_none()
    return None if row is None else _acting(row)


def _acting(row: Any) -> Acting:
    return Acting(
        provider_id=row.provider_id,
        merchant_id=row.merchant_id,
        store_id=row.store_id,
        id=row.id,
        person_id=row.person_id,
        public_id=row.public_id,
        name=row.name,
        role=Role(row.role),
        can_refund=row.can_refund and row.is_active,
        can_manage_admins=row.can_manage_admins and row.is_active,
        is_on_duty=row.is_on_duty and row.is_active,
        merchant_name=row.merchant_name,
        store_name=row.store_name,
        is_stopped=not row.is_active,
    )
