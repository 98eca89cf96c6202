"""The first page: how the day goes, which merchants need somebody, how the configuration is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers, charts
from services.console.rights import Right
from services.health import reading
from services.health.reading import Finding
from services.provider_figures import cells, today, trouble
from services.provider_figures.cells import Cell
from services.provider_figures.today import Today
from services.provider_figures.trouble import Trouble
from services.recon import items
from web.formats import local_clock, local_day
from web.runtime import deps

LEVELS: Final = {
    "bad": ("x", "bac", "bad", "异常"),
    "warn": ("alert", "wac", "warn", "要留意"),
    "unknown": ("info", "", "", "还没检查"),
    "ok": ("check", "okc", "ok", "正常"),
}
ORDER: Final = ("ok", "unknown", "warn", "bad")
MOST_FINE: Final = 12  # checks that are well, in the list


def show() -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()

    def unit(session: Session) -> dict[str, Any]:
        day = today.read(session, who.provider, now)
        return {
            **_figures(day),
            "troubles": [
                _trouble(one, now)
                for one in trouble.newest(session, who.provider, day.recent.refusals)
            ],
            "open_items": items.count_open(session, who.provider),
            "health": _health(
                reading.of_provider(session, who.provider, now),
                reading.tally(session, who.provider),
                now,
            ),
        }

    shown = deps().transact(unit)
    may = {"may_export": who.may(Right.EXPORT), "may_check": who.may(Right.CHECK)}
    return answers.page("console/overview.html", **may, **shown)


def by_day(found: Sequence[Cell]) -> dict[date, dict[str, int]]:
    """Fen by day and wallet, of what came over wallets."""
    sums: dict[date, dict[str, int]] = {}
    for cell in found:
        if cell.is_taken:
            mine = sums.setdefault(cell.day_on, {})
            mine[cell.wallet] = mine.get(cell.wallet, 0) + cell.sums.paid_fen
    return sums


def _figures(day: Today) -> dict[str, Any]:
    days = [day.day - timedelta(days=n) for n in range(today.DAYS - 1, -1, -1)]
    waited = day.at - day.oldest_unknown_at if day.oldest_unknown_at else None
    return {
        "day": day,
        "heading": f"{local_day(day.at)}，截至 {local_clock(day.at)}",
        "week_day": f"上周{local_day(day.at)[-1]}",
        "change": None if day.change is None else f"{day.change:+.1f}%".replace("-", "−"),
        "chart": charts.stacked(days, by_day(day.days), day.day),
        "legend": [charts.wallet(one) for one in charts.WALLETS],
        "card": cells.total(one for one in day.days if not one.is_taken),
        "waited": None if waited is None else _span(waited),
    }


def _span(waited: timedelta) -> str:
    seconds = max(0, int(waited.total_seconds()))
    if seconds < 120:
        return f"{seconds} 秒"
    if seconds < 7200:
        return f"{seconds // 60} 分钟"
    return f"{seconds // 3600} 小时" if seconds < 172_800 else f"{seconds // 86_400} 天"


def _trouble(one: Trouble, now: datetime) -> dict[str, Any]:
    link = f"/console/merchants/{one.merchant_number}" if one.merchant_number else ""
    label = "看这家商户"
    if one.item is not None:
        link, label = f"/console/recon/{one.item.source}/{one.item.id}", "去处理"
    since = "" if one.at is None else _since(one.at, now)
    return {"one": one, "link": link, "label": label, "since": since}


def _since(at: datetime, now: datetime) -> str:
    """A clock for today, a date for before."""
    return local_clock(at) if local_day(at) == local_day(now) else local_day(at)[:-3]


def _health(found: list[Finding], tally: dict[str, int], now: datetime) -> dict[str, Any]:
    """Every level of the provider's own checks with its share; "unknown" is never among fine."""
    counts = Counter(str(one.level) for one in found)
    shares, at = [], 0.0
    for level in ORDER:
        width = 100 * counts[level] / len(found) if found else 0
        if width:
            shares.append(
                {"x": round(at, 2), "width": round(max(width - 0.6, 0.4), 2), "level": level}
            )
        at += width
    said = "，".join(f"{counts[one]} 项{LEVELS[one][3]}" for one in ORDER if counts[one])
    checked = [one.checked_at for one in found if one.checked_at]
    return {
        "rows": [(one, LEVELS[str(one.level)]) for one in found if not one.is_fine],
        "fine": [one for one in found if one.is_fine][:MOST_FINE],
        "shares": shares,
        "said": f"{len(found)} 项：{said}" if found else "还没有检查过",
        "checked": f"{_span(now - max(checked))}前检查" if checked else "还没有检查过",
        "merchants": [
            (LEVELS[level], tally[level])
            for level in ("bad", "warn", "unknown")
            if tally.get(level)
        ],
    }
