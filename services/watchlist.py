"""What an operator should know before a customer says it: numbers and warnings from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps

LOOK_BACK = timedelta(minutes=10)
RETURN_TAKES = timedelta(seconds=60)
ENOUGH_DEPARTURES = 5

_GAUGES = {
    "yima_attempts_open": "SELECT count(*) FROM pay_attempt WHERE status IN"
    " ('created', 'payable', 'closing')",
    "yima_attempts_overdue": "SELECT count(*) FROM pay_attempt WHERE due_at < :overdue",
    "yima_orders_unknown": "SELECT count(*) FROM pay_order WHERE is_unknown"
    " AND status IN ('created', 'paying')",
    "yima_orders_paid_last_minutes": "SELECT count(*) FROM pay_order WHERE status = 'paid'"
    " AND paid_at > :recent",
    "yima_cases_open": "SELECT count(*) FROM money_case WHERE closed_at IS NULL",
    "yima_callbacks_overdue": "SELECT count(*) FROM callback WHERE due_at < :overdue",
    "yima_callbacks_dead": "SELECT count(*) FROM callback WHERE status = 'dead'"
    " AND dismissed_at IS NULL",
    "yima_bills_overdue": "SELECT count(*) FROM bill WHERE status <> 'matched'"
    " AND bill_on < CAST(:now AS date) - 1",
    "yima_bill_cases_open": "SELECT count(*) FROM bill_case WHERE status = 'found'",
    "yima_jobs_waiting": "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'",
    "yima_jobs_failed": "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'",
}


@dataclass(frozen=True, slots=True)
class SilentAccount:
    """A provider whose payers leave for the wallet's OAuth page and do not come back."""

    out_mch_id: str
    channel: str
    departures: int


def gauges(deps: Deps) -> dict[str, int]:
    """Counts over all processes, since they are read from the rows."""

    def unit(session: Session) -> dict[str, int]:
        now = deps.now()
        times = {"overdue": now - timedelta(seconds=60), "recent": now - LOOK_BACK, "now": now}
        return {
            name: int(session.scalar(text(statement), times) or 0)
            for name, statement in _GAUGES.items()
        }

    return deps.transact(unit)


def silent_accounts(session: Session, deps: Deps) -> list[SilentAccount]:
    """WeChat shows its own page for 10005 and never returns: only the silence can be seen."""
    now = deps.now()
    rows = session.execute(
        text(
            "SELECT p.out_mch_id, o.channel, count(*) AS n FROM oauth_state o"
            " JOIN provider p ON p.id = o.provider_id"
            " WHERE o.expires_at BETWEEN :from_at AND :to_at"
            " GROUP BY 1, 2 HAVING count(*) >= :enough AND count(o.used_at) = 0"
        ),
        {
            # a state lives ten minutes, so its departure was that long before it expires
            "from_at": now,
            "to_at": now + LOOK_BACK - RETURN_TAKES,
            "enough": ENOUGH_DEPARTURES,
        },
    )
    return [SilentAccount(row.out_mch_id, row.channel, row.n) for row in rows]
