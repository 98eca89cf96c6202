"""What the checks found, as pages read it. A check that nobody ran yet is unknown, never fine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.health import HealthFinding, Level
from services.health.table import BY_NAME, Check

WORST_FIRST: Final = (Level.BAD, Level.WARN, Level.UNKNOWN, Level.OK)
STALE_AFTER: Final = timedelta(hours=36)  # nightly rounds: one may be missed, not two
EXPIRY_STEPS: Final = (1, 7, 30)  # days before the end that are warned of


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one subject, with what to do about it."""

    check: Check
    level: Level
    said: str
    upstream_code: str
    upstream_text: str
    until_at: datetime | None
    since_at: datetime | None
    checked_at: datetime | None
    merchant_id: int | None = None
    store_id: int | None = None

    @property
    def is_fine(self) -> bool:
        return self.level is Level.OK

    @property
    def title(self) -> str:
        return self.check.title

    @property
    def remedy(self) -> tuple[str, ...]:
        return () if self.is_fine else self.check.remedy

    def link(self, merchant: str = "") -> str:
        """Where the remedy is done."""
        return self.check.link.replace("{m}", merchant)


def of_provider(session: Session, provider_id: int, now: datetime | None = None) -> list[Finding]:
    """The provider's own checks, the worst first. With `now`, words that are old are unknown."""
    return _read(session, provider_id, None, now)


def of_merchant(
    session: Session, provider_id: int, merchant_id: int, now: datetime | None = None
) -> list[Finding]:
    """A merchant's checks and those of its stores, the worst first."""
    return _read(session, provider_id, merchant_id, now)


def worst_of(session: Session, provider_id: int, merchant_ids: Sequence[int]) -> dict[int, str]:
    """The worst level of each of these merchants, its stores included; "unknown" for those that
    were never looked at."""
    rows = session.execute(
        text(
            "SELECT merchant_id, array_agg(DISTINCT level) AS levels FROM health_finding"
            " WHERE provider_id = :p AND merchant_id = ANY(:m) GROUP BY merchant_id"
        ),
        {"p": provider_id, "m": list(merchant_ids)},
    )
    found = {row.merchant_id: str(worst(Level(one) for one in row.levels)) for row in rows}
    return {one: found.get(one, str(Level.UNKNOWN)) for one in merchant_ids}


def troubled(
    session: Session, provider_id: int, level: Level, after: int, most: int
) -> list[tuple[int, str, str]]:
    """Merchants with a check at this level: (id, out_sub_mch_id, name), by id behind `after`."""
    rows = session.execute(
        text(
            "SELECT m.id, m.out_sub_mch_id, m.name FROM merchant m WHERE m.provider_id = :p"
            " AND m.id > :a AND m.is_active AND EXISTS (SELECT 1 FROM health_finding f"
            " WHERE f.provider_id = :p"
            " AND f.merchant_id = m.id AND f.level = :l) ORDER BY m.id LIMIT :n"
        ),
        {"p": provider_id, "a": after, "l": level.value, "n": most},
    )
    return [(row.id, row.out_sub_mch_id, row.name) for row in rows]


def tally(session: Session, provider_id: int) -> dict[str, int]:
    """How many merchants have a check at each level that is not fine."""
    rows = session.execute(
        text(
            "SELECT f.level, count(DISTINCT f.merchant_id) AS n FROM health_finding f"
            " JOIN merchant m ON m.provider_id = f.provider_id AND m.id = f.merchant_id"
            " WHERE f.provider_id = :p AND m.is_active AND f.level <> 'ok' GROUP BY f.level"
        ),
        {"p": provider_id},
    )
    return {row.level: row.n for row in rows}


def worst(levels: Iterable[Level]) -> Level:
    """Of none: unknown."""
    return min(levels, key=WORST_FIRST.index, default=Level.UNKNOWN)


def _read(
    session: Session, provider_id: int, merchant_id: int | None, now: datetime | None
) -> list[Finding]:
    wanted = select(HealthFinding).where(HealthFinding.provider_id == provider_id)
    if merchant_id is None:
        wanted = wanted.where(HealthFinding.merchant_id.is_(None))
    else:
        wanted = wanted.where(HealthFinding.merchant_id == merchant_id)
    rows = session.scalars(wanted.order_by(HealthFinding.store_id, HealthFinding.id))
    found = [_finding(row, now) for row in rows if row.check_name in BY_NAME]
    names = list(BY_NAME)
    return sorted(
        found,
        key=lambda one: (
            WORST_FIRST.index(one.level), names.index(one.check.name), one.store_id or 0,
        ),
    )  # fmt: skip


def _finding(row: HealthFinding, now: datetime | None) -> Finding:
    level, said = Level(row.level), row.said
    if now is not None and now - row.checked_at > STALE_AFTER:
        level, said = Level.UNKNOWN, f"上次检查是 {row.checked_at:%F}，结果已经过时"
    return Finding(
        check=BY_NAME[row.check_name], level=level, said=said, upstream_code=row.upstream_code,
        upstream_text=row.upstream_text, until_at=row.until_at, since_at=row.since_at,
        checked_at=row.checked_at, merchant_id=row.merchant_id, store_id=row.store_id,
    )  # fmt: skip
