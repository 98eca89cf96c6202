"""The one place that makes an order paid: notification, query, expiry and bill all end here."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound, NotifyInvalid
from gateways.base import RefundNotice, Trade, TradeState
from models.event import CaseKind
from models.order import OPEN_ATTEMPTS, AttemptStatus, OrderStatus, PayAttempt, PayOrder
from services import audit
from services.accounts import BOOK, ProviderAccounts, seal_place
from services.cases import open_case
from services.deps import Deps
from services.queue import enqueue
from services.single import Single

log = logging.getLogger(__name__)


def apply_trade(session: Session, provider_id: int, trade: Trade, now: datetime) -> bool:
    """Apply a wallet's word to our order; True only for the call that made it paid.

    The order is locked before its state is read. A word that does not fit (amount, payee, app,
    currency) freezes the order in a case and changes nothing else. Raises NotFound for a number
    that is not ours.
    """
    order, attempt = _lock(session, provider_id, trade)
    is_newly_paid = _apply(session, order, attempt, trade, now)
    session.flush()  # callers read both rows again, which would drop what is not yet written
    return is_newly_paid


def _apply(
    session: Session, order: PayOrder, attempt: PayAttempt, trade: Trade, now: datetime
) -> bool:
    attempt.raw_state = trade.raw_state
    if trade.state is not TradeState.SUCCESS:
        return False
    if attempt.status is AttemptStatus.PAID:
        return False
    if not _fits(attempt, trade):
        _freeze(session, order, attempt, trade, now)
        return False
    was_open = attempt.status in OPEN_ATTEMPTS
    attempt.status, attempt.due_at, attempt.is_unknown = AttemptStatus.PAID, None, False
    attempt.transaction_id = trade.transaction_id
    attempt.paid_at = trade.paid_at or now
    if order.status is OrderStatus.PAID:
        _paid_twice(session, order, attempt, now)
        return False
    _pay(session, order, attempt, now)
    if not was_open:  # it had been closed, so another attempt may be open: end that one at once
        session.flush()
        _hurry_others(session, order, now)
    return True


def _lock(session: Session, provider_id: int, trade: Trade) -> tuple[PayOrder, PayAttempt]:
    """Order first, then attempt; both are read after the lock is held."""
    order = session.scalar(
        select(PayOrder)
        .join(
            PayAttempt,
            (PayAttempt.provider_id == PayOrder.provider_id) & (PayAttempt.order_id == PayOrder.id),
        )
        .where(
            PayAttempt.provider_id == provider_id,
            PayAttempt.channel == trade.channel,
            PayAttempt.out_trade_no == trade.out_trade_no,
        )
        .with_for_update(of=PayOrder)
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise NotFound(trade.out_trade_no)
    attempt = session.execute(
        select(PayAttempt)
        .where(PayAttempt.provider_id == provider_id, PayAttempt.out_trade_no == trade.out_trade_no)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    return order, attempt


def _fits(attempt: PayAttempt, trade: Trade) -> bool:
    return (
        trade.amount_fen == attempt.amount_fen
        and trade.currency == "CNY"
        and trade.payee == attempt.payee
        and trade.app in (None, attempt.app)
    )


def _freeze(
    session: Session, order: PayOrder, attempt: PayAttempt, trade: Trade, now: datetime
) -> None:
    order.is_frozen = True
    attempt.due_at = now  # the wallet is asked: its answer to us is what counts
    kind = (
        CaseKind.AMOUNT_MISMATCH
        if trade.amount_fen != attempt.amount_fen
        else CaseKind.PAYEE_MISMATCH
    )
    facts = {
        "ours": {"amount_fen": attempt.amount_fen, "payee": attempt.payee, "app": attempt.app},
        "theirs": {
            "amount_fen": trade.amount_fen,
            "payee": trade.payee,
            "app": trade.app,
            "currency": trade.currency,
            "transaction_id": trade.transaction_id,
        },
        "at": now.isoformat(),
    }
    open_case(
        session,
        provider_id=order.provider_id,
        kind=kind,
        out_trade_no=attempt.out_trade_no,
        order_id=order.id,
        at=now,
        facts=facts,
    )


def _pay(session: Session, order: PayOrder, attempt: PayAttempt, now: datetime) -> None:
    order.is_late = order.status is OrderStatus.CLOSED
    order.move_to(OrderStatus.PAID)
    order.channel, order.person_id = attempt.channel, attempt.person_id
    order.amount_fen = attempt.amount_fen  # an earlier attempt may have had another amount
    order.close_reason = None
    order.is_unknown = order.is_frozen = False
    order.transaction_id, order.paid_at = attempt.transaction_id, attempt.paid_at
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=f"upstream:{attempt.channel}",
        action="order_paid_late" if order.is_late else "order_paid",
        subject=f"order:{order.out_trade_no}",
        at=now,
        attempt=attempt.out_trade_no,
        transaction_id=attempt.transaction_id,
    )
    enqueue(session, "order_paid", provider_id=order.provider_id, order_id=order.id)
    log.info(
        "order paid",
        extra={"out_trade_no": order.out_trade_no, "channel": attempt.channel},
    )


def _hurry_others(session: Session, order: PayOrder, now: datetime) -> None:
    """A further attempt of a paid order must not stay payable: the sweep closes it upstream."""
    session.execute(
        text(
            "UPDATE pay_attempt SET due_at = :now WHERE provider_id = :p AND order_id = :o"
            " AND status IN ('created', 'payable', 'closing')"
        ),
        {"now": now, "p": order.provider_id, "o": order.id},
    )


def _paid_twice(session: Session, order: PayOrder, attempt: PayAttempt, now: datetime) -> None:
    open_case(
        session,
        provider_id=order.provider_id,
        kind=CaseKind.PAID_TWICE,
        out_trade_no=attempt.out_trade_no,
        order_id=order.id,
        at=now,
        facts={
            "first": order.transaction_id,
            "second": attempt.transaction_id,
            "amount_fen": attempt.amount_fen,
        },
    )


_PROVIDER = Single(text("SELECT id, account_version FROM provider WHERE out_mch_id = :out_mch_id"))


def receive_notify(
    deps: Deps, channel: str, out_mch_id: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Verify, keep and apply one notification. Returning means: answer success.

    Raises NotifyInvalid for what must not be believed (answer 401, nothing was written) and
    NotFound for a genuine word about a number that we do not have (answer 5xx: it is sent again).
    """
    row = _PROVIDER.first(deps, {"out_mch_id": out_mch_id})
    if row is None or channel not in deps.gateways.pay:
        raise NotifyInvalid("no such provider")
    accounts = BOOK.get(deps, row.id, row.account_version)
    word = _verified(deps, accounts, channel, headers, body)
    if word.out_trade_no and _KNOWN.first(deps, {"p": row.id, "n": word.out_trade_no}) is None:
        _refuse_foreign(deps, row.id, word)
    deps.transact(lambda s: _keep_and_apply(s, deps, row.id, channel, headers, body, word))


def _verified(
    deps: Deps,
    accounts: ProviderAccounts,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Trade | RefundNotice:
    """Try the newest credentials, then those that are being replaced."""
    gateway = deps.gateways.pay[channel]
    candidates: tuple[Any, ...] = accounts.wechat if channel == "wechat" else accounts.alipay
    problem: NotifyInvalid | None = None
    for account in candidates:
        try:
            return gateway.parse_notify(account, headers, body, deps.now())
        except NotifyInvalid as invalid:
            problem = problem or invalid
    raise problem or NotifyInvalid("the provider has no such wallet")


_KNOWN = Single(
    text("SELECT 1 AS is_known FROM pay_attempt WHERE provider_id = :p AND out_trade_no = :n")
)


def _refuse_foreign(deps: Deps, provider_id: int, word: Trade | RefundNotice) -> NoReturn:
    """A genuine word about a number that we never wrote down: a case, and no acknowledgement."""
    deps.transact(
        lambda s: open_case(
            s,
            provider_id=provider_id,
            kind=CaseKind.UNKNOWN_TRADE,
            out_trade_no=word.out_trade_no[:64],
            order_id=None,
            at=deps.now(),
            facts={"channel": word.channel, "state": word.raw_state},
        )
    )
    raise NotFound(word.out_trade_no)


def _keep_and_apply(
    session: Session,
    deps: Deps,
    provider_id: int,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
    word: Trade | RefundNotice,
) -> None:
    now = deps.now()
    if not _keep_event(session, deps, provider_id, channel, headers, body, word, now):
        return
    trade = word.trade if isinstance(word, RefundNotice) else word
    if trade is not None:
        apply_trade(session, provider_id, trade, now)
    if isinstance(word, RefundNotice):
        # Refunds are not this road's to apply: what came is kept for those who are.
        open_case(
            session,
            provider_id=provider_id,
            kind=CaseKind.REFUND_NOTICE,
            out_trade_no=word.out_trade_no,
            order_id=None,
            at=now,
            facts={"out_refund_no": word.out_refund_no, "state": word.raw_state},
        )


_KEEP = text("""
INSERT INTO upstream_event
    (provider_id, channel, kind, dedupe_key, body_hash, out_trade_no, sealed, received_at)
VALUES (:provider_id, :channel, :kind, :dedupe_key, :body_hash, :out_trade_no, :sealed, :now)
ON CONFLICT (provider_id, channel, dedupe_key) DO NOTHING RETURNING id
""")


def _keep_event(
    session: Session,
    deps: Deps,
    provider_id: int,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
    word: Trade | RefundNotice,
    now: datetime,
) -> bool:
    """False for a byte-equal repeat. The same nonce with another body is refused (failures 10)."""
    body_hash = hashlib.sha256(body).hexdigest()
    nonce = next((v for k, v in headers.items() if k.lower() == "wechatpay-nonce"), None)
    key = f"nonce:{nonce}"[:80] if nonce else f"body:{body_hash}"
    kept = session.scalar(
        _KEEP,
        {
            "provider_id": provider_id,
            "channel": channel,
            "kind": "refund" if isinstance(word, RefundNotice) else "trade",
            "dedupe_key": key,
            "body_hash": body_hash,
            "out_trade_no": word.out_trade_no[:64],
            "sealed": deps.ring.seal(
                body.decode("utf-8", "replace"),
                seal_place("upstream_event", "sealed", f"{provider_id}:{channel}:{key}"),
            ),
            "now": now,
        },
    )
    if kept is not None:
        return True
    same = session.scalar(
        text(
            "SELECT body_hash FROM upstream_event WHERE provider_id = :p AND channel = :c"
            " AND dedupe_key = :k"
        ),
        {"p": provider_id, "c": channel, "k": key},
    )
    if same != body_hash:
        raise NotifyInvalid("nonce seen with another body")
    return False
