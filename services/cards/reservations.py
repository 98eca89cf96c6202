"""The room of a recharge: reserved with its order, used up by its payment, freed with its end.

All three happen in the transaction that writes, pays or closes the order, under the order's lock,
then the merchant's, then the card's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from models.card import (
    CardProgram,
    CardRoom,
    CardStatus,
    MemberCard,
    ProgramStatus,
    Recharge,
    RechargeStatus,
)
from models.ledger import LedgerAccount, MovementKind
from models.order import PayAttempt, PayOrder
from services import audit, ledger
from services.cards import limits
from services.cards.problems import BalanceCap, TotalCap
from services.ledger import Leg, Movement
from services.problems import PayProblem
from services.refunds.asking import refund_by_itself

log = logging.getLogger(__name__)

SHANGHAI = ZoneInfo("Asia/Shanghai")
LOOK_AFTER = timedelta(seconds=10)  # the order's end frees the room; this looks whether it did
NO_ROOM = "system:recharge_no_room"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recharged. Amounts are fen; the bonus is given on top."""

    card_id: int
    pay_fen: int
    bonus_fen: int
    terms_version: int

    @property
    def total_fen(self) -> int:
        return self.pay_fen + self.bonus_fen


def find(session: Session, order: PayOrder) -> Recharge | None:
    """The recharge of an order that is locked, read after that lock."""
    return session.scalar(
        select(Recharge)
        .where(Recharge.provider_id == order.provider_id, Recharge.order_id == order.id)
        .execution_options(populate_existing=True)
    )


def reserve(
    session: Session, settings: Settings, order: PayOrder, wanted: Wanted, now: datetime
) -> None:
    """Reserve room for an order's next attempt, in place of what the order had reserved.

    Raises BalanceCap or TotalCap with the room left, CARD_PERSON_LIMIT, ORDER_CONFLICT where the
    order is another card's: the caller's transaction must not be committed then.
    """
    room, card = ledger.lock_with_room(
        session, order.provider_id, order.merchant_id, wanted.card_id
    )
    found = find(session, order)
    if card.merchant_id != order.merchant_id or (found and found.card_id != card.id):
        raise PayProblem("ORDER_CONFLICT", trade_num=order.out_trade_no)
    if card.status is not CardStatus.ACTIVE:
        raise PayProblem("CARD_SUSPENDED")
    if found is not None:
        _release(session, found, room, card)
    limits.check_person(session, settings, card, wanted.pay_fen, now, order_id=order.id)
    _check_room(room, card, wanted.total_fen)
    ledger.hold(session, room, card, wanted.total_fen)
    recharge = found or Recharge(
        provider_id=order.provider_id,
        merchant_id=order.merchant_id,
        card_id=card.id,
        order_id=order.id,
        status=RechargeStatus.HELD,
        created_at=now,
    )
    recharge.paid_fen, recharge.bonus_fen = wanted.pay_fen, wanted.bonus_fen
    recharge.terms_version, recharge.accepted_at = wanted.terms_version, now
    recharge.due_at = order.expires_at + LOOK_AFTER
    session.add(recharge)
    session.flush()


def _check_room(room: CardRoom, card: MemberCard, total_fen: int) -> None:
    """The nearer of both caps speaks, so that the room it names really fits. Equal is allowed."""
    on_card = max(0, ledger.room_on(card))
    of_all = max(0, room.cap_fen - room.balance_fen - room.held_fen)
    if total_fen > min(on_card, of_all):
        raise TotalCap(of_all) if of_all < on_card else BalanceCap(on_card)


def _release(session: Session, recharge: Recharge, room: CardRoom, card: MemberCard) -> None:
    if recharge.status is not RechargeStatus.HELD:
        raise PayProblem("ORDER_CONFLICT", trade_num=str(recharge.order_id))
    ledger.hold(session, room, card, -(recharge.paid_fen + recharge.bonus_fen))


def credit_in(session: Session, order: PayOrder, attempt: PayAttempt, now: datetime) -> None:
    """The recharge was paid: put it on the card, once. Call under the order's lock.

    What was reserved always fits. A success after the order had closed is put on the card if it
    still fits, else the payment goes back by itself.
    """
    recharge = find(session, order)
    assert recharge is not None, f"a recharge without its row: {order.out_trade_no}"
    room, card = ledger.lock_with_room(
        session, order.provider_id, order.merchant_id, recharge.card_id
    )
    if recharge.status not in (RechargeStatus.HELD, RechargeStatus.FREED):
        return
    paid, bonus = attempt.amount_fen, _bonus_of(attempt, recharge)
    was_held = recharge.status is RechargeStatus.HELD
    held = recharge.paid_fen + recharge.bonus_fen if was_held else 0
    fits = _may_take(session, card) and _credited(
        session, order, card, room, paid, bonus, held, now
    )
    if held and not fits:
        ledger.hold(session, room, card, -held)
    recharge.move_to(RechargeStatus.CREDITED if fits else RechargeStatus.NO_ROOM)
    recharge.paid_fen, recharge.bonus_fen = paid, bonus  # an earlier attempt's may differ
    recharge.due_at, recharge.settled_at = None, now
    if fits:
        _bonus_lives(session, card, now)
    else:
        _give_back(session, order, attempt, card, now)
    session.flush()


def _bonus_of(attempt: PayAttempt, recharge: Recharge) -> int:
    """What this very attempt promised; one that was adopted says nothing of it."""
    promised = attempt.request.get("beside")
    if promised is not None:
        return int(promised["bonus_fen"])
    return recharge.bonus_fen if attempt.amount_fen == recharge.paid_fen else 0


def _may_take(session: Session, card: MemberCard) -> bool:
    program = session.get_one(CardProgram, (card.provider_id, card.program_id))
    return card.status is CardStatus.ACTIVE and program.status is not ProgramStatus.DELETED


def _credited(
    session: Session,
    order: PayOrder,
    card: MemberCard,
    room: CardRoom,
    paid_fen: int,
    bonus_fen: int,
    held_fen: int,
    now: datetime,
) -> bool:
    """One movement; False when it does not fit, and nothing has moved."""
    legs: tuple[Leg, ...] = (
        (LedgerAccount.CARD_PAID, paid_fen),
        (LedgerAccount.CARD_BONUS, bonus_fen),
        (LedgerAccount.FUNDS, -paid_fen),
        (LedgerAccount.BONUS, -bonus_fen),
    )
    movement = Movement(
        kind=MovementKind.RECHARGE,
        key=f"recharge:{order.id}",
        legs=tuple(leg for leg in legs if leg[1]),
        at=now,
        actor=f"upstream:{order.channel}",
        hold_fen=-held_fen,
        order_id=order.id,
    )
    try:
        ledger.post(session, card, movement, room)
    except (BalanceCap, TotalCap):
        return False
    return True


def _bonus_lives(session: Session, card: MemberCard, now: datetime) -> None:
    """The bonus of a card lapses so many days after its last recharge; paid money never does."""
    days = session.get_one(CardProgram, (card.provider_id, card.program_id)).bonus_days
    today = now.astimezone(SHANGHAI).date()
    card.bonus_expires_on = None if days is None else today + timedelta(days=days)


def _give_back(
    session: Session, order: PayOrder, attempt: PayAttempt, card: MemberCard, now: datetime
) -> None:
    """It came too late and fits no more: the money is on its way back, never on the card."""
    movement = Movement(
        kind=MovementKind.LATE_RECHARGE,
        key=f"late:{order.id}",
        legs=(
            (LedgerAccount.IN_TRANSIT, attempt.amount_fen),
            (LedgerAccount.FUNDS, -attempt.amount_fen),
        ),
        at=now,
        actor=f"upstream:{order.channel}",
        order_id=order.id,
    )
    ledger.post(session, card, movement)
    number = refund_by_itself(
        session, order, attempt, now, reason="充值到账时已超过余额上限，自动退回", actor=NO_ROOM
    )
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=f"upstream:{order.channel}",
        action="recharge_no_room",
        subject=f"order:{order.out_trade_no}",
        at=now,
        amount_fen=attempt.amount_fen,
        out_refund_no=number,
    )
    log.warning("recharge had no room", extra={"out_trade_no": order.out_trade_no})


def free_in(session: Session, order: PayOrder, now: datetime) -> None:
    """The order closed unpaid: its room is free for others. Call under the order's lock."""
    recharge = find(session, order)
    if recharge is None or recharge.status is not RechargeStatus.HELD:
        return
    room, card = ledger.lock_with_room(
        session, order.provider_id, order.merchant_id, recharge.card_id
    )
    ledger.hold(session, room, card, -(recharge.paid_fen + recharge.bonus_fen))
    recharge.move_to(RechargeStatus.FREED)
    recharge.due_at, recharge.settled_at = None, now
    session.flush()
