"""Cases: something about money that no rule may decide; a person closes them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import NotFound
from models.event import CaseKind, MoneyCase
from services import audit
from services.deps import Deps

log = logging.getLogger(__name__)


def open_case(
    session: Session,
    *,
    provider_id: int,
    kind: CaseKind,
    out_trade_no: str,
    order_id: int | None,
    at: datetime,
    facts: dict[str, Any],
) -> None:
    """Write the case down; the same kind for the same number only gains the newest facts."""
    row = insert(MoneyCase).values(
        provider_id=provider_id,
        kind=kind,
        dedupe_key=f"{kind.value}:{out_trade_no}",
        out_trade_no=out_trade_no,
        order_id=order_id,
        facts={"first": facts},
        created_at=at,
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["provider_id", "dedupe_key"],
            set_={
                "facts": MoneyCase.facts.op("||")(row.excluded.facts.op("||")({"last": facts})),
                # What had come right by itself is open again; what a person closed stays closed.
                "closed_at": case((MoneyCase.healed, None), else_=MoneyCase.closed_at),
                "healed": False,
            },
        )
    )
    log.error("money case", extra={"kind": kind.value, "out_trade_no": out_trade_no})


def end_case(
    session: Session, provider_id: int, kind: CaseKind, number: str, now: datetime
) -> None:
    """What the case was about has come right by itself."""
    session.execute(
        update(MoneyCase)
        .where(
            MoneyCase.provider_id == provider_id,
            MoneyCase.dedupe_key == f"{kind.value}:{number}",
            MoneyCase.closed_at.is_(None),
        )
        .values(closed_at=now, healed=True)
    )


def open_cases(deps: Deps) -> list[MoneyCase]:
    """Every case that nobody has closed, oldest first."""
    wanted = select(MoneyCase).where(MoneyCase.closed_at.is_(None)).order_by(MoneyCase.id)
    return deps.transact(lambda s: list(s.scalars(wanted)))


def close_case(deps: Deps, case_id: int, *, actor: str, note: str) -> None:
    """A person has decided. The order stays marked as frozen: its history holds a case."""

    def unit(session: Session) -> None:
        case = session.scalar(
            select(MoneyCase)
            .where(MoneyCase.id == case_id, MoneyCase.closed_at.is_(None))
            .with_for_update()
        )
        if case is None:
            raise NotFound(f"no open case {case_id}")
        case.closed_at = deps.now()
        session.flush()
        audit.record(
            session,
            provider_id=case.provider_id,
            actor=actor,
            action="case_closed",
            subject=f"case:{case_id}",
            at=deps.now(),
            kind=case.kind.value,
            out_trade_no=case.out_trade_no,
            note=note,
        )

    deps.transact(unit)
