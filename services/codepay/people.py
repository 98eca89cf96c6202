"""A person at the till gives up waiting: the payment is undone, whatever the payer still does."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models.order import OPEN_ATTEMPTS, AttemptStatus
from services import asking, audit
from services.codepay.refusals import CodePayNotOpen
from services.codepay.state import Charged, find, read
from services.deps import Deps

# WeChat takes no reversal sooner after paying (wechat.md A8); ours waits for its due time.
NOT_BEFORE = {"wechat": timedelta(seconds=15)}


def cancel(deps: Deps, provider_id: int, out_trade_no: str, *, actor: str) -> Charged:
    """Reverse a payment that waits or whose result is unknown. A second call changes nothing.

    The answer is `reversing` until the wallet has confirmed it; on WeChat that begins 15 s after
    paying. Raises NotFound, and CodePayNotOpen for one that is final: refund what was paid.
    """

    def unit(session: Session) -> None:
        now = deps.now()
        order, attempt = find(session, provider_id, out_trade_no, lock=True)
        if attempt.status not in OPEN_ATTEMPTS or order.is_frozen:
            raise CodePayNotOpen(f"{out_trade_no} is {attempt.status}")
        if attempt.status is AttemptStatus.CLOSING:
            return
        soonest = attempt.created_at + NOT_BEFORE.get(attempt.channel, timedelta())
        attempt.status = AttemptStatus.CLOSING
        attempt.reverse_asked_at = now
        attempt.due_at = max(now, soonest)
        session.flush()
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="code_payment_cancelled",
            subject=f"order:{order.out_trade_no}",
            at=now,
        )

    deps.transact(unit)
    asking.ask_if_due(deps, provider_id, out_trade_no)
    return read(deps, provider_id, out_trade_no)
