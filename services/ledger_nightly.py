"""The night's look at the whole ledger: a merchant whose cards do not fit gets a case."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.event import CaseKind, MoneyCase
from services import ledger_verify
from services.cases import end_case, open_case
from services.deps import Deps
from services.ledger_heads import Place
from services.ledger_verify import Report

EVERYWHERE = "heads-file"  # stands for a merchant where the file itself is wrong


def verify(deps: Deps) -> Report:
    """Check all. One case per merchant, kept open by the next night, ended when it fits again."""
    names = ledger_verify.names(deps)
    report = ledger_verify.verify(deps)
    deps.transact(lambda s: _note(s, deps, report, names))
    return report


def _note(session: Session, deps: Deps, report: Report, names: dict[Place, str]) -> None:
    now, first = deps.now(), session.scalar(text("SELECT min(id) FROM provider"))
    wrong: dict[tuple[int, str], str] = {}
    for one in report.findings:
        merchant = names.get(one.place, EVERYWHERE)
        wrong.setdefault((one.place[0] or first or 0, f"ledger:{merchant}"[:64]), one.words)
    counts = {(place[0] or first or 0, names.get(place, EVERYWHERE)): n
              for place, n in report.more.items()}  # fmt: skip
    for (provider_id, number), words in sorted(wrong.items()):
        count = counts.get((provider_id, number.removeprefix("ledger:")), 0)
        open_case(
            session,
            provider_id=provider_id,
            kind=CaseKind.LEDGER_BROKEN,
            out_trade_no=number,
            order_id=None,
            at=now,
            facts={"count": count, "finding": words},
        )
    for case in broken(session):
        if (case.provider_id, case.out_trade_no) not in wrong:
            end_case(session, case.provider_id, CaseKind.LEDGER_BROKEN, case.out_trade_no, now)


def broken(session: Session) -> list[MoneyCase]:
    """Cases about the ledger that are open."""
    return list(
        session.scalars(
            select(MoneyCase)
            .where(MoneyCase.kind == CaseKind.LEDGER_BROKEN, MoneyCase.closed_at.is_(None))
            .order_by(MoneyCase.provider_id, MoneyCase.id)
        )
    )
