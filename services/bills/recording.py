"""What a match writes down: sums, strays and cases. All in the match's one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.bill import (
    OPEN_CASES,
    Bill,
    BillCase,
    BillCaseStatus,
    BillPayee,
    BillStray,
    BillSubject,
)
from services.bills.comparing import Difference

BATCH = 500
ONE_DAY = timedelta(days=1)
WAITS_AT_MOST = timedelta(days=2)  # for the neighbouring bill; then it is a difference


def _batches(rows: Iterable[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def replace_payees(session: Session, bill: Bill, payees: Sequence[dict[str, Any]]) -> None:
    """The day's sums of each merchant in the bill."""
    key = {"provider_id": bill.provider_id, "bill_id": bill.id}
    session.execute(delete(BillPayee).filter_by(**key))
    for batch in _batches({**key, **row, "payee": str(row["payee"])[:32]} for row in payees):
        session.execute(insert(BillPayee), batch)


def replace_strays(session: Session, bill: Bill, strays: Sequence[tuple[BillSubject, str]]) -> None:
    """Rows of this bill that our books have on another day."""
    key = {"provider_id": bill.provider_id, "bill_id": bill.id}
    session.execute(delete(BillStray).filter_by(**key))
    for batch in _batches({**key, "subject": s, "number": n} for s, n in strays):
        session.execute(insert(BillStray), batch)


def neighbours(session: Session, bill: Bill) -> dict[int, Bill | None]:
    """The bills of the day before (-1) and after (1), where they are wanted at all."""
    found = session.scalars(
        select(Bill).where(
            Bill.provider_id == bill.provider_id,
            Bill.channel == bill.channel,
            Bill.account == bill.account,
            Bill.bill_on.in_([bill.bill_on - ONE_DAY, bill.bill_on + ONE_DAY]),
        )
    ).all()
    by_day = {(one.bill_on - bill.bill_on).days: one for one in found}
    return {side: by_day.get(side) for side in (-1, 1)}


def _must_wait(edge: int, beside: dict[int, Bill | None]) -> bool:
    """Whether the neighbour's bill may still have it. There may have been none before the first."""
    if not edge:
        return False
    other = beside[edge]
    return edge > 0 if other is None else other.matched_at is None


def count_waiting(found: Sequence[Difference], beside: dict[int, Bill | None]) -> int:
    return sum(_must_wait(one.edge, beside) for one in found)


def write_cases(
    session: Session,
    bill: Bill,
    found: Sequence[Difference],
    beside: dict[int, Bill | None],
    now: datetime,
) -> int:
    """One case per difference, however often it is found; how many are new."""
    new = 0
    for batch in _batches(_values(bill, one, beside, now) for one in found):
        row = insert(BillCase).values(batch)
        is_back = BillCase.status == BillCaseStatus.HEALED
        is_sure = (BillCase.status == BillCaseStatus.WAITING) & (
            row.excluded.status == BillCaseStatus.FOUND
        )
        statement = row.on_conflict_do_update(
            index_elements=["provider_id", "bill_id", "kind", "subject", "number"],
            set_={
                "round": bill.rounds,
                "bill_fen": row.excluded.bill_fen,
                "our_fen": row.excluded.our_fen,
                "facts": BillCase.facts.op("||")(row.excluded.facts),
                # What had come right is open again; what a person explained or closed stays so.
                "status": case((is_back | is_sure, row.excluded.status), else_=BillCase.status),
                "due_at": case((is_back | is_sure, row.excluded.due_at), else_=BillCase.due_at),
                "healed_at": case((is_back, None), else_=BillCase.healed_at),
                "healed_by": case((is_back, None), else_=BillCase.healed_by),
            },
        ).returning(BillCase.found_at == now)
        new += sum(session.scalars(statement).all())
    return new


def _values(
    bill: Bill, one: Difference, beside: dict[int, Bill | None], now: datetime
) -> dict[str, Any]:
    waits = _must_wait(one.edge, beside)
    due = now + WAITS_AT_MOST if waits else now if one.asks else None
    return {
        "provider_id": bill.provider_id,
        "bill_id": bill.id,
        "kind": one.kind,
        "subject": one.subject,
        "number": one.number,
        "status": BillCaseStatus.WAITING if waits else BillCaseStatus.FOUND,
        "payee": one.payee,
        "order_id": one.order_id,
        "bill_fen": one.bill_fen,
        "our_fen": one.our_fen,
        "facts": {**one.facts, "edge": one.edge} if one.edge else one.facts,
        "due_at": due,
        "tries": 0,
        "round": bill.rounds,
        "found_at": now,
    }


def heal_vanished(session: Session, bill: Bill, now: datetime) -> int:
    """Cases that this match no longer found have come right by themselves."""
    done = session.scalars(
        update(BillCase)
        .where(
            BillCase.provider_id == bill.provider_id,
            BillCase.bill_id == bill.id,
            BillCase.round < bill.rounds,
            BillCase.status.in_(OPEN_CASES),
        )
        .values(status=BillCaseStatus.HEALED, healed_at=now, healed_by="match", due_at=None)
        .returning(BillCase.id)
    )
    return len(done.all())


def settle_waiting(
    session: Session, bill: Bill, beside: dict[int, Bill | None], now: datetime
) -> int:
    """Cases of the neighbouring days that waited for this bill: it has them, or nobody has.

    How many were healed.
    """
    healed = 0
    for side, other in beside.items():
        if other is None:
            continue
        waiting = session.scalars(
            select(BillCase)
            .where(
                BillCase.provider_id == bill.provider_id,
                BillCase.bill_id == other.id,
                BillCase.status == BillCaseStatus.WAITING,
                BillCase.facts["edge"].as_integer() == -side,
            )
            .order_by(BillCase.id)
            .with_for_update()
        ).all()
        here = {
            (one.subject, one.number)
            for one in session.scalars(
                select(BillStray).where(
                    BillStray.provider_id == bill.provider_id, BillStray.bill_id == bill.id
                )
            )
        }
        for one in waiting:
            if (one.subject, one.number) in here:
                one.status, one.due_at = BillCaseStatus.HEALED, None
                one.healed_at, one.healed_by = now, "match"
                healed += 1
            else:
                one.status, one.due_at = BillCaseStatus.FOUND, now
    return healed
