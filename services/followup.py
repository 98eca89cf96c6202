"""What must follow a payment, done at least once and visible as done once."""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import audit
from services.callbacks import events as callbacks
from services.deps import Deps
from services.payment_notices import telling

log = logging.getLogger(__name__)


def after_payment(deps: Deps, provider_id: int, order_id: int) -> bool:
    """Run the effects of one paid order; False when they have run before."""

    def unit(session: Session) -> bool:
        now = deps.now()
        number = session.scalar(
            text(
                "UPDATE pay_order SET followed_up_at = :now WHERE provider_id = :p AND id = :o"
                " AND status = 'paid' AND followed_up_at IS NULL RETURNING out_trade_no"
            ),
            {"now": now, "p": provider_id, "o": order_id},
        )
        if number is None:
            return False
        callbacks.order_was_paid(session, provider_id, order_id, now)
        telling.order_was_paid(session, deps, provider_id, order_id, now)
        audit.record(
            session,
            provider_id=provider_id,
            actor="worker",
            action="order_followed_up",
            subject=f"order:{number}",
            at=now,
        )
        return True

    return deps.transact(unit)
