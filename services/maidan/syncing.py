"""The sync's steps: a page of the list is read, sorted out, and written with its cursor.

A sub-merchant is one by (provider, its number there), however often the list tells of it and
however often it is synced (product SYN-5). A dry run sorts out and makes no merchant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from errors import GatewayRejected
from gateways.maidan import Listed
from models.maidan import MaidanPart
from services import longjobs
from services.deps import Deps
from services.longjobs import Job, Row, Step, StepFailed, Words
from services.longjobs.kinds import Write
from services.maidan import linking, sorting, writing
from services.maidan.asking import KIND, PART, own_sp_mchid

OUTCOMES = {
    "found": "已读取",
    "created": "新增",
    "updated": "更新",
    "skipped": "没有变化",
    "doubled": "重复跳过",
    "failed": "失败",
}
longjobs.tells(
    KIND,
    Words(
        title="同步买单子商户",
        unit="家",
        outcomes=OUTCOMES,
        back="/console/sync",
        back_label="返回同步",
        slow="几分钟到几小时，取决于子商户数量",
    ),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one step works on. `cursor` is where the next begins; None: this was the last."""

    rows: Sequence[Listed]
    cursor: Mapping[str, object] | None
    total: int | None


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> Write:
    from_file = job.facts["source"] == "file"
    part = _read_part(deps, job) if from_file else _ask_page(deps, job)
    return partial(_write, deps, job, part)


def _ask_page(deps: Deps, job: Job) -> _Part:
    link = deps.transact(lambda s: linking.newest_grant(s, job.provider_id))
    if link is None:
        raise StepFailed("还没有关联买单服务商，请管理员扫码")
    try:
        page = deps.gateways.maidan.page(
            linking.open_grant(deps, link), str(job.cursor.get("after", "")), PART
        )
    except GatewayRejected as refused:
        raise StepFailed(f"买单没有给名单（{refused.upstream_code}），请管理员重新扫码") from None
    cursor = None if page.after is None else {"after": page.after}
    return _Part(page.rows, cursor, page.total)


def _read_part(deps: Deps, job: Job) -> _Part:
    number = int(job.cursor.get("part", 0))

    def unit(session: Session) -> MaidanPart | None:
        return session.scalar(
            select(MaidanPart).where(
                MaidanPart.provider_id == job.provider_id,
                MaidanPart.job_id == job.id,
                MaidanPart.number == number,
            )
        )

    found = deps.transact(unit)
    if found is None:
        raise StepFailed("上传的名单不在了，请重新上传")
    rows = [Listed(**row) for row in found.content["rows"]]
    is_last = (number + 1) * PART >= (job.total or 0)
    return _Part(rows, None if is_last else {"part": number + 1}, job.total)


def _write(deps: Deps, job: Job, part: _Part, session: Session) -> Step:
    now, is_dry = deps.now(), bool(job.facts["is_dry"])
    own = own_sp_mchid(session, job.provider_id)
    if job.facts["source"] == "file":
        names = {row.sp_mchid: "" for row in part.rows if row.sp_mchid != own}
        linking.keep_providers(session, job.provider_id, names, job.asked_by, now)
    place = sorting.Place(job.provider_id, job.id, own)
    found = sorting.sort_out(session, place, part.rows)
    counts = Counter({"found": len(part.rows)})
    counts.update(one.outcome for one in found)
    made = {} if is_dry else writing.write_merchants(session, deps, job, found, now)
    writing.write_seen(session, place, found, made, now, is_dry=is_dry)
    if part.cursor is None:
        _forget_parts(session, job)
    return Step(
        cursor=part.cursor or job.cursor,
        done=len(part.rows),
        counts=dict(counts),
        rows=[Row(o.row.number, o.shown, o.outcome, o.reason) for o in found if o.reason],
        total=part.total,
        is_over=part.cursor is None,
    )


def _forget_parts(session: Session, job: Job) -> None:
    """Those of jobs that were stopped on the way, too."""
    session.execute(
        delete(MaidanPart).where(
            MaidanPart.provider_id == job.provider_id, MaidanPart.job_id <= job.id
        )
    )
