"""What goes back of a card, worked out and taken from it in one transaction, and sent.

Never more than the card holds: all of it happens under the card's lock. Orders first, in the order
of their ids, then room, card and payout.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from errors import AppError, BadInput
from models.card import CardRoom, MemberCard, Recharge, RechargeStatus
from models.order import PayOrder
from models.payout import (
    CardPayout,
    CardPayoutPart,
    PartStatus,
    PartWay,
    PayoutGround,
    PayoutStatus,
)
from models.refund import Refund, RefundStatus
from services import attempts, ledger
from services.bills.days import ends
from services.cards import payout_parts
from services.cards.payout_parts import find, lock_payout, note
from services.cards.payout_plan import Left, Part, plan
from services.cards.payout_problems import PayoutNoCooling
from services.deps import Deps
from services.refunds import sending
from services.refunds.asking import Ask, ask_in, refundable
from services.refunds.people import CANCELLED

log = logging.getLogger(__name__)

REASON = "会员卡余额退还"
MOST_RECHARGES = 50  # that one payout goes over; the rest goes by hand
CLAIM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `out_trade_no` names one recharge that is to be taken back."""

    ground: PayoutGround = PayoutGround.TERMS
    closes_card: bool = False
    reason: str = ""
    out_trade_no: str | None = None


def quote(session: Session, deps: Deps, card: MemberCard, wish: Wish) -> list[Part]:
    """What would go back now, and how: for whoever is about to ask. Nothing is locked."""
    recharge_id = named(session, card, wish)
    lefts = _lefts(
        session, deps, card, recharge_id, deps.now(),
        lambda order_id: refundable(
            session, deps, session.get_one(PayOrder, (card.provider_id, order_id))
        ),
    )  # fmt: skip
    return plan(wish.ground, lefts, card.paid_fen, card.bonus_fen)


def begin(deps: Deps, provider_id: int, payout_id: int) -> PayoutStatus:
    """Take an allowed payout's money from the card and send its refunds; any other is left alone.

    Where refunds are not taken now (a backup was restored), it is tried again later by itself.
    """
    for _ in range(3):
        status = deps.transact(lambda s: find(s, provider_id, payout_id).status)
        if status is not PayoutStatus.ALLOWED:
            return status
        wanted = deps.transact(lambda s: _orders(s, provider_id, payout_id))
        try:
            begun = deps.transact(
                lambda s, orders=wanted: _begin(s, deps, provider_id, payout_id, orders)  # type: ignore[misc]
            )
        except AppError as problem:
            log.warning("payout waits", extra={"payout": payout_id, "why": problem.code})
            break
        if begun is not None:
            for refund_id in begun:
                sending.send(deps, provider_id, refund_id)
            break
    return deps.transact(lambda s: find(s, provider_id, payout_id).status)


def _begin(
    session: Session, deps: Deps, provider_id: int, payout_id: int, order_ids: list[int]
) -> list[int] | None:
    """The refunds to send; None where the card has got another recharge meanwhile: look again."""
    orders = {i: attempts.lock_order(session, provider_id, i) for i in sorted(order_ids)}
    found = find(session, provider_id, payout_id)
    room, card = ledger.lock_with_room(session, provider_id, found.merchant_id, found.card_id)
    payout = lock_payout(session, provider_id, payout_id)
    if payout.status is not PayoutStatus.ALLOWED:
        return []
    if set(_orders(session, provider_id, payout_id)) != set(orders):
        return None
    now = deps.now()
    lefts = _lefts(
        session, deps, card, payout.recharge_id, payout.asked_at,
        lambda order_id: refundable(session, deps, orders[order_id]),
    )  # fmt: skip
    parts = plan(payout.ground, lefts, card.paid_fen, card.bonus_fen)
    if parts:
        payout.move_to(PayoutStatus.RETURNING)
        payout.due_at = max(ends(payout.due_on), now + CLAIM)
        session.flush()
    refunds = [
        refund_id
        for part in parts
        if (refund_id := _start(session, deps, payout, (room, card), part, now)) is not None
    ]
    note(
        session, card, payout, payout.decided_by or "", "payout_begun", now,
        amount_fen=sum(part.amount_fen for part in parts),
        bonus_fen=sum(part.bonus_fen for part in parts),
        deducted_fen=sum(part.deducted_fen for part in parts),
    )  # fmt: skip
    if not parts:  # all of it was spent since
        payout_parts.end(session, payout, card, PayoutStatus.DONE, now)
    return refunds


def _start(
    session: Session,
    deps: Deps,
    payout: CardPayout,
    locked: tuple[CardRoom, MemberCard],
    part: Part,
    now: datetime,
) -> int | None:
    """Write one part down and take its money from the card; its refund, if it is one."""
    refund_id = None
    if part.way is PartWay.WALLET:
        assert part.recharge is not None
        wanted = Ask(
            payout.provider_id,
            part.recharge.out_trade_no,
            part.amount_fen,
            REASON,
            payout.asked_by,
            payout.decided_by or "",
            payout.merchant_id,
            bonus_fen=part.bonus_fen,
        )
        refund_id = ask_in(session, deps, wanted)
    row = CardPayoutPart(
        provider_id=payout.provider_id,
        payout_id=payout.id,
        merchant_id=payout.merchant_id,
        card_id=payout.card_id,
        way=part.way,
        amount_fen=part.amount_fen,
        bonus_fen=part.bonus_fen,
        deducted_fen=part.deducted_fen,
        recharge_id=part.recharge.recharge_id if part.recharge else None,
        refund_id=refund_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    payout_parts.take(session, *locked, row, now)
    return refund_id


# --- what of its recharges is left ----------------------------------------------------------------


def _recharges(session: Session, card: MemberCard, recharge_id: int | None) -> list[Recharge]:
    """The newest first; of those whose money has not all gone back."""
    wanted = select(Recharge).where(
        Recharge.provider_id == card.provider_id,
        Recharge.card_id == card.id,
        Recharge.status == RechargeStatus.CREDITED,
        Recharge.taken_paid_fen < Recharge.paid_fen,
    )
    if recharge_id is not None:
        wanted = wanted.where(Recharge.id >= recharge_id)  # newer ones keep what is theirs
    return list(
        session.scalars(
            wanted.order_by(Recharge.settled_at.desc(), Recharge.id.desc())
            .limit(MOST_RECHARGES)
            .execution_options(populate_existing=True)
        )
    )


def _lefts(
    session: Session,
    deps: Deps,
    card: MemberCard,
    recharge_id: int | None,
    asked_at: datetime,
    refundable_of: Callable[[int], int],
) -> list[Left]:
    since = asked_at - timedelta(days=deps.settings.card_cooling_days)
    found = []
    for one in _recharges(session, card, recharge_id):
        order = session.get_one(PayOrder, (card.provider_id, one.order_id))
        over = 0 if _has_failed(session, one) else refundable_of(one.order_id)
        is_named = recharge_id in (None, one.id)
        is_cooling = one.settled_at is not None and one.settled_at >= since
        found.append(
            Left(
                one.id,
                one.order_id,
                order.out_trade_no,
                one.paid_fen - one.taken_paid_fen,
                one.bonus_fen - one.taken_bonus_fen,
                over,
                is_cooling and is_named,
            )
        )
    return found


def _has_failed(session: Session, recharge: Recharge) -> bool:
    """Whether its wallet said that it cannot give it back: then it goes by hand. A refund that a
    person gave up, or that the wallet never had, says nothing of the kind."""
    part = CardPayoutPart
    return bool(
        session.scalar(
            select(
                exists().where(
                    part.provider_id == recharge.provider_id,
                    part.card_id == recharge.card_id,
                    part.recharge_id == recharge.id,
                    part.status == PartStatus.KEPT,
                    Refund.provider_id == part.provider_id,
                    Refund.id == part.refund_id,
                    Refund.status == RefundStatus.FAILED,
                    Refund.upstream_code != CANCELLED,
                )
            )
        )
    )


def _orders(session: Session, provider_id: int, payout_id: int) -> list[int]:
    payout = find(session, provider_id, payout_id)
    card = session.get_one(MemberCard, (provider_id, payout.card_id))
    return [one.order_id for one in _recharges(session, card, payout.recharge_id)]


def named(session: Session, card: MemberCard, wish: Wish) -> int | None:
    """The recharge that the wish names. Raises PayoutNoCooling where it is not this card's."""
    if wish.out_trade_no is None:
        return None
    if wish.ground is not PayoutGround.COOLING:
        raise BadInput("one recharge alone is taken back within the cooling days only")
    found = session.scalar(
        select(Recharge.id)
        .join(
            PayOrder,
            (PayOrder.provider_id == Recharge.provider_id) & (PayOrder.id == Recharge.order_id),
        )
        .where(
            Recharge.provider_id == card.provider_id,
            Recharge.card_id == card.id,
            PayOrder.out_trade_no == wish.out_trade_no,
        )
    )
    if found is None:
        raise PayoutNoCooling()
    return int(found)
