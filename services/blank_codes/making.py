"""Making blank codes: a few at once, many in steps of a long job."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from models.codebatch import CodeBatch
from models.paycode import PayCode, PayCodeKind
from models.provider import Provider
from services import audit, longjobs
from services.blank_codes.problems import BatchRefused
from services.deps import Deps
from services.longjobs.kinds import Job, Step, StepFailed, Write
from services.onboarding.checks import letters

PACKAGE: Final = 50
MOST_PACKAGES: Final = 100
AT_ONCE: Final = 10  # packages; more of them are made by a long job
STEP: Final = 500  # codes
LONGEST_NOTE: Final = 40
KIND: Final = "blank_codes"

longjobs.tells(
    KIND,
    longjobs.Words(
        title="生成空码", unit="个", outcomes={"made": "已生成"},
        back="/console/codes", back_label="收款码",
    ),
)  # fmt: skip


def ask(
    session: Session, deps: Deps, provider_id: int, packages: int, note: str, *, actor: str
) -> CodeBatch:
    """A new batch; its codes are there on return, or `job_id` makes them. Raises BatchRefused."""
    if not 1 <= packages <= MOST_PACKAGES:
        raise BatchRefused(f"一批可以有 1 到 {MOST_PACKAGES} 包")
    note = note.strip()
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise BatchRefused(f"备注最多 {LONGEST_NOTE} 个字，不含换行和控制字符")
    now = deps.now()
    session.get_one(Provider, provider_id, with_for_update=True)  # one number each
    batch = CodeBatch(
        provider_id=provider_id, public_id=letters(16), number=_next(session, provider_id),
        packages=packages, note=note, made=0, asked_by=actor, created_at=now,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    if packages > AT_ONCE:
        batch.job_id = longjobs.start(
            session, provider_id=provider_id, kind=KIND, facts={"batch": batch.id},
            asked_by=actor, now=now, only_one=None, total=packages * PACKAGE,
        )  # fmt: skip
    else:
        make(session, batch, packages * PACKAGE, now)
    audit.record(
        session, provider_id=provider_id, actor=actor, action="code_batch_made",
        subject=f"code_batch:{batch.public_id}", at=now, number=batch.number, packages=packages,
    )  # fmt: skip
    return batch


def _next(session: Session, provider_id: int) -> int:
    newest = session.scalar(
        select(CodeBatch.number)
        .where(CodeBatch.provider_id == provider_id)
        .order_by(CodeBatch.number.desc())
        .limit(1)
    )
    return (newest or 0) + 1


def make(session: Session, batch: CodeBatch, count: int, now: datetime) -> int:
    """Up to `count` more codes of a batch that is locked or new; returns how many were made."""
    count = min(count, batch.packages * PACKAGE - batch.made)
    if count <= 0:
        return 0
    rows = [
        {
            "provider_id": batch.provider_id, "code": code, "kind": PayCodeKind.BLANK, "name": "",
            "is_active": True, "batch_id": batch.id, "batch_place": batch.made + place,
            "created_at": now,
        }
        for place, code in enumerate(_free_codes(session, batch.provider_id, count), 1)
    ]  # fmt: skip
    session.execute(insert(PayCode), rows)
    batch.made += count
    session.flush()
    return count


def _free_codes(session: Session, provider_id: int, count: int) -> list[str]:
    """Codes that nobody in the deployment has, entered in the table that finds their provider."""
    taken: list[str] = []
    for _ in range(50):
        wanted = sorted({letters(8) for _ in range(count - len(taken))})
        taken += session.scalars(
            text(
                "INSERT INTO route (kind, external_id, provider_id, code)"
                " SELECT 'code', one, :p, one FROM unnest(CAST(:codes AS text[])) AS one"
                " ON CONFLICT DO NOTHING RETURNING external_id"
            ),
            {"p": provider_id, "codes": wanted},
        ).all()
        if len(taken) == count:
            return sorted(taken)
    raise BatchRefused("没有足够的空闲编号")


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> Write:
    """Five hundred more; what a batch has is counted in its own row, so none is made twice."""

    def write(session: Session) -> Step:
        key = (job.provider_id, int(job.facts["batch"]))
        batch = session.get(CodeBatch, key, with_for_update=True, populate_existing=True)
        if batch is None:
            raise StepFailed("这批空码不在了")
        made = make(session, batch, STEP, deps.now())
        is_over = batch.made == batch.packages * PACKAGE
        return Step({"made": batch.made}, made, {"made": made}, is_over=is_over)

    return write
