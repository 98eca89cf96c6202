"""Refunds of recharges: the card gives first, the wallet follows, and asking decides.

What is asked back is taken from the card at once, amount and bonus, and its room stays reserved
until the wallet is final: so it can always be put back on the card. A partial refund takes the
bonus in proportion, rounded up over all refunds of the recharge together; a whole one takes it all.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import CardRoom, CardTaking, MemberCard, Recharge, RechargeStatus
from models.event import CaseKind
from models.ledger import LedgerAccount, MovementKind
from models.order import OrderPurpose, PayAttempt, PayOrder
from models.refund import Refund
from services import ledger
from services.cards.problems import BalanceLow
from services.cases import open_case
from services.ledger import Leg, Movement


def takes(order: PayOrder, attempt: PayAttempt) -> bool:
    """Whether a refund of this payment concerns a card. A second payment never reached it."""
    is_counted = attempt.transaction_id == order.transaction_id
    return order.purpose is OrderPurpose.RECHARGE and is_counted


def take_in(
    session: Session,
    order: PayOrder,
    refund_id: int,
    amount_fen: int,
    now: datetime,
    *,
    bonus_fen: int | None = None,
) -> None:
    """Take what is asked back from the card. The order is locked, the refund written.

    `bonus_fen` names another part of the bonus than the proportional one. Raises BalanceLow with
    the balance where it was spent: the caller's transaction must not be committed then.
    """
    recharge = _recharge(session, order)
    if recharge is None or recharge.status is RechargeStatus.NO_ROOM:
        return  # it is not on a card
    room, card = ledger.lock_with_room(
        session, order.provider_id, order.merchant_id, recharge.card_id
    )
    bonus = bonus_part(recharge, amount_fen) if bonus_fen is None else bonus_fen
    if card.paid_fen < amount_fen or card.bonus_fen < bonus:
        raise BalanceLow(card.paid_fen + card.bonus_fen)
    total = amount_fen + bonus
    _post(
        session, order, card, refund_id, MovementKind.RECHARGE_BACK, f"back:{refund_id}",
        _taken(amount_fen, bonus), now, room=room, hold_fen=total,
    )  # fmt: skip
    _note_taken(recharge, amount_fen, bonus)
    session.add(
        CardTaking(
            provider_id=order.provider_id,
            refund_id=refund_id,
            recharge_id=recharge.id,
            card_id=card.id,
            paid_fen=amount_fen,
            bonus_fen=bonus,
        )
    )
    session.flush()


def bonus_part(recharge: Recharge, amount_fen: int) -> int:
    """The bonus that goes back with `amount_fen`, in fen: all refunds together never less than
    their share, and all of it with the last fen."""
    taken = recharge.taken_paid_fen + amount_fen
    due = -(-recharge.bonus_fen * taken // recharge.paid_fen)
    return min(max(0, due - recharge.taken_bonus_fen), recharge.bonus_fen)


def ended_in(
    session: Session,
    locked: tuple[PayOrder, PayAttempt, Refund],
    now: datetime,
    *,
    succeeded: bool,
) -> None:
    """The wallet is final about a refund: the money is back, or its value is on the card again.

    A success after a failure takes the value from the card once more. What is not there any more
    is a case for a person: a balance is never negative.
    """
    order, attempt, refund = locked
    if not takes(order, attempt):
        return
    recharge = _recharge(session, order)
    assert recharge is not None, f"a recharge without its row: {order.out_trade_no}"
    if recharge.status is RechargeStatus.NO_ROOM:
        _ended_late(session, order, recharge, refund, now, succeeded=succeeded)
        return
    taking = session.get(CardTaking, (order.provider_id, refund.id), populate_existing=True)
    if taking is None and not succeeded:
        return
    room, card = ledger.lock_with_room(
        session, order.provider_id, order.merchant_id, recharge.card_id
    )
    if taking is None or taking.is_kept:
        _take_after_all(session, order, recharge, card, refund, taking, now)
        _returned(session, order, card, refund, now)
    elif taking.ended_at is None and succeeded:
        taking.ended_at = now
        held = taking.paid_fen + taking.bonus_fen
        _returned(session, order, card, refund, now, room=room, hold_fen=-held)
    elif taking.ended_at is None:
        _kept(session, order, recharge, room, card, taking, now)
    session.flush()


def _ended_late(
    session: Session,
    order: PayOrder,
    recharge: Recharge,
    refund: Refund,
    now: datetime,
    *,
    succeeded: bool,
) -> None:
    """Of a recharge that found no room: it is on no card, so its money must go back."""
    if succeeded:
        card = ledger.lock_card(session, order.provider_id, recharge.card_id)
        _returned(session, order, card, refund, now)
        return
    _case(session, order, refund, CaseKind.REFUND_ABNORMAL, now, why="a recharge without room")


def _returned(
    session: Session,
    order: PayOrder,
    card: MemberCard,
    refund: Refund,
    now: datetime,
    *,
    room: CardRoom | None = None,
    hold_fen: int = 0,
) -> None:
    fen = refund.amount_fen
    legs = ((LedgerAccount.IN_TRANSIT, -fen), (LedgerAccount.FUNDS, fen))
    _post(
        session, order, card, refund.id, MovementKind.RETURNED, f"returned:{refund.id}", legs, now,
        room=room, hold_fen=hold_fen,
    )  # fmt: skip


def _kept(
    session: Session,
    order: PayOrder,
    recharge: Recharge,
    room: CardRoom,
    card: MemberCard,
    taking: CardTaking,
    now: datetime,
) -> None:
    """The wallet did not give it back: what was taken is on the card again, in its own room."""
    paid, bonus = taking.paid_fen, taking.bonus_fen
    legs = tuple((account, -fen) for account, fen in _taken(paid, bonus))
    _post(
        session, order, card, taking.refund_id, MovementKind.RECHARGE_KEPT,
        f"kept:{taking.refund_id}", legs, now, room=room, hold_fen=-(paid + bonus),
    )  # fmt: skip
    taking.ended_at, taking.is_kept = now, True
    _note_taken(recharge, -paid, -bonus)


def _take_after_all(
    session: Session,
    order: PayOrder,
    recharge: Recharge,
    card: MemberCard,
    refund: Refund,
    taking: CardTaking | None,
    now: datetime,
) -> None:
    """The money has gone back although we had given the refund up, or had forgotten it: as much of
    it as is there leaves the card, first the bonus that belongs to it."""
    wanted = taking.bonus_fen if taking else bonus_part(recharge, refund.amount_fen)
    paid, bonus = min(card.paid_fen, refund.amount_fen), min(card.bonus_fen, wanted)
    if paid or bonus:
        _post(
            session, order, card, refund.id, MovementKind.RECHARGE_BACK, f"again:{refund.id}",
            _taken(paid, bonus), now,
        )  # fmt: skip
    room_paid = recharge.paid_fen - recharge.taken_paid_fen
    room_bonus = recharge.bonus_fen - recharge.taken_bonus_fen
    _note_taken(recharge, min(refund.amount_fen, room_paid), min(wanted, room_bonus))
    kept = taking or CardTaking(
        provider_id=order.provider_id,
        refund_id=refund.id,
        recharge_id=recharge.id,
        card_id=card.id,
    )
    kept.paid_fen, kept.bonus_fen, kept.ended_at, kept.is_kept = paid, bonus, now, False
    session.add(kept)
    short = refund.amount_fen + wanted - paid - bonus
    if short:
        _case(session, order, refund, CaseKind.REFUND_MISMATCH, now, short_fen=short)


def _taken(paid_fen: int, bonus_fen: int) -> tuple[Leg, ...]:
    return (
        (LedgerAccount.CARD_PAID, -paid_fen),
        (LedgerAccount.CARD_BONUS, -bonus_fen),
        (LedgerAccount.IN_TRANSIT, paid_fen),
        (LedgerAccount.BONUS, bonus_fen),
    )


def _note_taken(recharge: Recharge, paid_fen: int, bonus_fen: int) -> None:
    recharge.taken_paid_fen += paid_fen
    recharge.taken_bonus_fen += bonus_fen


def _post(
    session: Session,
    order: PayOrder,
    card: MemberCard,
    refund_id: int,
    kind: MovementKind,
    key: str,
    legs: tuple[Leg, ...],
    now: datetime,
    *,
    room: CardRoom | None = None,
    hold_fen: int = 0,
) -> None:
    movement = Movement(
        kind=kind,
        key=key,
        legs=tuple(leg for leg in legs if leg[1]),
        at=now,
        actor=f"upstream:{order.channel}" if kind is not MovementKind.RECHARGE_BACK else "refund",
        hold_fen=hold_fen,
        order_id=order.id,
        refund_id=refund_id,
    )
    ledger.post(session, card, movement, room)


def _recharge(session: Session, order: PayOrder) -> Recharge | None:
    return session.scalar(
        select(Recharge)
        .where(Recharge.provider_id == order.provider_id, Recharge.order_id == order.id)
        .execution_options(populate_existing=True)
    )


def _case(
    session: Session,
    order: PayOrder,
    refund: Refund,
    kind: CaseKind,
    now: datetime,
    **facts: object,
) -> None:
    open_case(
        session,
        provider_id=order.provider_id,
        kind=kind,
        out_trade_no=refund.out_refund_no,
        order_id=order.id,
        at=now,
        facts={"order": order.out_trade_no, "amount_fen": refund.amount_fen, **facts},
    )
