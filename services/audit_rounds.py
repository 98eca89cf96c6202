"""Checking a provider's audit log when a person asks: a long job that says how far it has come.

Each step follows the chain a little further from where the last one left it, so a log of any length
is checked, and a worker that is killed goes on there.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import longjobs
from services.audit_chain import seal
from services.audit_verify import Broken, Finding, Report, Walk, go_on, known_ends, remember
from services.console.rights import Right
from services.deps import Deps
from services.longjobs import Job, Row, Step

KIND: Final = "audit_verify"
A_STEP: Final = 50_000  # entries: well below a second
longjobs.tells(
    KIND,
    longjobs.Words(
        title="核对日志", unit="条", outcomes={"fine": "无误", "failed": "对不上"},
        back="/console/audit", back_label="日志", needs=Right.AUDIT,
    ),
)  # fmt: skip


def start(session: Session, deps: Deps, provider_id: int, *, asked_by: str) -> int:
    """Returns the job's id. Raises JobRunning while one is under way."""
    return longjobs.start(
        session, provider_id=provider_id, kind=KIND, facts={}, asked_by=asked_by, now=deps.now(),
        total=_length(session, provider_id),
    )  # fmt: skip


def _length(session: Session, provider_id: int) -> int:
    asked = text("SELECT seq FROM audit_head WHERE provider_id = :p")
    return int(session.scalar(asked, {"p": provider_id}) or 0)


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> longjobs.kinds.Write:
    """Seal what waits, then follow the chain; what was found at its end is remembered."""
    provider_id = job.provider_id
    if not job.cursor:
        seal(deps)
        total = deps.transact(lambda s: _length(s, provider_id))
        return lambda session: Step(cursor=_packed(Walk()), done=0, total=total)
    was, known = _unpacked(job.cursor), known_ends(deps, provider_id)
    now = deps.transact(lambda s: go_on(s, deps, provider_id, was, known, A_STEP))
    done, wrong = now.report.entries - was.report.entries, now.report.count - was.report.count
    counts = {"fine": max(0, done - wrong), "failed": wrong}

    def write(session: Session) -> Step:
        if now.is_over:
            remember(session, deps, provider_id, now.report)
        return Step(
            cursor=_packed(now), done=done, rows=_told(was.report, now.report),
            counts={name: count for name, count in counts.items() if count}, is_over=now.is_over,
        )  # fmt: skip

    return write


def _told(was: Report, now: Report) -> list[Row]:
    """What this step found, by the numbers of the entries."""
    new = now.findings[len(was.findings) :]
    return [Row(one.entry_id, f"记录 {one.entry_id}", "failed", one.words) for one in new]


def _packed(walk: Walk) -> dict[str, Any]:
    report = walk.report
    return {
        "seq": walk.seq, "mac": hexlify(walk.mac).decode(), "entry": walk.entry_id,
        "missed": walk.has_missed, "entries": report.entries, "count": report.count,
        "findings": [[one.kind.value, one.entry_id] for one in report.findings],
    }  # fmt: skip


def _unpacked(cursor: Mapping[str, Any]) -> Walk:
    report = Report(
        entries=cursor["entries"], count=cursor["count"],
        findings=[Finding(Broken(kind), entry_id) for kind, entry_id in cursor["findings"]],
    )  # fmt: skip
    return Walk(
        cursor["seq"], unhexlify(cursor["mac"]), cursor["entry"], cursor["missed"], report=report
    )
