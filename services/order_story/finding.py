"""An order by any number that somebody may hold: ours or a wallet's, of a payment or a refund."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.order import PayAttempt, PayOrder
from models.refund import Refund
from services.deps import Deps

Key = tuple[int, int]  # provider, order


def find(deps: Deps, number: str) -> Key | None:
    """The order's key, by its number, an attempt's, a refund's, or the wallet's for any of them."""
    return deps.transact(lambda s: find_key(s, number))


def find_key(session: Session, number: str) -> Key | None:
    wanted: list[Select[Any, Any]] = [
        select(PayOrder.provider_id, PayOrder.id).where(PayOrder.out_trade_no == number),
        select(PayAttempt.provider_id, PayAttempt.order_id).where(
            PayAttempt.out_trade_no == number
        ),
        select(PayAttempt.provider_id, PayAttempt.order_id).where(
            PayAttempt.transaction_id == number
        ),
        select(Refund.provider_id, Refund.order_id).where(Refund.out_refund_no == number),
        select(Refund.provider_id, Refund.order_id).where(Refund.refund_id == number),
    ]
    for asked in wanted:
        row = session.execute(asked.limit(1)).first()
        if row is not None:
            return row[0], row[1]
    return None
