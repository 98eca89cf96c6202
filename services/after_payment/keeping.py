"""How long pictures stay: three years after an ad was last shown, as who publishes it must keep it.

Source: 互联网广告管理办法 (2023), article 14: the archive of an ad is kept for at least three years
from the day on which its publication ended. The rows stay; what goes are the bytes of the picture.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
YEARS: Final = 3
UNUSED: Final = timedelta(days=1)  # of a picture that no ad took
BATCH: Final = 200

# Live, or uploaded or seen within the years: kept. A picture that no version names: a day.
_OLD = text("""
UPDATE ad_picture SET body = NULL WHERE (provider_id, id) IN (
    SELECT p.provider_id, p.id FROM ad_picture p WHERE p.body IS NOT NULL
        AND p.created_at < :unused_before
        AND NOT EXISTS (SELECT 1 FROM ad_version v JOIN ad a
            ON a.provider_id = v.provider_id AND a.id = v.ad_id
            WHERE v.provider_id = p.provider_id AND v.picture_id = p.id AND (
                v.uploaded_at >= :years_ago OR a.live_version_id = v.id
                OR EXISTS (SELECT 1 FROM ad_day d WHERE d.provider_id = v.provider_id
                    AND d.version_id = v.id AND d.shown_on >= :day_years_ago)))
    ORDER BY p.created_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id
""")


def remove_old(deps: Deps) -> int:
    """Of how many pictures the bytes went: one batch, the next run goes on."""

    def unit(session: Session) -> int:
        now = deps.now()
        before = years_before(now)
        values = {
            "unused_before": now - UNUSED, "years_ago": before, "most": BATCH,
            "day_years_ago": before.astimezone(SHANGHAI).date(),
        }  # fmt: skip
        return len(session.execute(_OLD, values).all())

    return deps.transact(unit)


def years_before(now: datetime) -> datetime:
    """The same day three years ago; of 29 February the day before it."""
    day = 28 if (now.month, now.day) == (2, 29) else now.day
    return now.replace(year=now.year - YEARS, day=day)
