"""The order of a consumption that a restored backup has lost: made anew, or one that a notification
or a bill has brought back already, as an ordinary payment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.base import Trade, TradeState
from models.deposit import DepositFreeze, DepositMove
from models.event import CaseKind
from models.order import AttemptMethod, AttemptStatus, PayAttempt, PayOrder
from services import attempts, audit
from services.attempts import NewOrder
from services.cases import end_case, open_case
from services.deposits import rooms
from services.deposits.consuming import LIVES, take_number
from services.deps import Deps
from services.numbers import new_public_id
from services.settle import apply_trade

NAMELESS = (
    "after a restored backup: consumed of a deposit under a number that nobody here knows; the"
    " order has the deposit's own. Tell the merchant: the till may ask for it by another number"
)


def had_given_up(session: Session, deps: Deps, freeze: DepositFreeze, trade: Trade) -> bool:
    """True where it is one of ours that has happened after all; its order is paid now."""
    attempt = _attempt(session, freeze.provider_id, trade.out_trade_no)
    if attempt is None or attempt.method is not AttemptMethod.DEPOSIT:
        return False
    if attempt.amount_fen != trade.amount_fen:
        return False
    apply_trade(session, freeze.provider_id, trade, deps.now())
    return True


def order_of(
    session: Session,
    deps: Deps,
    freeze: DepositFreeze,
    move: DepositMove,
    trade: Trade,
    found: PayOrder | None,
    actor: str,
) -> int | None:
    """The id of the consumption's order, not paid by it yet. None: another order has its number.

    `found` is the locked order under the number, if there is one; the hold is locked.
    """
    if found is not None:
        return found.id if _attach(session, freeze, move, trade, found) else None
    if not _is_free(session, freeze, trade):
        return None
    made = attempts.insert_in(session, _new_order(freeze, move, trade, actor))
    if made is None:
        return None
    if trade.out_trade_no != move.number:
        take_number(session, made, freeze.provider_id, trade.out_trade_no)
    return made.order_id


def settle(
    session: Session,
    deps: Deps,
    freeze: DepositFreeze,
    move: DepositMove,
    trade: Trade,
    actor: str,
    *,
    is_named: bool,
) -> None:
    """Apply what the wallet says of it; the order and the move stand, its room is held."""
    now = deps.now()
    attempt = _attempt(session, freeze.provider_id, trade.out_trade_no)
    assert attempt is not None
    if trade.state is not TradeState.SUCCESS:  # the wallet is at it: the worker asks
        attempts.mark_unknown(session, freeze.provider_id, attempt.id, now)
        return
    if attempt.status is AttemptStatus.PAID:  # brought back before, as an ordinary payment
        rooms.done(session, freeze, move, now)
        return
    order = session.get_one(PayOrder, (freeze.provider_id, attempt.order_id))
    session.flush()
    apply_trade(session, freeze.provider_id, trade, now)
    end_case(session, freeze.provider_id, CaseKind.UNKNOWN_TRADE, trade.out_trade_no, now)
    _told(session, order, trade, actor, now)
    if not is_named:
        open_case(
            session,
            provider_id=freeze.provider_id,
            kind=CaseKind.UNKNOWN_TRADE,
            out_trade_no=trade.out_trade_no,
            order_id=order.id,
            at=now,
            facts={"why": NAMELESS, "amount_fen": trade.amount_fen},
        )


def _attach(
    session: Session, freeze: DepositFreeze, move: DepositMove, trade: Trade, order: PayOrder
) -> bool:
    """Make an order that came back as an ordinary payment the consumption that it is."""
    attempt = _attempt(session, freeze.provider_id, trade.out_trade_no)
    theirs = (freeze.merchant_id, freeze.channel, move.amount_fen, move.number)
    ours = (order.merchant_id, order.channel, order.amount_fen, order.out_trade_no)
    is_its = attempt is not None and attempt.order_id == order.id
    if attempt is None or not is_its or ours != theirs or rooms.is_consumption(order):
        return False
    order.intent_key = f"{rooms.INTENT}{move.number}"
    attempt.method = AttemptMethod.DEPOSIT
    session.flush()
    return True


def _is_free(session: Session, freeze: DepositFreeze, trade: Trade) -> bool:
    """Whether the number at the wallet is no attempt's, but perhaps of one that came to nothing."""
    attempt = _attempt(session, freeze.provider_id, trade.out_trade_no)
    is_over = (AttemptStatus.CLOSED, AttemptStatus.REJECTED)
    return attempt is None or (
        attempt.method is AttemptMethod.DEPOSIT and attempt.status in is_over
    )


def _attempt(session: Session, provider_id: int, number: str) -> PayAttempt | None:
    return session.scalar(
        select(PayAttempt)
        .where(PayAttempt.provider_id == provider_id, PayAttempt.out_trade_no == number)
        .execution_options(populate_existing=True)
    )


def _new_order(freeze: DepositFreeze, move: DepositMove, trade: Trade, actor: str) -> NewOrder:
    """As when it was asked for; in the hold's store, since that of the till is forgotten."""
    return NewOrder(
        provider_id=freeze.provider_id,
        out_trade_no=move.number,
        public_id=new_public_id(),
        intent_key=f"{rooms.INTENT}{move.number}",
        merchant_id=freeze.merchant_id,
        store_id=freeze.store_id,
        pay_code_id=None,
        person_id=None,
        channel=freeze.channel,
        amount_fen=move.amount_fen,
        undiscountable_fen=None,
        deposit_fen=None,
        quantity=1,
        remark="",
        app=freeze.app,
        payee=freeze.payee,
        request={"description": freeze.request.get("description", ""), "asked_by": actor},
        created_at=move.created_at,
        expires_at=move.created_at + LIVES,
        first_question_s=0,
        method=AttemptMethod.DEPOSIT,
    )


def _told(session: Session, order: PayOrder, trade: Trade, actor: str, now: datetime) -> None:
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=actor,
        action="order_adopted",
        subject=f"order:{order.out_trade_no}",
        at=now,
        attempt=trade.out_trade_no,
        amount_fen=trade.amount_fen,
        transaction_id=trade.transaction_id,
    )
