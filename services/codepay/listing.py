"""What a command names without its provider: a store by its id, a payment by its number."""

from __future__ import annotations

from sqlalchemy import select

from errors import NotFound
from models.merchant import Store
from models.order import AttemptMethod, PayAttempt
from services.deps import Deps


def shop(deps: Deps, out_shop_id: str) -> Store:
    """A store by the id that tills and merchants know. Raises NotFound."""
    wanted = select(Store).where(Store.out_shop_id == out_shop_id).order_by(Store.id).limit(1)
    found = deps.transact(lambda s: s.scalar(wanted))
    if found is None:
        raise NotFound(f"no store has the id {out_shop_id}")
    return found


def provider_of(deps: Deps, out_trade_no: str) -> int:
    """Whose payment by code has this number. Raises NotFound."""
    wanted = (
        select(PayAttempt.provider_id)
        .where(PayAttempt.out_trade_no == out_trade_no, PayAttempt.method == AttemptMethod.CODE)
        .order_by(PayAttempt.id)
        .limit(1)
    )
    found = deps.transact(lambda s: s.scalar(wanted))
    if found is None:
        raise NotFound(f"no payment by code has the number {out_trade_no}")
    return found
