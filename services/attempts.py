"""The rows of orders and attempts: every statement that opens, marks or finds them.

The two statements of an ordinary payment are written by hand: each is one round trip, and the
second does not wait for the disk. Losing it in a crash loses nothing: the intention is durable,
and the same request may be sent to the wallet again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.order import (
    OPEN_ATTEMPTS,
    AttemptMethod,
    AttemptStatus,
    OrderPurpose,
    OrderStatus,
    PayAttempt,
    PayOrder,
)
from services.deps import Deps
from services.restored import current_mark
from services.single import Single


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order and its first attempt, as columns."""

    provider_id: int
    out_trade_no: str
    public_id: str
    intent_key: str
    merchant_id: int
    store_id: int
    pay_code_id: int | None
    person_id: int | None  # None: whoever shows the payment code
    channel: str
    amount_fen: int
    undiscountable_fen: int | None
    deposit_fen: int | None
    quantity: int
    remark: str
    app: str
    payee: str
    request: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    first_question_s: int
    method: AttemptMethod = AttemptMethod.JSAPI
    purpose: OrderPurpose = OrderPurpose.SALE
    staff_id: int | None = None  # whose pay code it is


_COLUMNS = tuple(field.name for field in fields(NewOrder))


@dataclass(frozen=True, slots=True)
class Made:
    order_id: int
    attempt_id: int


_INSERT_SQL = text("""
WITH o AS (
    INSERT INTO pay_order (provider_id, out_trade_no, public_id, intent_key, merchant_id, store_id,
        pay_code_id, staff_id, person_id, channel, purpose, status, amount_fen, undiscountable_fen,
        deposit_fen, quantity, refunded_fen, remark, is_unknown, is_late, is_frozen, created_at,
        expires_at)
    VALUES (:provider_id, :out_trade_no, :public_id, :intent_key, :merchant_id, :store_id,
        :pay_code_id, :staff_id, :person_id, :channel, :purpose, 'created', :amount_fen,
        :undiscountable_fen, :deposit_fen, :quantity, 0, :remark, false, false, false, :created_at,
        :expires_at)
    ON CONFLICT (provider_id, intent_key) DO NOTHING RETURNING id
)
INSERT INTO pay_attempt (provider_id, order_id, out_trade_no, channel, method, app, payee,
    person_id, amount_fen, status, is_unknown, request, polls, due_at, created_at, expires_at)
SELECT :provider_id, o.id, :out_trade_no, :channel, :method, :app, :payee, :person_id, :amount_fen,
    'created', false, CAST(:request AS jsonb), 0, :due_at, :created_at, :expires_at
FROM o RETURNING order_id, id
""")
_INSERT = Single(_INSERT_SQL)


def insert_order(deps: Deps, new: NewOrder) -> Made | None:
    """Write order and first attempt; None when this intention has an order already."""
    row = _INSERT.first(deps, _values(new))
    return None if row is None else Made(row.order_id, row.id)


def insert_in(session: Session, new: NewOrder) -> Made | None:
    """`insert_order` within the caller's transaction: what must stand with the order joins it."""
    row = session.execute(_INSERT_SQL, _values(new)).first()
    return None if row is None else Made(row.order_id, row.id)


def _values(new: NewOrder) -> dict[str, Any]:
    values = {name: getattr(new, name) for name in _COLUMNS}
    values["request"] = json.dumps(new.request, ensure_ascii=False)
    values["method"], values["purpose"] = new.method.value, new.purpose.value
    values["due_at"] = new.created_at + timedelta(seconds=new.first_question_s)
    return values


_PAYABLE = Single(
    text("""
WITH fast AS (SELECT set_config('synchronous_commit', 'off', true) AS v),
a AS (
    UPDATE pay_attempt SET status = 'payable', prepay_id = :prepay_id, is_unknown = false
    WHERE provider_id = :provider_id AND id = :attempt_id AND status IN ('created', 'payable')
    RETURNING order_id
)
UPDATE pay_order o SET status = 'paying', is_unknown = false FROM a, fast
WHERE o.provider_id = :provider_id AND o.id = a.order_id AND o.status IN ('created', 'paying')
    AND fast.v IS NOT NULL RETURNING o.id
""")
)


def mark_payable(deps: Deps, provider_id: int, attempt_id: int, prepay_id: str | None) -> bool:
    """The wallet took the order: it can be paid now. A trade that is already paid stays so.

    False when it may not be offered any more: it was paid or closed while the wallet answered.
    """
    keys = {"provider_id": provider_id, "attempt_id": attempt_id, "prepay_id": prepay_id}
    return _PAYABLE.first(deps, keys) is not None


def mark_unknown(session: Session, provider_id: int, attempt_id: int, now: datetime) -> None:
    """The wallet did not answer: a state of its own, to be asked about at once."""
    session.execute(
        text("""
        WITH a AS (
            UPDATE pay_attempt SET is_unknown = true, due_at = :now
            WHERE provider_id = :provider_id AND id = :attempt_id
                AND status IN ('created', 'payable', 'closing') RETURNING order_id
        )
        UPDATE pay_order o SET is_unknown = true,
            status = CASE WHEN o.status = 'created' THEN 'paying' ELSE o.status END
        FROM a WHERE o.provider_id = :provider_id AND o.id = a.order_id
            AND o.status IN ('created', 'paying')
        """),
        {"provider_id": provider_id, "attempt_id": attempt_id, "now": now},
    )


def mark_rejected(
    session: Session, provider_id: int, attempt_id: int, code: str, message: str, now: datetime
) -> None:
    """The wallet refused: nothing can be paid through this attempt, another may be made."""
    session.execute(
        text("""
        WITH a AS (
            UPDATE pay_attempt SET status = 'rejected', is_unknown = false, due_at = NULL,
                raw_state = :code, closed_at = :now
            WHERE provider_id = :provider_id AND id = :attempt_id AND status = 'created'
            RETURNING order_id
        )
        UPDATE pay_order o SET reject_code = :code, reject_message = :message, is_unknown = false
        FROM a WHERE o.provider_id = :provider_id AND o.id = a.order_id
        """),
        {
            "provider_id": provider_id,
            "attempt_id": attempt_id,
            "code": code[:32],
            "message": message[:256],
            "now": now,
        },
    )


def lock_order_by_intent(session: Session, provider_id: int, intent_key: str) -> PayOrder:
    return session.execute(
        select(PayOrder)
        .where(PayOrder.provider_id == provider_id, PayOrder.intent_key == intent_key)
        .with_for_update()
    ).scalar_one()


def lock_order(session: Session, provider_id: int, order_id: int) -> PayOrder:
    return session.execute(
        select(PayOrder)
        .where(PayOrder.provider_id == provider_id, PayOrder.id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def open_attempt(session: Session, order: PayOrder) -> PayAttempt | None:
    """The order's one attempt that may still be paid. Call under the order's lock."""
    return session.scalar(
        select(PayAttempt).where(
            PayAttempt.provider_id == order.provider_id,
            PayAttempt.order_id == order.id,
            PayAttempt.status.in_(OPEN_ATTEMPTS),
        )
    )


def count(session: Session, order: PayOrder) -> int:
    """How many attempts the order has had."""
    made = session.scalar(
        text("SELECT count(*) FROM pay_attempt WHERE provider_id = :p AND order_id = :o"),
        {"p": order.provider_id, "o": order.id},
    )
    return int(made or 0)


def next_number(session: Session, order: PayOrder) -> str:
    """The first attempt has the order's number; the nth has `_n` behind it, at most 32 long.

    After a restored backup its mark follows: `_n` alone may have been used before.
    """
    suffix = f"_{count(session, order) + 1}{current_mark(session)}"
    own = order.out_trade_no
    if len(own) + len(suffix) > 32:  # a caller's long number: two alike at the front stay apart
        own = own[: min(18, 22 - len(suffix))] + hashlib.sha256(own.encode()).hexdigest()[:10]
    return own + suffix


def add_attempt(
    session: Session, order: PayOrder, new: NewOrder, number: str, request: dict[str, Any]
) -> int:
    """A further attempt; the order takes over its wallet, payer and amount."""
    order.channel, order.person_id = new.channel, new.person_id
    order.amount_fen, order.undiscountable_fen = new.amount_fen, new.undiscountable_fen
    order.deposit_fen, order.quantity, order.remark = new.deposit_fen, new.quantity, new.remark
    order.reject_code = order.reject_message = None
    order.is_unknown = False
    attempt = PayAttempt(
        provider_id=order.provider_id,
        order_id=order.id,
        out_trade_no=number,
        channel=new.channel,
        app=new.app,
        payee=new.payee,
        person_id=new.person_id,
        amount_fen=new.amount_fen,
        status=AttemptStatus.CREATED,
        request=request,
        due_at=new.created_at + timedelta(seconds=new.first_question_s),
        created_at=new.created_at,
        expires_at=order.expires_at,
    )
    if order.status is OrderStatus.CREATED:
        order.move_to(OrderStatus.PAYING)
    session.add(attempt)
    session.flush()
    return attempt.id
