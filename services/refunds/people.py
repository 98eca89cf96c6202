"""What a person does with a refund that waits for the merchant's balance."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.base import RefundState
from models.event import CaseKind
from models.refund import Refund, RefundStatus
from services import audit, closing
from services.cases import end_case
from services.deps import Deps
from services.refunds import sending, wallets
from services.refunds.refusals import RefundNotWaiting
from services.refunds.settling import apply_refund, fail, lock_refund

CANCELLED = "CANCELLED"  # the code of a refund that a person gave up


def find(deps: Deps, out_refund_no: str) -> Refund:
    """By its number. Raises NotFound."""
    wanted = select(Refund).where(Refund.out_refund_no == out_refund_no)
    found = deps.transact(lambda s: s.scalar(wanted))
    if found is None:
        raise NotFound(out_refund_no)
    return found


def retry(deps: Deps, out_refund_no: str, *, actor: str) -> RefundStatus:
    """Send a waiting refund again, under its own number, after a top-up. The state afterwards."""
    found = find(deps, out_refund_no)

    def unit(session: Session) -> None:
        now = deps.now()
        order, _, refund = lock_refund(session, found.provider_id, found.id)
        if refund.status is not RefundStatus.WAITING:
            raise RefundNotWaiting(f"{refund.out_refund_no} is {refund.status}")
        refund.move_to(RefundStatus.CREATED)
        refund.upstream_code = refund.upstream_message = None
        refund.sends = 0  # the wallet has said that it has nothing of it
        refund.due_at = now + sending.CLAIM
        end_case(session, refund.provider_id, CaseKind.REFUND_WAITING, out_refund_no, now)
        audit.record(
            session,
            provider_id=refund.provider_id,
            actor=actor,
            action="refund_retried",
            subject=f"order:{order.out_trade_no}",
            at=now,
            out_refund_no=out_refund_no,
        )

    deps.transact(unit)
    sending.send(deps, found.provider_id, found.id)
    return find(deps, out_refund_no).status


def cancel(deps: Deps, out_refund_no: str, *, actor: str) -> RefundStatus:
    """Give a waiting refund up: the wallet is asked first, then its room is free. The new state."""
    found = find(deps, out_refund_no)
    if found.status is not RefundStatus.WAITING:
        raise RefundNotWaiting(f"{out_refund_no} is {found.status}")
    target = closing.find_target(deps, found.provider_id, found.attempt_id)
    word = wallets.query(deps, target, out_refund_no)

    def unit(session: Session) -> None:
        now = deps.now()
        locked = lock_refund(session, found.provider_id, found.id)
        if word.state is not RefundState.NOT_FOUND:  # it went through after all
            apply_refund(session, locked, word, now)
            if locked[2].status is RefundStatus.PROCESSING:
                locked[2].due_at = now + sending.UNKNOWN_AGAIN
        elif locked[2].status is RefundStatus.WAITING:
            fail(session, locked, CANCELLED, "已取消", actor, now)

    deps.transact(unit)
    return find(deps, out_refund_no).status
