"""A question that the day totals can not answer is counted from the rows, but not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.cloudpay.call import Call
from services.cloudpay.statuses import Internal, Refused

T = TypeVar("T")
_LIMIT: Final = text("SELECT set_config('statement_timeout', :ms, true)")
_CANCELLED: Final = "57014"


def within(call: Call, unit: Callable[[Session], T], *, is_quick: bool) -> T:
    """Run it. Raises Refused where it takes longer than a client waits for its answer."""
    if is_quick:
        return call.deps.transact(unit)
    limit = {"ms": f"{int(call.deps.settings.cpay_answer_s * 1000)}ms"}

    def limited(session: Session) -> T:
        session.execute(_LIMIT, limit)
        return unit(session)

    try:
        return call.deps.transact(limited)
    except DBAPIError as problem:
        if getattr(problem.orig, "sqlstate", None) != _CANCELLED:
            raise
        raise Refused(
            "查询范围太大，请缩短start_time到end_time的时间后重试", internal=Internal.STATE
        ) from problem
