"""A bill's day is China's; the rows are in UTC."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))
READY = time(
    10
)  # WeChat writes from 9:00 on; Alipay is done about 9:00 (wechat.md A11, alipay.md 5)


def starts(on: date) -> datetime:
    """The first instant of the day."""
    return datetime.combine(on, time(0), SHANGHAI)


def ends(on: date) -> datetime:
    """The first instant of the next day."""
    return starts(on + timedelta(days=1))


def ready_at(on: date) -> datetime:
    """When the day's bill may be asked for: 10:00 of the next day."""
    return datetime.combine(on + timedelta(days=1), READY, SHANGHAI)


def china_date(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
