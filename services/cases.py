"""Cases: something about money that no rule may decide; a person closes them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.event import CaseKind, MoneyCase

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
            set_={"facts": MoneyCase.facts.op("||")(row.excluded.facts.op("||")({"last": facts}))},
        )
    )
    log.error("money case", extra={"kind": kind.value, "out_trade_no": out_trade_no})
