"""Quiet hours (免打扰), in the time of the shops. Pure."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def local_time(at: datetime) -> time:
    return at.astimezone(SHANGHAI).time()


def is_quiet(at: datetime, since: time | None, until: time | None) -> bool:
    """Whether `at` lies in the span; one that ends before it begins goes over midnight."""
    if since is None or until is None:
        return False
    local = local_time(at)
    if since < until:
        return since <= local < until
    return local >= since or local < until
