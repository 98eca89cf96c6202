"""Refunds by whoever can be told at once that they failed, and who then decides: other systems.

Where the merchant's balance is too low a person lets a refund wait; a system was told "failed" and
may start another, so its room is free again, and only its own repeat of the number sends it again.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from gateways.base import RefundFunds
from gateways.money import yuan_from_fen
from models.refund import Refund, RefundStatus
from services.cards import recharge_refunds
from services.deps import Deps
from services.refunds import sending
from services.refunds.refusals import RefundAmount, RefundConflict
from services.refunds.settling import fail, lock_refund
from services.refunds.sweep import NOT_ENOUGH


def send_or_fail(deps: Deps, provider_id: int, refund_id: int, *, actor: str) -> None:
    """`sending.send`; what would wait for the merchant's balance fails instead."""
    sending.send(deps, provider_id, refund_id)

    def unit(session: Session) -> None:
        locked = lock_refund(session, provider_id, refund_id)
        refund = locked[2]
        if refund.status is RefundStatus.WAITING:
            code, words = refund.upstream_code or "", refund.upstream_message or ""
            fail(session, locked, code, words, actor, deps.now())

    deps.transact(unit)


def lacked_balance(refund: Refund) -> bool:
    """It failed for nothing but the merchant's balance: the same number may go again."""
    return refund.status is RefundStatus.FAILED and refund.upstream_code in NOT_ENOUGH


def take_up(deps: Deps, provider_id: int, refund_id: int, funds: RefundFunds | None = None) -> None:
    """The caller repeats the number of a refund that failed for want of balance: hold its room
    again, to be sent, out of other money if he says so now. Nothing happens to any other.

    Raises RefundAmount where the room has gone to another refund meanwhile, and RefundConflict
    where a refund that did not fail so is to be paid out of something else.
    """

    def unit(session: Session) -> None:
        order, attempt, refund = lock_refund(session, provider_id, refund_id)
        if not lacked_balance(refund):
            if refund.funds_asked != (funds.value if funds else None):
                raise RefundConflict(refund.out_refund_no)
            return
        if recharge_refunds.takes(order, attempt):
            raise RefundConflict(refund.out_refund_no)  # the card's part is taken anew
        room = attempt.amount_fen - attempt.held_fen
        if refund.amount_fen > room:
            raise RefundAmount(f"超过可退金额：最多可退 ¥{yuan_from_fen(room)}", room_fen=room)
        refund.move_to(RefundStatus.CREATED)
        refund.upstream_code = refund.upstream_message = refund.closed_at = None
        refund.funds_asked = funds.value if funds else None
        refund.sends = 0  # the wallet has said that it has nothing of it
        refund.due_at = deps.now() + sending.CLAIM
        attempt.held_fen += refund.amount_fen

    deps.transact(unit)
