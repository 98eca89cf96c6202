"""Money, time and ids as people read them (design README 4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import Flask

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_WEEKDAYS: Final = "一二三四五六日"


def money(fen: int, *, symbol: str = "¥") -> str:
    """`¥1,284.50`; a negative carries U+2212 before the sign of the currency: `−¥38.50`."""
    return f"{'−' if fen < 0 else ''}{symbol}{_figure(fen)}"


def figure(fen: int) -> str:
    """`1,284.50`: for the large amount, whose ¥ is a smaller element of its own."""
    return f"{'−' if fen < 0 else ''}{_figure(fen)}"


def _figure(fen: int) -> str:
    yuan, rest = divmod(abs(fen), 100)
    return f"{yuan:,}.{rest:02d}"


def to_local(at: datetime) -> datetime:
    """A time without a zone is UTC, as everything stored is."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(SHANGHAI)


def local_time(at: datetime | None) -> str:
    """`2026-11-21 14:16:08` in Asia/Shanghai; empty for None."""
    return to_local(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def local_clock(at: datetime | None) -> str:
    """`14:16`, for lists of one day."""
    return to_local(at).strftime("%H:%M") if at else ""


def local_day(at: datetime) -> str:
    """`11 月 21 日 周六`, the heading of a day's list."""
    day = to_local(at)
    return f"{day.month} 月 {day.day} 日 周{_WEEKDAYS[day.weekday()]}"


def local_short(at: datetime, now: datetime) -> str:
    """`11-21 14:16`, for lists over many days; another year than `now`'s is said."""
    local = to_local(at)
    return local.strftime("%m-%d %H:%M" if local.year == to_local(now).year else "%Y-%m-%d %H:%M")


def tail4(number: str | None) -> str:
    """`…8613`: order numbers are whole in details and four characters in lists."""
    return f"…{number[-4:]}" if number else ""


def register_filters(app: Flask) -> None:
    for one in (money, figure, local_time, local_clock, local_day, tail4):
        app.add_template_filter(one, one.__name__)
