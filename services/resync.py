"""After a restored backup: the wallets are asked about everything that the backup may not know.

What is unfinished here is asked about; what was paid lately is asked whether money went back; what
is held of payers, what became of it; the numbers of lost orders and deposits come from logs, from
the wallets' bills, and from notifications that come again. None of these is believed without the
wallet's answer to a question of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.provider import Provider
from services import audit, restored
from services.adopted_refunds import adopt_refund
from services.adoption import adopt
from services.bill_resync import hear_bills, to_come
from services.deposits import resyncing as holds
from services.deps import Deps
from services.intent_log import Told, ToldDeposit
from services.syncing import SILENT, Synced, sync_order

T = TypeVar("T")
R = TypeVar("R")

MARGIN = timedelta(minutes=10)  # commits were on their way when the snapshot was taken
CLOSED_LATER = timedelta(days=1)  # what had ended so long before it may have happened after all
REFUNDED_LATER = timedelta(days=30)  # payments of so long before the backup are asked about refunds


@dataclass(frozen=True, slots=True)
class Window:
    """`since`: the backup's snapshot. `provider_id`: one provider, or all."""

    since: datetime
    until: datetime
    provider_id: int | None = None


@dataclass
class Report:
    """What was asked, what came back, what is open."""

    asked: int = 0
    changed: list[Synced] = field(default_factory=list)
    disagreeing: list[Synced] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    deposits: list[str] = field(default_factory=list)  # holds, consumptions and releases
    unanswered: list[str] = field(default_factory=list)
    older: int = 0  # payments before the window that were not asked whether money went back
    to_come: list[str] = field(default_factory=list)  # what only a later day tells
    refunds_wait: bool = False  # for an answer, another provider, or an earlier time


def resync(deps: Deps, window: Window, told: Iterable[Told | ToldDeposit], *, actor: str) -> Report:
    """Ask about everything; safe to run again at any time.

    Ends the wait of refunds where every question had an answer.
    """
    report = Report()
    before = deps.transact(_last_entry)
    told = set(told)
    deposits = [one for one in told if isinstance(one, ToldDeposit)]
    payments = sorted(one for one in told if isinstance(one, Told))
    report.unanswered += _hear_deposits(deps, window, deposits, actor)  # its orders are of them
    report.unanswered += _adopt_told(deps, window, payments, actor)
    hear_bills(deps, window.since, window.until)
    orders = deps.transact(lambda s: _orders(s, window))
    for synced in _side_by_side(deps, orders, lambda o: _sync(deps, o, actor)):
        _count(report, synced)
    report.older = deps.transact(lambda s: _older(s, window))
    report.adopted = deps.transact(lambda s: _since(s, before, "order_adopted", "attempt"))
    report.refunds = deps.transact(lambda s: _since(s, before, "refund_adopted", "out_refund_no"))
    report.deposits = deps.transact(lambda s: _deposits_since(s, before))
    report.to_come = list(to_come(deps, window.since, window.until, window.provider_id))
    if not report.unanswered:
        deps.transact(lambda s: _finish(s, deps, window, report, actor))
    report.refunds_wait = deps.transact(restored.unfinished_since) is not None
    return report


def _last_entry(session: Session) -> int:
    return int(session.scalar(text("SELECT max(id) FROM audit_entry")) or 0)


def _since(session: Session, entry: int, action: str, name: str) -> list[str]:
    """What the trail says was adopted since, by whatever road."""
    rows = session.scalars(
        text(
            "SELECT facts ->> CAST(:name AS text) FROM audit_entry"
            " WHERE id > :entry AND action = :action ORDER BY id"
        ),
        {"entry": entry, "action": action, "name": name},
    )
    return list(rows)


_DEPOSITS = text("""
SELECT substr(subject, 9) AS hold, facts ->> 'kind' AS kind, facts ->> 'number' AS number
FROM audit_entry WHERE id > :entry AND action IN ('deposit_adopted', 'deposit_move_adopted')
ORDER BY id
""")
_MOVES = {"consume": "consumption", "release": "release"}


def _deposits_since(session: Session, entry: int) -> list[str]:
    return [
        f"{_MOVES[row.kind]} {row.number} of deposit {row.hold}"
        if row.kind
        else f"deposit {row.hold}"
        for row in session.execute(_DEPOSITS, {"entry": entry})
    ]


def _providers(deps: Deps, window: Window) -> list[int]:
    wanted = select(Provider.id).order_by(Provider.id)
    if window.provider_id is not None:
        wanted = wanted.where(Provider.id == window.provider_id)
    return deps.transact(lambda s: list(s.scalars(wanted)))


def _hear_deposits(deps: Deps, window: Window, told: list[ToldDeposit], actor: str) -> list[str]:
    """Ask about holds that we have and those that logs name; the numbers without an answer."""
    providers, since = _providers(deps, window), window.since - CLOSED_LATER
    asked = deps.transact(
        lambda s: holds.questions(s, told, providers, since=since, until=window.until)
    )

    def one(question: holds.Question) -> list[str]:
        pace = partial(_wait_for_quota, deps, question.provider_id)
        return holds.answer(deps, question, actor, pace)

    return [number for numbers in _side_by_side(deps, asked, one) for number in numbers]


def _adopt_told(deps: Deps, window: Window, told: list[Told], actor: str) -> list[str]:
    """Ask about each number for each provider that it may be of; those without an answer."""
    providers = _providers(deps, window)
    questions = [(provider, item) for item in told for provider in providers]
    silent = _side_by_side(deps, questions, lambda q: _adopt(deps, q[0], q[1], actor))
    return [number for number in silent if number]


def _adopt(deps: Deps, provider_id: int, told: Told, actor: str) -> str | None:
    """Numbers of ours that the order's refunds may have are asked for when the order is."""
    try:
        _wait_for_quota(deps, provider_id)
        made = adopt(deps, provider_id, told.channel, told.out_trade_no, None, actor)
        if made is not None and told.out_refund_no:
            adopt_refund(deps, provider_id, made.attempt_id, told.out_refund_no, actor)
    except SILENT:
        return told.out_refund_no or told.out_trade_no
    return None


_OUTSTANDING = """
SELECT o.provider_id, o.id FROM pay_order o
WHERE (CAST(:provider AS bigint) IS NULL OR o.provider_id = :provider) AND (
    o.status IN ('created', 'paying')
    OR (o.status = 'paid' AND o.paid_at >= :paid_since AND o.paid_at <= :until)
    OR (o.status = 'closed' AND o.created_at >= :closed_since AND o.created_at <= :until)
    OR EXISTS (SELECT 1 FROM pay_attempt a WHERE a.provider_id = o.provider_id
        AND a.order_id = o.id AND a.status IN ('created', 'payable', 'closing'))
    OR EXISTS (SELECT 1 FROM refund r WHERE r.provider_id = o.provider_id AND r.order_id = o.id
        AND r.status NOT IN ('success', 'failed', 'void'))
) ORDER BY o.provider_id, o.id
"""


def _times(window: Window) -> dict[str, object]:
    return {
        "provider": window.provider_id,
        "until": window.until,
        "paid_since": window.since - REFUNDED_LATER,
        "closed_since": window.since - CLOSED_LATER,
    }


def _orders(session: Session, window: Window) -> list[tuple[int, int]]:
    """Orders with anything that may have moved since; demo history has no attempt to ask about."""
    rows = session.execute(text(_OUTSTANDING), _times(window))
    return [(row.provider_id, row.id) for row in rows]


def _older(session: Session, window: Window) -> int:
    found = session.scalar(
        text(
            "SELECT count(*) FROM pay_order WHERE status = 'paid' AND refunded_fen < amount_fen"
            " AND (CAST(:provider AS bigint) IS NULL OR provider_id = :provider)"
            " AND paid_at < :paid_since"
        ),
        _times(window),
    )
    return int(found or 0)


def _sync(deps: Deps, order: tuple[int, int], actor: str) -> Synced:
    _wait_for_quota(deps, order[0])
    return sync_order(deps, *order, actor=actor, is_audited=False)


def _count(report: Report, synced: Synced) -> None:
    report.asked += len(synced.answers)
    report.unanswered += [a.number for a in synced.answers if not a.is_answered]
    if any(a.is_answered and not a.is_agreed for a in synced.answers):
        report.disagreeing.append(synced)
    if synced.before != synced.after or any(a.before != a.after for a in synced.answers):
        report.changed.append(synced)


def _finish(session: Session, deps: Deps, window: Window, report: Report, actor: str) -> None:
    """Refunds may go on, where everybody's wallets were asked."""
    now = deps.now()
    if window.provider_id is None:
        restored.finish(session, window.since, window.until, now)
    providers = select(Provider.id).order_by(Provider.id)
    if window.provider_id is not None:
        providers = providers.where(Provider.id == window.provider_id)
    for provider_id in session.scalars(providers):
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="resynced",
            subject=f"provider:{provider_id}",
            at=now,
            since=window.since.isoformat(),
            asked=report.asked,
            adopted=len(report.adopted),
            refunds=len(report.refunds),
        )


def _side_by_side(deps: Deps, items: list[T], ask: Callable[[T], R]) -> list[R]:
    with ThreadPoolExecutor(deps.settings.worker_threads, "resync") as pool:
        return list(pool.map(ask, items))


_TAKE = text(
    "INSERT INTO upstream_quota (provider_id, operation, minute, taken) VALUES (:p, 'query', :m, 1)"
    " ON CONFLICT (provider_id, operation, minute)"
    " DO UPDATE SET taken = upstream_quota.taken + 1 WHERE upstream_quota.taken < :most"
    " RETURNING taken"
)


def _wait_for_quota(deps: Deps, provider_id: int) -> None:
    """One question of this minute's allowance, or the next minute's: payers' questions go first."""
    while True:
        minute = deps.now().replace(second=0, microsecond=0)
        values = {"p": provider_id, "m": minute, "most": deps.settings.query_quota_per_minute // 2}
        if deps.transact(lambda s, v=values: s.scalar(_TAKE, v)) is not None:  # type: ignore[misc]
            return
        time.sleep(1)
