"""子服务商 of a provider, and moving merchants from one to another (product MCH-9).

Figures are added up by the sub-provider that a merchant has now, so its history moves with it. Many
merchants take a while: a long job, each step whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from errors import BadInput, Conflict, NotFound
from models.merchant import Merchant, SubProvider
from services import audit, longjobs
from services.deps import Deps
from services.longjobs import Job, Row, Step, StepFailed, Words
from services.longjobs.kinds import Write
from services.merchants.adding import lock_provider
from services.merchants.problems import MerchantChanged

KIND: Final = "move_merchants"
BATCH: Final = 200
longjobs.tells(
    KIND,
    Words(
        title="移动商户", unit="家", outcomes={"moved": "已移动", "same": "原本就在"},
        back="/console/sub-providers", back_label="子服务商",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    sub_provider: SubProvider
    merchants: int


def listed(session: Session, provider_id: int) -> list[Line]:
    counts = {
        row[0]: int(row[1])
        for row in session.execute(
            select(Merchant.sub_provider_id, func.count())
            .where(Merchant.provider_id == provider_id, Merchant.deleted_at.is_(None))
            .group_by(Merchant.sub_provider_id)
        )
    }
    rows = session.scalars(
        select(SubProvider).where(SubProvider.provider_id == provider_id).order_by(SubProvider.id)
    )
    return [Line(row, counts.get(row.id, 0)) for row in rows]


def find(session: Session, provider_id: int, number: int, *, lock: bool = False) -> SubProvider:
    found = session.get(
        SubProvider, (provider_id, number), with_for_update=lock or None, populate_existing=lock
    )
    if found is None:
        raise NotFound(f"no sub-provider {number}")
    return found


def save(
    deps: Deps,
    provider_id: int,
    number: int | None,
    *,
    name: str,
    remark: str,
    seen_version: int,
    actor: str,
) -> int:
    """Add one (`number` None), or change it. Raises BadInput, Conflict, MerchantChanged."""
    name, remark = name.strip(), remark.strip()
    if not name or len(name) > 64 or not name.isprintable():
        raise BadInput("子服务商名称为 1 到 64 个字")
    if len(remark) > 200 or not remark.isprintable():
        raise BadInput("备注最多 200 个字")

    def unit(session: Session) -> int:
        lock_provider(session, provider_id)
        row = None if number is None else find(session, provider_id, number, lock=True)
        _refuse_name(session, provider_id, name, number)
        if row is None:
            row = SubProvider(provider_id=provider_id, name=name, created_at=deps.now())
            session.add(row)
        elif row.version != seen_version:
            raise MerchantChanged(
                "这个子服务商刚被别人改过，你的修改还没有保存", version=row.version,
                now={"名称": row.name, "备注": row.remark},
            )  # fmt: skip
        else:
            row.version += 1
        row.name, row.remark = name, remark
        session.flush()
        action = "sub_provider_added" if number is None else "sub_provider_changed"
        _note(session, deps, provider_id, actor, action, row.id)
        return row.id

    return deps.transact(unit)


def _refuse_name(session: Session, provider_id: int, name: str, number: int | None) -> None:
    taken = session.scalar(
        select(SubProvider.id).where(
            SubProvider.provider_id == provider_id,
            SubProvider.name == name,
            SubProvider.id != (number or 0),
        )
    )
    if taken is not None:
        raise Conflict(f"已有子服务商「{name}」")


def move(
    deps: Deps,
    provider_id: int,
    *,
    to: int | None,
    out_ids: Sequence[str] = (),
    all_of: int | None = None,
    actor: str,
) -> int:
    """Start moving these merchants, or all of one sub-provider, to another or to none; the job."""

    def unit(session: Session) -> int:
        if to is not None:
            find(session, provider_id, to)
        if all_of is not None:
            find(session, provider_id, all_of)
        ids = _ids(session, provider_id, out_ids, all_of)
        if not ids:
            raise BadInput("没有要移动的商户，核对商户编号")
        return longjobs.start(
            session, provider_id=provider_id, kind=KIND, facts={"to": to, "ids": ids},
            asked_by=actor, now=deps.now(), total=len(ids),
        )  # fmt: skip

    return deps.transact(unit)


def _ids(
    session: Session, provider_id: int, out_ids: Sequence[str], all_of: int | None
) -> list[int]:
    wanted = select(Merchant.id).where(
        Merchant.provider_id == provider_id, Merchant.deleted_at.is_(None)
    )
    if all_of is not None:
        wanted = wanted.where(Merchant.sub_provider_id == all_of)
    else:
        wanted = wanted.where(Merchant.out_sub_mch_id.in_(list(out_ids)))
    return list(session.scalars(wanted.order_by(Merchant.id)))


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> Write:
    at, now = int(job.cursor.get("at", 0)), deps.now()
    ids: list[int] = job.facts["ids"][at : at + BATCH]

    def write(session: Session) -> Step:
        to = job.facts["to"]
        if to is not None and session.get(SubProvider, (job.provider_id, to)) is None:
            raise StepFailed("目标子服务商已不存在")
        moved = _write(session, job, ids, to, now)
        over = at + len(ids) >= len(job.facts["ids"])
        same = len(ids) - len(moved)
        return Step(
            cursor={"at": at + len(ids)}, done=len(ids), is_over=over,
            counts={k: n for k, n in (("moved", len(moved)), ("same", same)) if n},
            rows=[Row(at + i, name, "moved") for i, name in enumerate(moved, 1)],
        )  # fmt: skip

    return write


def _write(
    session: Session, job: Job, ids: Sequence[int], to: int | None, now: datetime
) -> list[str]:
    """The names of those that moved."""
    rows = session.execute(
        text(
            "UPDATE merchant SET sub_provider_id = :to, version = version + 1"
            " WHERE provider_id = :p AND id = ANY(:ids)"
            " AND sub_provider_id IS DISTINCT FROM CAST(:to AS bigint) RETURNING id, name"
        ),
        {"to": to, "p": job.provider_id, "ids": list(ids)},
    ).all()
    for row in sorted(rows, key=lambda r: int(r.id)):
        audit.record(
            session, provider_id=job.provider_id, actor=job.asked_by, action="merchant_moved",
            subject=f"merchant:{row.id}", at=now, to=to, job=job.id,
        )  # fmt: skip
    return [row.name for row in sorted(rows, key=lambda r: int(r.id))]


def _note(
    session: Session, deps: Deps, provider_id: int, actor: str, action: str, number: int
) -> None:
    audit.record(
        session, provider_id=provider_id, actor=actor, action=action,
        subject=f"sub_provider:{number}", at=deps.now(),
    )  # fmt: skip
