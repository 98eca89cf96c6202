"""What people do with a bill's differences: look, explain, close. One by one, with a name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, Conflict, NotFound
from models.bill import OPEN_CASES, Bill, BillCase, BillCaseStatus
from services import audit
from services.deps import Deps


def open_bill_cases(
    deps: Deps, *, provider_id: int | None = None, bill_id: int | None = None
) -> list[tuple[BillCase, Bill]]:
    """Differences that nobody has healed or explained, oldest first, each with its bill."""
    wanted = (
        select(BillCase, Bill)
        .join(Bill, (Bill.provider_id == BillCase.provider_id) & (Bill.id == BillCase.bill_id))
        .where(BillCase.status.in_(OPEN_CASES))
        .order_by(BillCase.id)
    )
    if provider_id is not None:
        wanted = wanted.where(BillCase.provider_id == provider_id)
    if bill_id is not None:
        wanted = wanted.where(BillCase.bill_id == bill_id)
    return deps.transact(lambda s: [(row[0], row[1]) for row in s.execute(wanted)])


def find_case(session: Session, case_id: int, *, lock: bool = False) -> BillCase:
    """By its id. Raises NotFound."""
    wanted = (
        select(BillCase).where(BillCase.id == case_id).execution_options(populate_existing=True)
    )
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound(f"there is no bill case {case_id}")
    return found


def explain(deps: Deps, case_id: int, *, actor: str, reason: str) -> None:
    """A person says why the difference is right as it is. Raises Conflict unless it is open."""
    words = reason.strip()
    if not words:
        raise BadInput("an explanation needs words")

    def unit(session: Session) -> None:
        case, now = find_case(session, case_id, lock=True), deps.now()
        if case.status not in OPEN_CASES:
            raise Conflict(f"bill case {case_id} is {case.status}")
        set_explained(case, actor, words, now)
        note(session, case, "bill_case_explained", actor, now, reason=words[:256])

    deps.transact(unit)


def set_explained(case: BillCase, actor: str, words: str, now: datetime) -> None:
    case.status, case.due_at = BillCaseStatus.EXPLAINED, None
    case.reason, case.explained_at, case.explained_by = words[:256], now, actor[:64]


def close(deps: Deps, case_id: int, *, actor: str) -> None:
    """Put a healed or explained case away. Raises Conflict for one that is neither."""

    def unit(session: Session) -> None:
        case, now = find_case(session, case_id, lock=True), deps.now()
        if case.status not in (BillCaseStatus.HEALED, BillCaseStatus.EXPLAINED):
            raise Conflict(f"bill case {case_id} is {case.status}: heal or explain it first")
        case.status, case.closed_at, case.closed_by = BillCaseStatus.CLOSED, now, actor[:64]
        note(session, case, "bill_case_closed", actor, now)

    deps.transact(unit)


def note(
    session: Session, case: BillCase, action: str, actor: str, now: datetime, **facts: object
) -> None:
    """One line of the audit trail, under the number that the case is about."""
    session.flush()
    number = str(case.facts.get("out_trade_no") or case.number)
    audit.record(
        session,
        provider_id=case.provider_id,
        actor=actor,
        action=action,
        subject=f"order:{number}",
        at=now,
        bill_case=case.id,
        kind=case.kind.value,
        number=case.number,
        **facts,
    )
