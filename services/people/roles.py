"""Which roles a person has, and taking one of them: one role at a time in a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.people.acting import ROLE_NAMES, Role

MOST: Final = 60  # on one page; beyond it the merchant is searched for


@dataclass(frozen=True, slots=True)
class Choice:
    """One role: as a row of `staff`, or as a `provider_admin` in one merchant."""

    key: str  # as the form sends it
    staff_id: int | None
    admin_id: int | None
    merchant_id: int
    role: Role
    name: str
    merchant_name: str
    store_name: str

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


_ROLES: Final = """
SELECT 's' || w.id AS key, w.id AS staff_id, NULL::bigint AS admin_id, w.merchant_id, w.role,
    w.name, m.short_name AS merchant_name,
    COALESCE(NULLIF(s.branch_name, ''), s.name, '') AS store_name, 0 AS kind, w.id AS rank
FROM staff w
JOIN merchant m ON m.provider_id = w.provider_id AND m.id = w.merchant_id
LEFT JOIN store s ON s.provider_id = w.provider_id AND s.id = w.store_id
WHERE w.provider_id = :p AND w.person_id = :person AND w.is_active
UNION ALL
SELECT 'a' || a.id || '-' || m.id, NULL, a.id, m.id,
    CASE WHEN a.sub_provider_id IS NULL THEN 'provider' ELSE 'sub_provider' END,
    a.name, m.short_name, '', 1, m.id
FROM provider_admin a
JOIN merchant m ON m.provider_id = a.provider_id
    AND (a.sub_provider_id IS NULL OR m.sub_provider_id = a.sub_provider_id)
WHERE a.provider_id = :p AND a.person_id = :person AND a.is_active
"""


def roles_of(
    session: Session, provider_id: int, person_id: int, *, q: str = "", most: int = MOST
) -> list[Choice]:
    """The person's live roles, own shops first; `q` is a part of the merchant's or store's name."""
    rows = session.execute(
        text(
            f"SELECT * FROM ({_ROLES}) r WHERE :q = '' OR strpos(merchant_name, :q) > 0"
            " OR strpos(store_name, :q) > 0 ORDER BY kind, rank LIMIT :most"
        ),
        {"p": provider_id, "person": person_id, "q": q, "most": most},
    )
    return [_choice(row) for row in rows]


def role_of(session: Session, provider_id: int, person_id: int, key: str) -> Choice | None:
    """The person's own live role of this key, or None."""
    row = session.execute(
        text(f"SELECT * FROM ({_ROLES}) r WHERE key = :key"),
        {"p": provider_id, "person": person_id, "key": key},
    ).one_or_none()
    return None if row is None else _choice(row)


def _choice(row: Any) -> Choice:
    return Choice(
        key=row.key,
        staff_id=row.staff_id,
        admin_id=row.admin_id,
        merchant_id=row.merchant_id,
        role=Role(row.role),
        name=row.name,
        merchant_name=row.merchant_name,
        store_name=row.store_name,
    )
