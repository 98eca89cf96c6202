"""Looking at everything a provider has: nightly, and when a person asks.

A long job: the provider first, then its merchants a few at a time. Killed, it goes on where it was.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.health import Level
from services import longjobs
from services.console.rights import Right
from services.deps import Deps
from services.health.running import Found, check_merchants, check_provider, keep, worst_said
from services.longjobs import Job, Row, Step
from services.longjobs.asking import JobRunning

log = logging.getLogger(__name__)

KIND: Final = "health"
A_STEP: Final = 4  # merchants, side by side: a step must be over before the job's lease is
TOLD: Final = frozenset({Level.BAD, Level.WARN})


def start(session: Session, deps: Deps, provider_id: int, *, asked_by: str) -> int:
    """Returns the job's id. Raises JobRunning while one is under way."""
    total = session.scalar(
        text("SELECT count(*) FROM merchant WHERE provider_id = :p AND is_active"),
        {"p": provider_id},
    )
    return longjobs.start(
        session, provider_id=provider_id, kind=KIND, facts={}, asked_by=asked_by, now=deps.now(),
        total=int(total or 0),
    )  # fmt: skip


def start_all(deps: Deps) -> int:
    """The nightly round of every provider; returns how many were begun."""
    providers = deps.transact(
        lambda s: s.scalars(text("SELECT id FROM provider WHERE is_active ORDER BY id")).all()
    )
    begun = 0
    for provider_id in providers:
        try:
            deps.transact(lambda s, p=provider_id: start(s, deps, p, asked_by="worker"))  # type: ignore[misc]
            begun += 1
        except JobRunning:
            log.info("a round is under way already", extra={"provider": provider_id})
    return begun


longjobs.tells(
    KIND,
    longjobs.Words(
        title="检查全部商户的配置",
        unit="家",
        outcomes={"ok": "正常", "warn": "留意", "bad": "要处理", "unknown": "未知"},
        back="/console/health",
        back_label="配置健康",
        slow="每一家都要问微信支付和支付宝；可以离开本页。",
        needs=Right.CHECK,
    ),
)


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> longjobs.kinds.Write:
    last, number = int(job.cursor.get("merchant", 0)), int(job.cursor.get("number", 0))
    if "merchant" not in job.cursor:
        check_provider(deps, job.provider_id)
        return lambda session: Step(cursor={"merchant": 0}, done=0)
    wanted = deps.transact(lambda s: _next(s, job.provider_id, last))
    found = check_merchants(deps, job.provider_id, wanted)
    rows, counts = _report(deps, job, found, wanted, number)

    def write(session: Session) -> Step:
        keep(session, deps, job.provider_id, found)
        return Step(
            cursor={"merchant": wanted[-1] if wanted else last, "number": number + len(wanted)},
            done=len(wanted), counts=counts, rows=rows, is_over=len(wanted) < A_STEP,
        )  # fmt: skip

    return write


def _next(session: Session, provider_id: int, after: int) -> list[int]:
    found = session.scalars(
        text(
            "SELECT id FROM merchant WHERE provider_id = :p AND id > :a AND is_active"
            " ORDER BY id LIMIT :n"
        ),
        {"p": provider_id, "a": after, "n": A_STEP},
    )
    return list(found)


def _report(
    deps: Deps, job: Job, found: list[Found], wanted: list[int], number: int
) -> tuple[list[Row], dict[str, int]]:
    """A row for each merchant that somebody has to look at."""
    names = deps.transact(lambda s: _names(s, job.provider_id, wanted))
    counts: Counter[str] = Counter()
    rows = []
    for place, merchant_id in enumerate(wanted, number + 1):
        own = [one for one in found if one.merchant_id == merchant_id]
        level = worst_said(own)
        counts[level.value] += 1
        if level in TOLD:
            said = next(one.said for one in own if one.said and Level(one.said.level) is level)
            rows.append(Row(place, names.get(merchant_id, ""), level.value, said.said))
    return rows, dict(counts)


def _names(session: Session, provider_id: int, wanted: list[int]) -> dict[int, str]:
    found = session.execute(
        text("SELECT id, name FROM merchant WHERE provider_id = :p AND id = ANY(:m)"),
        {"p": provider_id, "m": wanted},
    )
    return {row.id: row.name for row in found}
