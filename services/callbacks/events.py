"""Writing an event down, in the transaction that makes it true; once, whoever comes again.

A payment's is written by the job that was committed with the money (`services/followup.py`): the
job can not be lost, and the paying transaction, the hottest of all, stays as short as it was.
A refund's is written where the refund succeeds: no job follows it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_PAID = text("""
INSERT INTO callback (provider_id, event, number, order_id, status, tries, replays, due_at,
    created_at)
SELECT o.provider_id, 'pay_success', o.out_trade_no, o.id, 'pending', 0, 0, :now, :now
FROM pay_order o JOIN provider p ON p.id = o.provider_id
WHERE o.provider_id = :provider_id AND o.id = :order_id AND o.status = 'paid'
    AND p.callback_is_active
ON CONFLICT (provider_id, event, number) DO NOTHING
""")

# Only of the payment that the receiver knows: a second one that goes back was never told.
_REFUNDED = text("""
INSERT INTO callback (provider_id, event, number, order_id, refund_id, status, tries, replays,
    due_at, created_at)
SELECT r.provider_id, 'refund_success', r.out_refund_no, r.order_id, r.id, 'pending', 0, 0, :now,
    :now
FROM refund r JOIN provider p ON p.id = r.provider_id
    JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
WHERE r.provider_id = :provider_id AND r.id = :refund_id AND r.status = 'success'
    AND a.transaction_id = o.transaction_id AND p.callback_is_active AND p.callback_on_refund
ON CONFLICT (provider_id, event, number) DO NOTHING
""")


def order_was_paid(session: Session, provider_id: int, order_id: int, now: datetime) -> None:
    """Due at once, if the provider has an address."""
    session.execute(_PAID, {"provider_id": provider_id, "order_id": order_id, "now": now})


def refund_succeeded(session: Session, provider_id: int, refund_id: int, now: datetime) -> None:
    """The same for a refund, if the provider wants to hear of those."""
    session.flush()  # the refund's new state must be in the row that is read
    session.execute(_REFUNDED, {"provider_id": provider_id, "refund_id": refund_id, "now": now})
