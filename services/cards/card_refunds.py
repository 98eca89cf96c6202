"""A refund of a payment from a card: back to the card at once, in the transaction that asks.

In the reverse order of spending: the paid part first, then the bonus. Above a cap nothing moves.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.base import RefundState, RefundWord
from models.card import CardSpend, CardStatus
from models.ledger import LedgerAccount, MovementKind
from models.order import PayAttempt, PayOrder
from services.cards.spend_problems import RefundCardCap, RefundCardClosed
from services.ledger import Movement, lock_with_room, post, room_on
from services.refunds.settling import apply_refund, lock_refund


def give_back_in(
    session: Session, order: PayOrder, attempt: PayAttempt, refund_id: int, now: datetime
) -> None:
    """Put a refund that holds its room on the card again: it is done with that.

    Called under the order's lock. Raises RefundCardCap and RefundCardClosed: nothing has moved.
    """
    locked = lock_refund(session, order.provider_id, refund_id)
    refund = locked[2]
    spend = session.execute(
        select(CardSpend).where(
            CardSpend.provider_id == order.provider_id, CardSpend.order_id == order.id
        )
    ).scalar_one()
    room, card = lock_with_room(session, order.provider_id, order.merchant_id, spend.card_id)
    if card.status is CardStatus.CLOSED:
        raise RefundCardClosed()
    total, own = room.cap_fen - room.balance_fen - room.held_fen, room_on(card)
    if refund.amount_fen > min(total, own):
        raise RefundCardCap(max(0, min(total, own)), is_total=total < own)
    paid_fen, bonus_fen = parts_back(spend, refund.amount_fen)
    legs = (
        (LedgerAccount.CARD_PAID, paid_fen),
        (LedgerAccount.CARD_BONUS, bonus_fen),
        (LedgerAccount.SALES, -refund.amount_fen),
    )
    movement = Movement(
        MovementKind.PAY_BACK,
        f"payback:{refund.id}",
        tuple(leg for leg in legs if leg[1]),
        now,
        refund.asked_by,
        order_id=order.id,
        refund_id=refund.id,
        reason=refund.reason,
    )
    is_new = post(session, card, movement, room)
    assert is_new, f"{refund.out_refund_no} has been given back"
    spend.back_paid_fen += paid_fen
    spend.back_bonus_fen += bonus_fen
    word = RefundWord(
        channel=attempt.channel,
        out_trade_no=attempt.out_trade_no,
        out_refund_no=refund.out_refund_no,
        state=RefundState.SUCCESS,
        raw_state="SUCCESS",
        amount_fen=refund.amount_fen,
        succeeded_at=now,
    )
    apply_refund(session, locked, word, now)
    session.flush()


def parts_back(spend: CardSpend, amount_fen: int) -> tuple[int, int]:
    """(paid, bonus) of an amount that goes back, after what has gone back before."""
    paid_fen = min(amount_fen, spend.paid_fen - spend.back_paid_fen)
    return paid_fen, amount_fen - paid_fen
