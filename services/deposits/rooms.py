"""The room of a hold: what is on its way is held out of it until the wallet has said.

Locks: an order first, then its freeze, then the move. A new order may be made under the freeze's
lock: nobody waits for that order yet.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateways.deposits import Hold
from models.deposit import (
    OPEN_MOVES,
    DepositFreeze,
    DepositMove,
    FreezeStatus,
    MoveKind,
    MoveStatus,
)
from models.event import CaseKind
from models.order import OrderStatus, PayOrder
from services import audit
from services.cases import end_case, open_case

log = logging.getLogger(__name__)

INTENT = "deposit:"  # what a consumption's order's intention begins with
LIVES = timedelta(days=30)  # the wallets give back what nobody moves (wechat.md F)
WARN = timedelta(days=28)


def is_consumption(order: PayOrder) -> bool:
    return order.intent_key.startswith(INTENT)


def lock(session: Session, provider_id: int, freeze_id: int) -> DepositFreeze:
    return session.execute(
        select(DepositFreeze)
        .where(DepositFreeze.provider_id == provider_id, DepositFreeze.id == freeze_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def by_order(session: Session, order: PayOrder) -> tuple[DepositFreeze, DepositMove]:
    """The hold and the consumption of a locked order, both read after the hold's lock."""
    freeze_id = session.execute(
        select(DepositMove.freeze_id).where(
            DepositMove.provider_id == order.provider_id, DepositMove.order_id == order.id
        )
    ).scalar_one()
    freeze = lock(session, order.provider_id, freeze_id)
    move = session.execute(
        select(DepositMove)
        .where(DepositMove.provider_id == order.provider_id, DepositMove.order_id == order.id)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return freeze, move


def hold_of(freeze: DepositFreeze) -> Hold:
    """A frozen hold, as calls to its wallet name it."""
    assert freeze.freeze_id is not None
    return Hold(freeze.out_freeze_no, freeze.freeze_id, freeze.freeze_fen)


def hold_of_order(session: Session, provider_id: int, order_id: int) -> Hold:
    """Of the order that was paid out of it."""
    wanted = select(DepositFreeze).join(
        DepositMove,
        (DepositMove.provider_id == DepositFreeze.provider_id)
        & (DepositMove.freeze_id == DepositFreeze.id),
    )
    mine = (DepositMove.provider_id == provider_id, DepositMove.order_id == order_id)
    return hold_of(session.execute(wanted.where(*mine)).scalar_one())


def number_of(session: Session, order: PayOrder) -> str:
    """The number of the hold that the order is paid out of; "" where it is none."""
    if not is_consumption(order):
        return ""
    return hold_of_order(session, order.provider_id, order.id).out_freeze_no


def hold(session: Session, freeze: DepositFreeze, move: DepositMove, now: datetime) -> None:
    """Take the move's money out of the room of a locked freeze. Whoever asks checks it first."""
    freeze.held_fen += move.takes_fen
    freeze.changed_at = now
    session.add(move)
    session.flush()
    audit.record(
        session,
        provider_id=freeze.provider_id,
        actor=move.asked_by,
        action=f"deposit_{move.kind}_asked",
        subject=f"deposit:{freeze.out_freeze_no}",
        at=now,
        number=move.number,
        amount_fen=move.amount_fen,
        allowed_by=move.allowed_by,
    )


def done(session: Session, freeze: DepositFreeze, move: DepositMove, now: datetime) -> bool:
    """The wallet has done it; True for the call that makes it so. Its room may have been freed."""
    if move.status is MoveStatus.DONE:
        return False
    if move.status is MoveStatus.FAILED:
        if move.kind is MoveKind.CONSUME and move.ends:  # it gave back what it found
            move.rest_fen = max(0, freeze.room_fen - move.amount_fen)
        if freeze.room_fen < move.takes_fen:
            mismatch(session, freeze, now, number=move.number, ours_fen=freeze.room_fen,
                     theirs_fen=move.takes_fen)  # fmt: skip
            return False
        freeze.held_fen += move.takes_fen
    move.move_to(MoveStatus.DONE)
    move.done_at = move.changed_at = freeze.changed_at = now
    move.due_at, move.upstream_code, move.upstream_message = None, None, None
    freeze.held_fen -= move.takes_fen
    if move.kind is MoveKind.CONSUME:
        freeze.consumed_fen += move.amount_fen
        freeze.released_fen += move.rest_fen
    else:
        freeze.released_fen += move.amount_fen
    _told(session, freeze, move, "done", now)
    end_case(session, freeze.provider_id, CaseKind.NO_ANSWER, move.number, now)
    close_if_empty(session, freeze, now)
    return True


def freed(
    session: Session,
    freeze: DepositFreeze,
    move: DepositMove,
    now: datetime,
    *,
    code: str = "",
    message: str = "",
) -> None:
    """It will not happen under this number: its room is free again."""
    if move.status not in OPEN_MOVES:
        return
    move.move_to(MoveStatus.FAILED)
    move.upstream_code, move.upstream_message = code[:64] or None, message[:256] or None
    move.changed_at = freeze.changed_at = now
    move.due_at = None
    freeze.held_fen -= move.takes_fen
    _told(session, freeze, move, "failed", now)
    end_case(session, freeze.provider_id, CaseKind.NO_ANSWER, move.number, now)
    session.flush()
    for late in session.scalars(_paid_without_room(freeze)):
        done(session, freeze, late, now)


def _paid_without_room(freeze: DepositFreeze) -> Select[DepositMove]:
    """Consumptions that came after they were given up, when another held their room: its end gives
    it back to them."""
    return (
        select(DepositMove)
        .join(
            PayOrder,
            (PayOrder.provider_id == DepositMove.provider_id)
            & (PayOrder.id == DepositMove.order_id),
        )
        .where(
            DepositMove.provider_id == freeze.provider_id,
            DepositMove.freeze_id == freeze.id,
            DepositMove.status == MoveStatus.FAILED,
            PayOrder.status == OrderStatus.PAID,
        )
        .order_by(DepositMove.id)
    )


def consumed_in(session: Session, order: PayOrder, now: datetime) -> None:
    """A consumption's order has just been paid: within the transaction that made it so."""
    freeze, move = by_order(session, order)
    done(session, freeze, move, now)
    session.flush()


def ended_in(session: Session, order: PayOrder, now: datetime) -> None:
    """A consumption's order has ended unpaid."""
    freeze, move = by_order(session, order)
    freed(session, freeze, move, now, code=order.reject_code or "",
          message=order.reject_message or "")  # fmt: skip
    session.flush()


def close_if_empty(session: Session, freeze: DepositFreeze, now: datetime) -> None:
    """Nothing of it is left at the wallet."""
    gone = freeze.consumed_fen + freeze.released_fen + freeze.lapsed_fen
    if gone < freeze.freeze_fen or freeze.status is not FreezeStatus.FROZEN:
        return
    freeze.move_to(FreezeStatus.CLOSED)
    freeze.closed_at, freeze.due_at, freeze.is_unknown = now, None, False
    for kind in (CaseKind.NO_ANSWER, CaseKind.DEPOSIT_ENDS):
        end_case(session, freeze.provider_id, kind, freeze.out_freeze_no, now)


def mismatch(session: Session, freeze: DepositFreeze, now: datetime, **facts: object) -> None:
    """The wallet's figures and ours differ: a person looks, and nothing is guessed."""
    open_case(
        session,
        provider_id=freeze.provider_id,
        kind=CaseKind.DEPOSIT_MISMATCH,
        out_trade_no=freeze.out_freeze_no,
        order_id=None,
        at=now,
        facts={"freeze_fen": freeze.freeze_fen, **facts},
    )


def _told(
    session: Session, freeze: DepositFreeze, move: DepositMove, ended: str, now: datetime
) -> None:
    action = f"deposit_{move.kind}_{ended}"
    audit.record(
        session,
        provider_id=freeze.provider_id,
        actor=f"upstream:{freeze.channel}",
        action=action,
        subject=f"deposit:{freeze.out_freeze_no}",
        at=now,
        number=move.number,
        amount_fen=move.amount_fen,
    )
    log.info(action, extra={"channel": freeze.channel, "number": move.number})
