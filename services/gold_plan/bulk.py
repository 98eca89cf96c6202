"""One switch thrown for many merchants, with a line for each in the report: a long job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from errors import AppError
from models.gold_plan import Switched
from models.merchant import Merchant
from services import longjobs
from services.console.rights import Right
from services.deps import Deps
from services.gold_plan import listing, problems, rows, switching
from services.gold_plan.switching import Act, Change
from services.gold_plan.tags import checked
from services.longjobs import Job, Row, Step, Words
from services.longjobs.kinds import Write

KIND: Final = "gold_plan"
MOST_NUMBERS: Final = 2000
longjobs.tells(
    KIND,
    Words(
        title="点金计划批量操作",
        unit="家",
        outcomes={"done": "已改好", "same": "本来就是", "unsure": "不确定", "failed": "没改成"},
        back="/console/gold-plan",
        back_label="点金计划",
        slow="微信要一家一家地改，每家一次请求；可以离开本页。",
        needs=Right.GOLD_PLAN,
    ),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`numbers` (sub_mchids) name the merchants, or none: all that `q` finds."""

    change: Change
    q: str = ""
    numbers: Sequence[str] = field(default_factory=tuple)

    def facts(self) -> dict[str, Any]:
        one = self.change
        return {
            "act": one.act.value, "on": one.on, "tags": list(one.tags), "q": self.q,
            "numbers": list(self.numbers),
        }  # fmt: skip

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Wanted:
        made = Change(Act(facts["act"]), on=facts["on"], tags=tuple(facts["tags"]))
        return cls(made, facts["q"], tuple(facts["numbers"]))


def start(deps: Deps, provider_id: int, wanted: Wanted, *, actor: str) -> int:
    """The job's number. Raises JobRunning while another one is at it, and FilterCount."""
    if wanted.change.act is Act.TAGS:
        checked(wanted.change.tags)

    def unit(session: Session) -> int:
        total = session.scalar(
            select(func.count()).select_from(_merchants(provider_id, wanted).subquery())
        )
        return longjobs.start(
            session, provider_id=provider_id, kind=KIND, facts=wanted.facts(), asked_by=actor,
            now=deps.now(), total=total,
        )  # fmt: skip

    return deps.transact(unit)


def count(session: Session, provider_id: int, wanted: Wanted) -> int:
    """How many merchants it would be."""
    found = select(func.count()).select_from(_merchants(provider_id, wanted).subquery())
    return session.scalar(found) or 0


def _merchants(provider_id: int, wanted: Wanted) -> Select[*tuple[Any, ...]]:
    found = select(Merchant.id, Merchant.name, Merchant.wechat_sub_mchid).where(
        Merchant.provider_id == provider_id, Merchant.wechat_sub_mchid.is_not(None)
    )
    if wanted.numbers:
        return found.where(Merchant.wechat_sub_mchid.in_(wanted.numbers))
    return found.where(listing.matches(wanted.q)) if wanted.q else found


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> Write:
    """One merchant. Killed between call and cursor it is asked again, which changes nothing."""
    wanted = Wanted.of(job.facts)
    after, number = int(job.cursor.get("after", 0)), int(job.cursor.get("number", 0)) + 1
    found = deps.transact(
        lambda s: s.execute(
            _merchants(job.provider_id, wanted)
            .where(Merchant.id > after)
            .order_by(Merchant.id)
            .limit(1)
        ).first()
    )
    if found is None:
        return lambda _: Step(cursor=job.cursor, done=0, is_over=True)
    outcome, reason = _one(deps, job, found.id, wanted.change)
    row = Row(number, f"{found.name} {found.wechat_sub_mchid}", outcome, reason)
    cursor = {"after": found.id, "number": number}
    return lambda _: Step(cursor=cursor, done=1, counts={outcome: 1}, rows=[row])


def _one(deps: Deps, job: Job, merchant_id: int, wanted: Change) -> tuple[str, str]:
    if deps.transact(lambda s: _stands(s, job.provider_id, merchant_id, wanted)):
        return "same", ""
    try:
        switching.change(deps, job.provider_id, merchant_id, wanted, actor=job.asked_by)
    except problems.TooOften:
        raise  # the job pauses and tries this merchant again
    except problems.Unsure as problem:
        return "unsure", str(problem)
    except AppError as problem:
        return "failed", str(problem)
    return "done", ""


def _stands(session: Session, provider_id: int, merchant_id: int, wanted: Change) -> bool:
    """Whether WeChat has confirmed just that before: a job begun again spares the call."""
    row = rows.find(session, provider_id, merchant_id)
    if row is None or wanted.act in row.unsure:
        return False
    if wanted.act is Act.TAGS:
        return tuple(row.tags) == checked(wanted.tags)
    switches = {Act.PLAN: row.plan, Act.RECEIPT: row.receipt, Act.ADS: row.ads}
    return switches[wanted.act] is Switched(wanted.to)
