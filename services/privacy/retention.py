"""What is about people and has no use any more goes by itself (docs/privacy.md says when)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from services.deps import Deps
from services.privacy.erasing import ERASED

BODIES: Final = timedelta(days=180)  # of kept notifications: disputes about them are over
UNSEEN: Final = timedelta(days=730)  # of a payer without a card or a role
LEFT: Final = timedelta(days=30)  # of somebody who worked here: phone, password, remark
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """Of how many rows something went in one run."""

    bodies: int
    identities: int
    staff: int


_OLD_BODIES = text("""
SELECT provider_id, array_agg(id) AS ids FROM (
    SELECT provider_id, id FROM upstream_event WHERE sealed IS NOT NULL AND received_at < :before
    ORDER BY received_at LIMIT :most) old
GROUP BY provider_id ORDER BY provider_id
""")
_UNSEEN = text(f"""
UPDATE person SET sealed = NULL, erased_at = :now,
    subject_hash = '{ERASED}' || replace(CAST(gen_random_uuid() AS text), '-', '')
WHERE (provider_id, id) IN (
    SELECT p.provider_id, p.id FROM person p WHERE p.sealed IS NOT NULL AND p.seen_at < :before
        AND NOT EXISTS (SELECT 1 FROM member m WHERE m.provider_id = p.provider_id
            AND m.person_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM staff s WHERE s.provider_id = p.provider_id
            AND s.person_id = p.id AND s.is_active)
        AND NOT EXISTS (SELECT 1 FROM provider_admin a WHERE a.provider_id = p.provider_id
            AND a.person_id = p.id AND a.is_active)
    ORDER BY p.seen_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id
""")
_LEFT = text("""
UPDATE staff SET phone_sealed = NULL, phone_hash = NULL, password_hash = NULL, remark = ''
WHERE (provider_id, id) IN (
    SELECT provider_id, id FROM staff WHERE removed_at < :before
        AND (phone_sealed IS NOT NULL OR password_hash IS NOT NULL OR remark <> '')
    ORDER BY provider_id, id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id
""")


def remove_old(deps: Deps) -> Removed:
    """One batch of each, each by itself short; the next run goes on."""
    return Removed(
        deps.transact(lambda s: _bodies(s, deps)),
        deps.transact(lambda s: _rows(s, deps, _UNSEEN, UNSEEN)),
        deps.transact(lambda s: _rows(s, deps, _LEFT, LEFT)),
    )


def _bodies(session: Session, deps: Deps) -> int:
    found = session.execute(_OLD_BODIES, {"before": deps.now() - BODIES, "most": BATCH}).all()
    emptied = 0
    for row in found:
        emptied += session.scalar(
            text("SELECT upstream_event_forget(:p, :ids)"), {"p": row.provider_id, "ids": row.ids}
        )
    return emptied


def _rows(session: Session, deps: Deps, statement: TextClause, age: timedelta) -> int:
    now = deps.now()
    return len(session.execute(statement, {"now": now, "before": now - age, "most": BATCH}).all())
