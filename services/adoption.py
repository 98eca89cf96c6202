"""Payments that we have no row of, because a backup was restored: the wallet's word brings them
back.

Nothing is adopted on the word of a bill, a log or a notification alone: the wallet is asked for
the very number, under the account of the merchant whose prefix begins it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateways.base import ChannelAccount, Trade, TradeState
from models.event import CaseKind
from models.merchant import Merchant, Store
from models.order import AttemptStatus, OrderStatus, PayAttempt, PayOrder
from models.provider import Provider
from services import attempts, audit
from services.accounts import NotConfigured, account_for, app_of, payee_of
from services.cards import lost_recharges
from services.cases import end_case
from services.deps import Deps
from services.merchants.prefixes import begins
from services.numbers import new_public_id
from services.settle import apply_trade

log = logging.getLogger(__name__)

MOST_FEN = 2_147_483_647
_NTH = re.compile(r"(.+)_([1-9][0-9]?)([a-z]{3})?")
_OWN = re.compile(r"[0-9]{18}")  # what follows the prefix in a number of our own making


@dataclass(frozen=True, slots=True)
class Adopted:
    """The attempt that has the number now; `is_new` only for the call that wrote it."""

    provider_id: int
    order_id: int
    attempt_id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Home:
    """Whose trade it would be, and the account to ask under."""

    provider_id: int
    merchant_id: int
    order_prefix: str
    store_id: int
    account: ChannelAccount

    def after_prefix(self, number: str) -> str:
        """What follows where the number may be of our own making: those begin with the first."""
        return number[len(self.order_prefix) :] if number.startswith(self.order_prefix) else ""


def adopt(
    deps: Deps, provider_id: int, channel: str, out_trade_no: str, payee: str | None, actor: str
) -> Adopted | None:
    """Write down a paid trade that we do not know, if the wallet confirms it; else None.

    `payee` is the sub_mchid or PID that the source of the number names; None where it names none.
    A number that we have gives its attempt, and nothing is asked or changed. Several calls at once
    write one order. None: no merchant of that prefix and payee, not paid, or not as was said.
    Raises GatewayUnknown and GatewayRejected where the wallet does not say: nothing is written.
    """
    found = deps.transact(lambda s: _known(s, provider_id, out_trade_no))
    if found is not None:
        return _as_known(found, channel)
    home = find_home(deps, provider_id, channel, out_trade_no, payee)
    if home is None:
        return None
    trade = deps.gateways.pay[channel].query(home.account, out_trade_no)
    if not _is_ours(trade, home, out_trade_no):
        log.warning("not adopted", extra={"out_trade_no": out_trade_no, "why": trade.raw_state})
        return None
    return deps.transact(lambda s: _write(s, deps, home, trade, actor), rerun_if_unknown=True)


def _known(session: Session, provider_id: int, out_trade_no: str) -> PayAttempt | None:
    return session.scalar(
        select(PayAttempt).where(
            PayAttempt.provider_id == provider_id, PayAttempt.out_trade_no == out_trade_no
        )
    )


def _as_known(attempt: PayAttempt, channel: str) -> Adopted | None:
    """None where our number is another wallet's: that trade is not the one we mean."""
    if attempt.channel != channel:
        return None
    return Adopted(attempt.provider_id, attempt.order_id, attempt.id, is_new=False)


def find_home(
    deps: Deps, provider_id: int, channel: str, out_trade_no: str, payee: str | None
) -> Home | None:
    """The merchant whose prefix begins the number (the longest one) and who is the payee; with a
    store: the payee's own, or the merchant's first."""

    def unit(session: Session) -> tuple[int, list[tuple[Merchant, int, int | None]]]:
        version = session.get_one(Provider, provider_id).account_version
        rows = session.execute(
            select(Merchant, func.min(Store.id))
            .join(
                Store,
                (Store.provider_id == Merchant.provider_id) & (Store.merchant_id == Merchant.id),
            )
            .where(Merchant.provider_id == provider_id, begins(out_trade_no))
            .group_by(Merchant.provider_id, Merchant.id)
            .order_by(func.length(Merchant.order_prefix).desc(), Merchant.id)
        )
        return version, [
            (merchant, int(store), _store_of(session, merchant, channel, payee))
            for merchant, store in rows.all()
        ]

    version, candidates = deps.transact(unit)
    accounts = deps.accounts_of(provider_id, version) if candidates else None
    for merchant, store_id, own_store in candidates:
        assert accounts is not None
        number = payee if own_store is not None else merchant.wechat_sub_mchid
        try:
            account = account_for(accounts, channel, merchant.id, number, payee)
            is_payee = payee in (None, payee_of(account))
        except NotConfigured:
            continue
        if is_payee:
            store = own_store or store_id
            return Home(provider_id, merchant.id, merchant.order_prefix, store, account)
    return None


def _store_of(session: Session, merchant: Merchant, channel: str, payee: str | None) -> int | None:
    """The store whose own account the payee is, where a store has any (product MCH-11)."""
    own = Store.wechat_sub_mchid if channel == "wechat" else Store.alipay_pid
    if payee is None:
        return None
    return session.scalar(
        select(func.min(Store.id)).where(
            Store.provider_id == merchant.provider_id,
            Store.merchant_id == merchant.id,
            own == payee,
        )
    )


def _is_ours(trade: Trade, home: Home, out_trade_no: str) -> bool:
    return (
        trade.state is TradeState.SUCCESS
        and trade.out_trade_no == out_trade_no
        and trade.payee == payee_of(home.account)
        and trade.app in (None, app_of(home.account))
        and trade.currency == "CNY"
        and 1 <= (trade.amount_fen or 0) <= MOST_FEN
    )


def _write(session: Session, deps: Deps, home: Home, trade: Trade, actor: str) -> Adopted | None:
    """The order if it is missing, the attempt, and what the wallet said of it: all or nothing."""
    now = deps.now()
    order, is_new = _order_of(session, home, trade, now)
    made = session.scalar(
        insert(PayAttempt)
        .values(_attempt_values(home, order.id, trade, now))
        .on_conflict_do_nothing(index_elements=["provider_id", "out_trade_no"])
        .returning(PayAttempt.id)
    )
    if made is None:  # somebody else has just adopted it
        found = _known(session, home.provider_id, trade.out_trade_no)
        assert found is not None, "a number that is taken and is not there"
        return _as_known(found, trade.channel)
    is_recharge = lost_recharges.is_number(home.after_prefix(order.out_trade_no))
    is_lost = is_new and is_recharge and not lost_recharges.adopt_in(session, deps, order, trade)
    apply_trade(session, home.provider_id, trade, now)
    end_case(session, home.provider_id, CaseKind.UNKNOWN_TRADE, trade.out_trade_no[:64], now)
    if is_lost:
        lost_recharges.tell_in(session, order, now)
    audit.record(
        session,
        provider_id=home.provider_id,
        actor=actor,
        action="order_adopted",
        subject=f"order:{order.out_trade_no}",
        at=now,
        attempt=trade.out_trade_no,
        amount_fen=trade.amount_fen,
        transaction_id=trade.transaction_id,
    )
    log.warning("order adopted", extra={"out_trade_no": trade.out_trade_no})
    return Adopted(home.provider_id, order.id, made, is_new=True)


def _order_of(session: Session, home: Home, trade: Trade, now: datetime) -> tuple[PayOrder, bool]:
    """The order of this trade, locked: the one it is a further attempt of, or one made for it.

    True where it was made by this call.
    """
    number, is_own = _order_number(session, home, trade.out_trade_no)
    made = session.scalar(
        insert(PayOrder)
        .values(_order_values(home, number, is_own, trade, now))
        .on_conflict_do_nothing()  # whoever is faster takes the number or the intention first
        .returning(PayOrder.id)
    )
    found = session.execute(
        select(PayOrder.id).where(
            PayOrder.provider_id == home.provider_id, PayOrder.out_trade_no == number
        )
    ).scalar_one()
    return attempts.lock_order(session, home.provider_id, found), made is not None


def _order_number(session: Session, home: Home, number: str) -> tuple[str, bool]:
    """(the order's number, whether it is of our own making) for an attempt's number.

    `X_2` is the second attempt of X where X is a number of ours, or the number that X's next
    attempt would have had; else it is a caller's own number.
    """
    nth = _NTH.fullmatch(number)
    stem = nth[1] if nth else number
    after_prefix = home.after_prefix(stem)
    if _OWN.fullmatch(after_prefix) or lost_recharges.is_number(after_prefix):
        return stem, True
    if nth is None:
        return number, False
    parent = session.scalar(
        select(PayOrder).where(
            PayOrder.provider_id == home.provider_id,
            PayOrder.merchant_id == home.merchant_id,
            PayOrder.out_trade_no == stem,
            PayOrder.status != OrderStatus.PAID,
        )
    )
    if parent is not None and int(nth[2]) == attempts.count(session, parent) + 1:
        return stem, False
    return number, False


def _order_values(
    home: Home, number: str, is_own: bool, trade: Trade, now: datetime
) -> dict[str, object]:
    """A one-off number keeps its intention, so that its link shows it as paid."""
    at = trade.paid_at or now
    intent = f"adopted:{number}" if is_own else f"d{home.merchant_id}:{number}"
    return {
        "provider_id": home.provider_id,
        "out_trade_no": number,
        "public_id": new_public_id(),
        "intent_key": intent,
        "merchant_id": home.merchant_id,
        "store_id": home.store_id,
        "channel": trade.channel,
        "status": OrderStatus.PAYING,
        "amount_fen": trade.amount_fen,
        "created_at": at,
        "expires_at": at,
    }


def _attempt_values(home: Home, order_id: int, trade: Trade, now: datetime) -> dict[str, object]:
    """Closed until `apply_trade` says otherwise: it takes no place from an attempt that is open."""
    at = trade.paid_at or now
    return {
        "provider_id": home.provider_id,
        "order_id": order_id,
        "out_trade_no": trade.out_trade_no,
        "channel": trade.channel,
        "app": app_of(home.account),
        "payee": payee_of(home.account),
        "amount_fen": trade.amount_fen,
        "status": AttemptStatus.CLOSED,
        "request": {},
        "created_at": at,
        "expires_at": at,
        "closed_at": now,
    }
