"""Payments and refunds by the wallet's word alone, at any moment of any day."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from gateways.base import RefundState, RefundWord, Trade, TradeState
from models.order import PayAttempt
from services import attempts, settle, totals_check
from services.deps import Deps
from services.refunds import settling
from services.refunds.asking import hold

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Shop:
    """Where an order is made."""

    provider_id: int
    merchant_id: int
    store_id: int
    code_id: int
    person_id: int
    staff_id: int | None = None  # whose code it is


@dataclass(frozen=True)
class Paid:
    """An order and the attempt that is to pay it."""

    shop: Shop
    number: str
    order_id: int
    attempt_id: int
    channel: str
    amount_fen: int


def shops(deps: Deps) -> list[Shop]:
    """Every store code of the demo, of both providers, with a payer of its provider."""

    def unit(session: Any) -> list[Shop]:
        return [
            Shop(*row)
            for row in session.execute(
                text(
                    "WITH someone AS (INSERT INTO person (provider_id, channel, app, subject_hash,"
                    " created_at) SELECT id, 'wechat', 'wx', 'totals', now() FROM provider"
                    " ON CONFLICT (provider_id, subject_hash) DO UPDATE SET app = 'wx'"
                    " RETURNING provider_id, id)"
                    " SELECT c.provider_id, c.merchant_id, c.store_id, c.id, p.id FROM pay_code c"
                    " JOIN someone p USING (provider_id) WHERE c.kind = 'store'"
                    " ORDER BY c.provider_id, c.id"
                )
            )
        ]

    return deps.transact(unit)


def make(deps: Deps, shop: Shop, at: datetime, fen: int = 1234, channel: str = "wechat") -> Paid:
    """An order, not paid yet, by the statements of a press."""
    number = f"tot{next(_NUMBERS):09d}"
    made = attempts.insert_order(
        deps,
        attempts.NewOrder(
            provider_id=shop.provider_id,
            out_trade_no=number,
            public_id=number,
            intent_key=f"totals:{number}",
            merchant_id=shop.merchant_id,
            store_id=shop.store_id,
            pay_code_id=shop.code_id,
            person_id=shop.person_id,
            channel=channel,
            amount_fen=fen,
            undiscountable_fen=None,
            deposit_fen=None,
            quantity=1,
            remark="",
            app="wx",
            payee="1900000109",
            request={},
            created_at=at,
            expires_at=at,
            first_question_s=10**6,
            staff_id=shop.staff_id,
        ),
    )
    assert made is not None
    attempts.mark_payable(deps, shop.provider_id, made.attempt_id, "p")
    return Paid(shop, number, made.order_id, made.attempt_id, channel, fen)


def success(order: Paid, at: datetime, transaction_id: str | None = None) -> Trade:
    """The wallet's word that it was paid at `at`."""
    return Trade(
        channel=order.channel,
        out_trade_no=order.number,
        state=TradeState.SUCCESS,
        raw_state="SUCCESS",
        payee="1900000109",
        amount_fen=order.amount_fen,
        transaction_id=transaction_id or f"42{order.number}",
        paid_at=at,
    )


def pay(deps: Deps, order: Paid, at: datetime, *, transaction_id: str | None = None) -> bool:
    """Apply that word; True for the call that counts."""
    trade = success(order, at, transaction_id)
    return deps.transact(lambda s: settle.apply_trade(s, order.shop.provider_id, trade, at))


def ask_back(deps: Deps, order: Paid, fen: int, at: datetime) -> int:
    """Hold room for a refund; its id."""

    def unit(session: Any) -> int:
        locked = attempts.lock_order(session, order.shop.provider_id, order.order_id)
        attempt = session.get_one(PayAttempt, (order.shop.provider_id, order.attempt_id))
        return hold(
            session,
            locked,
            attempt,
            fen,
            f"{order.number}R{next(_NUMBERS)}",
            reason="",
            asked_by="test",
            allowed_by="test",
            now=at,
            due_at=at,
        )

    return deps.transact(unit)


def give_back(
    deps: Deps, order: Paid, refund_id: int, at: datetime, state: RefundState = RefundState.SUCCESS
) -> bool:
    """The wallet says what became of the refund; True for the call that counts it."""

    def unit(session: Any) -> bool:
        locked = settling.lock_refund(session, order.shop.provider_id, refund_id)
        word = RefundWord(
            channel=order.channel,
            out_trade_no=order.number,
            out_refund_no=locked[2].out_refund_no,
            state=state,
            raw_state=state.value,
            amount_fen=locked[2].amount_fen,
            succeeded_at=at,
        )
        return settling.apply_refund(session, locked, word, at)

    return deps.transact(unit)


def differences(deps: Deps) -> list[str]:
    return [str(one) for one in deps.transact(totals_check.differences)]
