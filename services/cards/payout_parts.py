"""The parts of a payout: what leaves the card for each, and how each ends.

A part's money leaves the card before anybody is paid, so that it cannot be spent meanwhile, and its
room stays reserved until its end, so that it can always come back. Under the card's lock.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.card import CardRoom, CardStatus, MemberCard
from models.event import CaseKind
from models.ledger import LedgerAccount, MovementKind
from models.order import PayAttempt, PayOrder
from models.payout import (
    OPEN_PAYOUTS,
    CardPayout,
    CardPayoutPart,
    PartStatus,
    PartWay,
    PayoutStatus,
)
from models.refund import Refund
from services import audit, ledger
from services.cards.payout_problems import PayoutUnknown
from services.cases import end_case
from services.ledger import Leg, Movement

CLOSE_AGAIN = timedelta(minutes=10)  # a recharge under way ends before


def take(
    session: Session, room: CardRoom, card: MemberCard, part: CardPayoutPart, now: datetime
) -> None:
    """What of a new part no refund takes from the card: money that goes by hand with its bonus, and
    what makes up for spent bonus. The part has its id."""
    if part.way is PartWay.HAND:
        _post(session, room, card, part, MovementKind.RECHARGE_BACK, "back", _hand(part), now, 1)
    if part.deducted_fen:
        used = _used(part)
        _post(session, room, card, part, MovementKind.RECHARGE_BACK, "used", used, now, 1)


def paid_by_hand(
    session: Session, room: CardRoom, card: MemberCard, part: CardPayoutPart, now: datetime
) -> None:
    """A person has handed it over: it is owed no longer."""
    fen, held = part.amount_fen, _held(part)
    legs = ((LedgerAccount.IN_TRANSIT, -fen), (LedgerAccount.PAID_OUT, fen))
    movement = Movement(
        MovementKind.PAID_OUT, f"payout:{part.id}", legs, now, part.paid_by or "", hold_fen=-held,
        reason=f"{part.how} {part.reference}",
    )  # fmt: skip
    ledger.post(session, card, movement, room)
    part.status, part.ended_at = PartStatus.RETURNED, now
    session.flush()


def keep(
    session: Session, room: CardRoom, card: MemberCard, part: CardPayoutPart, now: datetime
) -> None:
    """It could not be given back: what `take` took is on the card again."""
    if part.way is PartWay.HAND:
        back = tuple((account, -fen) for account, fen in _hand(part))
        _post(session, room, card, part, MovementKind.RECHARGE_KEPT, "kept", back, now, -1)
    if part.deducted_fen:
        back = tuple((account, -fen) for account, fen in _used(part))
        _post(session, room, card, part, MovementKind.RECHARGE_KEPT, "unused", back, now, -1)
    part.status, part.ended_at = PartStatus.KEPT, now
    session.flush()


def refund_ended_in(
    session: Session,
    locked: tuple[PayOrder, PayAttempt, Refund],
    now: datetime,
    *,
    succeeded: bool,
) -> None:
    """The wallet is final about a refund; its order is locked. Nothing happens where no payout
    asked for it."""
    order, _, refund = locked
    part = session.scalar(
        select(CardPayoutPart).where(
            CardPayoutPart.provider_id == order.provider_id, CardPayoutPart.refund_id == refund.id
        )
    )
    if part is None:
        return
    room, card = ledger.lock_with_room(session, order.provider_id, order.merchant_id, part.card_id)
    session.refresh(part)
    payout = lock_payout(session, part.provider_id, part.payout_id)
    if succeeded and part.status is not PartStatus.RETURNED:
        _returned(session, room, card, part, now)
    elif not succeeded and part.status is PartStatus.OPEN:
        keep(session, room, card, part, now)
        note(
            session, card, payout, "upstream", "payout_part_kept", now,
            amount_fen=part.amount_fen, out_refund_no=refund.out_refund_no,
        )  # fmt: skip
    finish(session, payout, card, now)


def _returned(
    session: Session, room: CardRoom, card: MemberCard, part: CardPayoutPart, now: datetime
) -> None:
    """A success after a failure counts, too: what had made up for spent bonus is taken once more,
    as far as it is there."""
    if part.status is PartStatus.OPEN:
        if part.deducted_fen:
            ledger.hold(session, room, card, -part.deducted_fen)
    elif fen := min(part.deducted_fen, card.paid_fen):
        legs = ((LedgerAccount.CARD_PAID, -fen), (LedgerAccount.BONUS, fen))
        _post(session, room, card, part, MovementKind.RECHARGE_BACK, "usedagain", legs, now, 0)
    part.status, part.ended_at = PartStatus.RETURNED, now
    session.flush()


def finish(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> bool:
    """Done when no part is open; the card closes if that was asked for and it is empty.

    True while only a recharge under way keeps it from closing: its money must find the card.
    """
    if payout.status is not PayoutStatus.RETURNING or _open_parts(session, payout):
        return False
    if payout.closes_card and card.paid_fen == 0 and card.status is not CardStatus.CLOSED:
        if card.held_fen:
            payout.due_at = now + CLOSE_AGAIN
            return True
        _close(session, payout, card, now)
    end(session, payout, card, PayoutStatus.DONE, now)
    note(session, card, payout, "system", "payout_done", now, **sums(session, payout))
    return False


def _close(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
    if card.bonus_fen:  # of recharges that have long gone back: nothing is paid for it
        legs = ((LedgerAccount.CARD_BONUS, -card.bonus_fen), (LedgerAccount.BONUS, card.bonus_fen))
        movement = Movement(
            MovementKind.BONUS_EXPIRED, f"expired:payout:{payout.id}", legs, now, payout.asked_by
        )
        ledger.post(session, card, movement)
    card.status = CardStatus.CLOSED
    session.flush()
    note(session, card, payout, payout.asked_by, "card_closed", now)


def end(
    session: Session, payout: CardPayout, card: MemberCard, status: PayoutStatus, now: datetime
) -> None:
    """Move a payout to a state in which nobody looks at it any more."""
    payout.move_to(status)
    payout.due_at, payout.ended_at = None, now
    session.flush()
    end_case(session, payout.provider_id, CaseKind.PAYOUT_OVERDUE, case_number(payout), now)


def case_number(payout: CardPayout) -> str:
    return f"payout:{payout.id}"


def lock_payout(session: Session, provider_id: int, payout_id: int) -> CardPayout:
    """Read after the card's lock."""
    return session.execute(
        select(CardPayout)
        .where(CardPayout.provider_id == provider_id, CardPayout.id == payout_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def find(session: Session, provider_id: int, payout_id: int) -> CardPayout:
    """By its id, as it is now; not locked. Raises PayoutUnknown."""
    found = session.get(CardPayout, (provider_id, payout_id), populate_existing=True)
    if found is None:
        raise PayoutUnknown()
    return found


def open_payout(session: Session, card: MemberCard) -> CardPayout | None:
    """The card's request under way. The card is locked."""
    return session.scalar(
        select(CardPayout)
        .where(
            CardPayout.provider_id == card.provider_id,
            CardPayout.card_id == card.id,
            CardPayout.status.in_(OPEN_PAYOUTS),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def parts_of(session: Session, payout: CardPayout) -> list[CardPayoutPart]:
    wanted = select(CardPayoutPart).where(
        CardPayoutPart.provider_id == payout.provider_id, CardPayoutPart.payout_id == payout.id
    )
    return list(session.scalars(wanted.order_by(CardPayoutPart.id)))


def sums(session: Session, payout: CardPayout) -> dict[str, int]:
    """What went back, what stayed on the card, and what is under way, in fen."""
    found = {f"{status.value}_fen": 0 for status in PartStatus}
    for part in parts_of(session, payout):
        found[f"{part.status.value}_fen"] += part.amount_fen
    return found


def _open_parts(session: Session, payout: CardPayout) -> int:
    session.flush()
    found = session.scalar(
        select(func.count()).where(
            CardPayoutPart.provider_id == payout.provider_id,
            CardPayoutPart.payout_id == payout.id,
            CardPayoutPart.status == PartStatus.OPEN,
        )
    )
    return int(found or 0)


def _hand(part: CardPayoutPart) -> tuple[Leg, ...]:
    return (
        (LedgerAccount.CARD_PAID, -part.amount_fen),
        (LedgerAccount.CARD_BONUS, -part.bonus_fen),
        (LedgerAccount.IN_TRANSIT, part.amount_fen),
        (LedgerAccount.BONUS, part.bonus_fen),
    )


def _used(part: CardPayoutPart) -> tuple[Leg, ...]:
    return (
        (LedgerAccount.CARD_PAID, -part.deducted_fen),
        (LedgerAccount.BONUS, part.deducted_fen),
    )


def _held(part: CardPayoutPart) -> int:
    """Room that is reserved for this part; what a refund takes has its own (`CardTaking`)."""
    by_hand = part.amount_fen + part.bonus_fen if part.way is PartWay.HAND else 0
    return by_hand + part.deducted_fen


def _post(
    session: Session,
    room: CardRoom,
    card: MemberCard,
    part: CardPayoutPart,
    kind: MovementKind,
    word: str,
    legs: tuple[Leg, ...],
    now: datetime,
    holds: int,
) -> None:
    """One movement; `holds` is 1 where what leaves the card keeps its room, -1 where it is back."""
    moved = tuple(leg for leg in legs if leg[1])
    left = -sum(fen for account, fen in moved if account.value.startswith("card_"))
    movement = Movement(
        kind, f"{word}:part:{part.id}", moved, now, "payout", hold_fen=abs(left) * holds
    )
    ledger.post(session, card, movement, room)


def note(
    session: Session,
    card: MemberCard,
    payout: CardPayout,
    actor: str,
    action: str,
    now: datetime,
    **facts: object,
) -> None:
    audit.record(
        session,
        provider_id=card.provider_id,
        actor=actor,
        action=action,
        subject=f"card:{card.number}",
        at=now,
        payout=payout.id,
        **facts,
    )


def working_days_after(on: date, days: int) -> date:
    """So many days on, Saturdays and Sundays left out. Holidays are not known here: where there is
    one, this is earlier than the law's day."""
    while days:
        on += timedelta(days=1)
        days -= on.weekday() < 5
    return on
