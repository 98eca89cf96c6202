"""The books' facts for one callback, as they are at the moment of sending."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.callback import Callback, CallbackEvent
from models.cloudpay import CpayCall
from models.merchant import Merchant, Store
from models.order import AttemptMethod, AttemptStatus, PayAttempt, PayOrder
from models.paycode import PayCode, PayCodeKind
from models.person import Person
from models.provider import Provider
from models.refund import Refund, RefundStatus
from services.accounts import seal_place
from services.callbacks.envelope import (
    OrderFacts,
    Party,
    RefundFacts,
    pay_content,
    refund_content,
)
from services.callbacks.origin import OURS, Origin, body
from services.cards.spent import spend_of
from services.deps import Deps
from services.orders import state_of

# Cloud Pay's source_type; 0 is a till, 6 a one-off link.
SOURCES = {
    PayCodeKind.STORE: 1,
    PayCodeKind.STAFF: 2,
    PayCodeKind.BLANK: 3,
    PayCodeKind.FIXED: 4,
}
TILL, ONE_OFF = 0, 6


def content_of(session: Session, deps: Deps, row: Callback, nonce: str) -> dict[str, Any]:
    """The content to seal. Reads only; every row is the callback's own provider's."""
    order = session.get_one(PayOrder, (row.provider_id, row.order_id))
    attempt = _paid_attempt(session, order)
    code = (
        session.get(PayCode, (order.provider_id, order.pay_code_id)) if order.pay_code_id else None
    )
    party, facts = _party(session, deps, order, attempt), _facts(session, order, attempt, code)
    if row.event is CallbackEvent.PAY_SUCCESS:
        return pay_content(party, facts, code.code if code else "", nonce)
    refund = session.get_one(Refund, (row.provider_id, row.refund_id))
    asked = _call(session, order, "refund", refund.out_refund_no, refund.created_at)
    told = _refund(refund, asked.nonce_str if asked else "")
    return refund_content(party, facts, [told], nonce)


def _call(
    session: Session, order: PayOrder, kind: str, number: str, made_at: datetime
) -> CpayCall | None:
    """The call of the merchant's own system that asked for it, if one did; a later one was refused
    because the number was taken."""
    return session.scalar(
        select(CpayCall).where(
            CpayCall.provider_id == order.provider_id,
            CpayCall.merchant_id == order.merchant_id,
            CpayCall.kind == kind,
            CpayCall.number == number,
            CpayCall.created_at <= made_at,
        )
    )


def _paid_attempt(session: Session, order: PayOrder) -> PayAttempt:
    """The trade that paid the order, not one that paid it a second time."""
    return session.execute(
        select(PayAttempt)
        .where(
            PayAttempt.provider_id == order.provider_id,
            PayAttempt.order_id == order.id,
            PayAttempt.transaction_id == order.transaction_id,
            PayAttempt.status == AttemptStatus.PAID,
        )
        .order_by(PayAttempt.id)
        .limit(1)
    ).scalar_one()


def _party(session: Session, deps: Deps, order: PayOrder, attempt: PayAttempt) -> Party:
    provider = session.get_one(Provider, order.provider_id)
    merchant = session.get_one(Merchant, (order.provider_id, order.merchant_id))
    store = session.get_one(Store, (order.provider_id, order.store_id))
    payer = None
    paid = spend_of(session, order) if attempt.channel == "balance" else None
    if attempt.person_id is not None and paid is None:
        person = session.get_one(Person, (order.provider_id, attempt.person_id))
        if person.sealed is not None:
            place = seal_place("person", "sealed", f"{person.provider_id}:{person.subject_hash}")
            payer = deps.ring.open(person.sealed, place)
    return Party(
        channel=attempt.channel,
        out_mch_id=provider.out_mch_id,
        out_sub_mch_id=merchant.out_sub_mch_id,
        out_shop_id=store.out_shop_id,
        app=attempt.app,
        payer=payer,
        card_number=paid[1] if paid else None,
    )


def _facts(
    session: Session, order: PayOrder, attempt: PayAttempt, code: PayCode | None
) -> OrderFacts:
    is_scanned = attempt.method is AttemptMethod.CODE
    asked = _call(session, order, "pay", order.out_trade_no, order.created_at)
    origin = Origin(asked.trade_type, asked.nonce_str, asked.asked) if asked else OURS
    is_till = is_scanned or asked is not None
    source = TILL if is_till else SOURCES[code.kind] if code else ONE_OFF
    refunded_at = session.scalar(
        select(func.max(Refund.succeeded_at)).where(
            Refund.provider_id == order.provider_id,
            Refund.order_id == order.id,
            Refund.status == RefundStatus.SUCCESS,
        )
    )
    paid_at = order.paid_at or order.created_at
    return OrderFacts(
        out_trade_no=order.out_trade_no,
        state=state_of(order),
        is_scanned=is_scanned,
        source_type=source,
        amount_fen=order.amount_fen,
        refunded_fen=order.refunded_fen,
        transaction_id=order.transaction_id,
        body=body(origin) or str(attempt.request.get("description", "")),
        remark=order.remark,
        created_at=order.created_at,
        expires_at=order.expires_at,
        paid_at=order.paid_at,
        changed_at=max(paid_at, refunded_at or paid_at),
        origin=origin,
        is_deposit=attempt.method is AttemptMethod.DEPOSIT,
    )


def _refund(refund: Refund, nonce: str) -> RefundFacts:
    return RefundFacts(
        out_refund_no=refund.out_refund_no,
        refund_id=refund.refund_id,
        state=refund.status.value,
        amount_fen=refund.amount_fen,
        reason=refund.reason,
        created_at=refund.created_at,
        changed_at=refund.succeeded_at or refund.created_at,
        succeeded_at=refund.succeeded_at,
        nonce=nonce,
        funds_account=refund.funds_account,
    )
