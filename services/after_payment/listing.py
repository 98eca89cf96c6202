"""Ads as the console shows them: a page of the list, and one with its versions and its days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import NotFound

PAGE: Final = 20
DAYS: Final = 14


class AdState(StrEnum):
    LIVE = "live"
    WAITING = "waiting"  # nothing of it was approved yet
    REFUSED = "refused"
    PLANNED = "planned"
    ENDED = "ended"
    STOPPED = "stopped"


STATE_WORDS: Final[dict[AdState, tuple[str, str]]] = {
    AdState.LIVE: ("ok", "投放中"),
    AdState.WAITING: ("info", "待审"),
    AdState.REFUSED: ("bad", "未通过"),
    AdState.PLANNED: ("info", "未开始"),
    AdState.ENDED: ("", "已结束"),
    AdState.STOPPED: ("warn", "已停止"),
}
_STATE: Final = """
CASE WHEN a.stopped_at IS NOT NULL THEN 'stopped'
    WHEN a.live_version_id IS NULL AND n.refused_at IS NOT NULL THEN 'refused'
    WHEN a.live_version_id IS NULL THEN 'waiting'
    WHEN a.starts_on > :today THEN 'planned'
    WHEN a.ends_on < :today THEN 'ended' ELSE 'live' END
"""
_ROWS: Final = f"""
SELECT * FROM (
    SELECT a.id, a.public_id, a.place, a.merchant_id, a.starts_on, a.ends_on, a.weight,
        a.most_per_day, a.version, a.stopped_at, a.stopped_by, a.live_version_id, n.name, n.link,
        n.number, p.public_id AS picture, p.size_bytes, p.sent_bytes, {_STATE} AS state,
        n.approved_at IS NULL AND n.refused_at IS NULL AS is_waiting,
        m.short_name AS merchant, m.out_sub_mch_id, s.name AS store, s.branch_name, s.out_shop_id,
        c.code, COALESCE(m.id, s.merchant_id, c.merchant_id) AS of_merchant,
        (SELECT COALESCE(sum(d.views), 0) FROM ad_day d
            WHERE d.provider_id = a.provider_id AND d.ad_id = a.id) AS views,
        (SELECT COALESCE(sum(d.clicks), 0) FROM ad_day d
            WHERE d.provider_id = a.provider_id AND d.ad_id = a.id) AS clicks
    FROM ad a
    JOIN LATERAL (SELECT * FROM ad_version v WHERE v.provider_id = a.provider_id
        AND v.ad_id = a.id ORDER BY v.number DESC LIMIT 1) n ON true
    JOIN ad_picture p ON p.provider_id = n.provider_id AND p.id = n.picture_id
    LEFT JOIN merchant m ON m.provider_id = a.provider_id AND m.id = a.merchant_id
    LEFT JOIN store s ON s.provider_id = a.provider_id AND s.id = a.store_id
    LEFT JOIN pay_code c ON c.provider_id = a.provider_id AND c.id = a.pay_code_id
    WHERE a.provider_id = :p AND {{narrowed}}
) found WHERE (CAST(:state AS text) IS NULL OR state = :state
    OR (:state = 'waiting' AND is_waiting))
ORDER BY id {{order}} LIMIT :most
"""
_BESIDE: Final = "a.id {} (SELECT id FROM ad WHERE provider_id = :p AND public_id = :cursor)"
_FIRST = text(_ROWS.format(narrowed="true", order="DESC"))
_BEFORE = text(_ROWS.format(narrowed=_BESIDE.format("<"), order="DESC"))
_AFTER = text(_ROWS.format(narrowed=_BESIDE.format(">"), order="ASC"))
_ONE = text(_ROWS.format(narrowed="a.public_id = :public_id", order="DESC"))
_VERSIONS = text("""
SELECT v.number, v.name, v.link, p.public_id AS picture, p.body IS NOT NULL AS has_picture,
    v.uploaded_by, v.uploaded_at, v.approved_by, v.approved_at, v.refused_by, v.refused_at,
    v.refused_why, v.id = a.live_version_id AS is_live
FROM ad_version v
JOIN ad a ON a.provider_id = v.provider_id AND a.id = v.ad_id
JOIN ad_picture p ON p.provider_id = v.provider_id AND p.id = v.picture_id
WHERE v.provider_id = :p AND v.ad_id = :a ORDER BY v.number DESC LIMIT 50
""")
_DAYS = text("""
SELECT shown_on, channel, sum(views) AS views, sum(clicks) AS clicks FROM ad_day
WHERE provider_id = :p AND ad_id = :a AND shown_on > :since
GROUP BY shown_on, channel ORDER BY shown_on DESC, channel
""")
_NAMES = text("""
SELECT u.id, u.name FROM console_user u JOIN console_member m ON m.user_id = u.id
WHERE m.provider_id = :p AND u.id = ANY(:ids)
""")


@dataclass(frozen=True, slots=True)
class AdRow:
    """One ad by its newest version. `views` and `clicks` are of all days and wallets."""

    id: int
    public_id: str
    name: str
    link: str | None
    picture: str
    state: AdState
    is_waiting: bool
    place: str
    where: str  # whose customers see it, in words
    target: str  # as it is typed
    of_merchant: int | None  # whose Gold Plan takes its place; None for the whole provider's
    starts_on: date
    ends_on: date | None
    weight: int
    most_per_day: int | None
    version: int
    number: int
    stopped_at: datetime | None
    stopped_by: str | None
    size_bytes: int
    sent_bytes: int
    views: int
    clicks: int

    @property
    def scope(self) -> str:
        """As `drafts.SCOPES` names it."""
        return {"m": "merchant", "s": "store", "c": "code"}.get(self.place[0], "all")

    @property
    def share(self) -> str:
        """Clicks of a hundred views: 2.30%."""
        return f"{100 * self.clicks / self.views:.2f}%" if self.views else "–"


@dataclass(frozen=True, slots=True)
class AdPage:
    """`newer` and `older` are cursors of the pages beside, None where there is none."""

    rows: Sequence[AdRow]
    newer: str | None = None
    older: str | None = None


def page(
    session: Session,
    provider_id: int,
    today: date,
    *,
    state: AdState | None = None,
    before: str | None = None,
    after: str | None = None,
) -> AdPage:
    """Newest first. `before` and `after` are cursors of the page's ends, one of them at most."""
    keys: dict[str, Any] = {
        "p": provider_id, "today": today, "state": state and state.value, "most": PAGE + 1,
        "cursor": after or before,
    }  # fmt: skip
    statement = _AFTER if after else _BEFORE if before else _FIRST
    found = [_row(row) for row in session.execute(statement, keys)]
    has_more, rows = len(found) > PAGE, found[:PAGE]
    if after:
        rows.reverse()
    if not rows:
        return AdPage(rows)
    newer = rows[0].public_id if (has_more if after else bool(before)) else None
    older = rows[-1].public_id if (has_more or after) else None
    return AdPage(rows, newer, older)


def one(session: Session, provider_id: int, public_id: str, today: date) -> AdRow:
    """Raises NotFound, for another provider's as for nobody's."""
    keys = {"p": provider_id, "today": today, "state": None, "most": 1, "public_id": public_id}
    found = session.execute(_ONE, keys).one_or_none()
    if found is None:
        raise NotFound(public_id)
    return _row(found)


def _row(row: Any) -> AdRow:
    named = row._mapping
    where, target = _where(row)
    kept = {name: named[name] for name in AdRow.__slots__ if name in named}
    return AdRow(
        **{
            **kept, "state": AdState(row.state), "where": where, "target": target,
            "views": int(row.views), "clicks": int(row.clicks),
        }
    )  # fmt: skip


def _where(row: Any) -> tuple[str, str]:
    if row.merchant is not None:
        return f"商户 {row.merchant}", row.out_sub_mch_id
    if row.store is not None:
        name = f"{row.store} · {row.branch_name}" if row.branch_name else row.store
        return f"门店 {name}", row.out_shop_id
    return (f"收款码 {row.code}", row.code) if row.code is not None else ("全部商户", "")


def versions(session: Session, provider_id: int, ad_id: int) -> Sequence[Any]:
    """Newest first: what was shown, who uploaded it and who decided."""
    return session.execute(_VERSIONS, {"p": provider_id, "a": ad_id}).all()


def days(session: Session, provider_id: int, ad_id: int, today: date) -> Sequence[Any]:
    """The last fortnight, by day and wallet."""
    since = today - timedelta(DAYS)
    return session.execute(_DAYS, {"p": provider_id, "a": ad_id, "since": since}).all()


def names_of(session: Session, provider_id: int, actors: Iterable[str | None]) -> dict[str, str]:
    """Names of accounts by what the audit calls them (`console:7`)."""
    ids = {int(one.partition(":")[2]) for one in actors if one and one.startswith("console:")}
    found = session.execute(_NAMES, {"p": provider_id, "ids": sorted(ids)})
    return {f"console:{row.id}": row.name for row in found}
