"""Placing such an order: write the intention down, call the wallet, apply its answer.

The same number with the same content may be asked for again, whatever became of the first call: it
is the same attempt, ordered again in the same words. Nothing is ever reversed.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import BadInput, GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount, Prepay, PrepayRequest, WechatAccount
from gateways.ordering import Product
from models.merchant import GrantState
from models.order import AttemptStatus, OrderStatus
from services import attempts, closing
from services.accounts import account_for, app_of, payee_of
from services.api_orders.wanted import (
    PRODUCTS,
    NumberTaken,
    Outcome,
    Over,
    Payable,
    Refusal,
    Wanted,
    lives_until,
)
from services.attempts import NewOrder
from services.checkout import ASK_AGAIN
from services.deps import Deps
from services.merchants.prefixes import allowed
from services.numbers import new_public_id
from services.payers import find_or_make_person
from services.problems import PayProblem
from services.scan import Scan
from services.wallet_errors import end_refused

log = logging.getLogger(__name__)

_NUMBER: Final = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)
_SIGNED_AGAIN: Final = frozenset({Product.JSAPI, Product.APP})  # by a prepay_id that we hold


@dataclass(frozen=True, slots=True)
class _Opened:
    order_id: int
    attempt_id: int
    request: dict[str, Any]
    prepay_id: str | None = None


def place(deps: Deps, scan: Scan, wanted: Wanted) -> Outcome:
    """Order at the wallet. Raises before anything is written: PayProblem, NotConfigured, BadInput,
    NumberTaken. GatewayUnknown: the wallet did not say, the same call may be made again.

    Source: WeChat Pay APIv3 partner orders (wechat.md A5), alipay.trade.create and precreate.
    """
    _check(deps, scan, wanted)
    account = _account(deps, scan, wanted)
    new = _new_order(deps, scan, wanted, account)
    opened = _open(deps, new)
    if isinstance(opened, Over):
        return opened
    return _prepay(deps, scan, wanted, account, opened)


def _check(deps: Deps, scan: Scan, wanted: Wanted) -> None:
    """Opening hours are not asked for: the merchant's own system knows its own."""
    if not scan.provider_active or not scan.merchant_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if not scan.store_active:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)
    is_granted = scan.alipay_state in (GrantState.VALID, GrantState.NONE)
    if wanted.channel == "alipay" and not is_granted:
        raise PayProblem("ALIPAY_TOKEN_INVALID", shop=scan.shop, state=scan.alipay_state.value)
    number = wanted.out_trade_no
    if not _NUMBER.fullmatch(number) or not number.startswith(allowed(scan)):
        raise BadInput("out_trade_no: 6 to 32 letters, digits or _, after the merchant's prefix")
    most = scan.max_fen(deps.settings.max_payment_fen)
    if not scan.min_fen <= wanted.amount_fen <= most:
        raise BadInput(f"amount_fen: {scan.min_fen} to {most}")


def _account(deps: Deps, scan: Scan, wanted: Wanted) -> ChannelAccount:
    accounts = deps.accounts_of(scan.provider_id, scan.account_version)
    account = account_for(
        accounts, wanted.channel, scan.merchant_id, scan.wechat_sub_mchid, scan.alipay_pid
    )
    if isinstance(account, WechatAccount) and wanted.sub_appid not in (None, account.sp_appid):
        return replace(account, sub_appid=wanted.sub_appid)
    return account


def _new_order(deps: Deps, scan: Scan, wanted: Wanted, account: ChannelAccount) -> NewOrder:
    now = deps.now()
    expires_at = lives_until(deps.settings, wanted.expires_at, now)
    return NewOrder(
        provider_id=scan.provider_id,
        out_trade_no=wanted.out_trade_no,
        public_id=new_public_id(),
        intent_key=f"api:{wanted.out_trade_no}",
        merchant_id=scan.merchant_id,
        store_id=scan.store_id,
        pay_code_id=None,
        person_id=_person(deps, scan, wanted, app_of(account)),
        channel=wanted.channel,
        amount_fen=wanted.amount_fen,
        undiscountable_fen=wanted.undiscountable_fen,
        deposit_fen=None,
        quantity=1,
        remark=wanted.remark,
        app=app_of(account),
        payee=payee_of(account),
        request=_request(deps, scan, wanted, expires_at),
        created_at=now,
        expires_at=expires_at,
        first_question_s=deps.settings.query_schedule[0],
        method=wanted.method,
    )


def _person(deps: Deps, scan: Scan, wanted: Wanted, app: str) -> int | None:
    """A payer as the provider's app knows him; another app's openid is not his name here."""
    if not wanted.payer or wanted.is_sub_payer:
        return None
    names = (scan.provider_id, wanted.channel, app, wanted.payer)
    return deps.transact(lambda s: find_or_make_person(s, deps, *names))


def _request(deps: Deps, scan: Scan, wanted: Wanted, expires_at: datetime) -> dict[str, Any]:
    """What would be other words an hour later: kept, so that a repeat is the same."""
    request: dict[str, Any] = {
        "description": (wanted.description or scan.shop)[:128],
        "notify_url": f"{deps.settings.base_url}/notify/{wanted.channel}/{scan.out_mch_id}",
        "expires_at": expires_at.isoformat(),
        "store_id": scan.out_shop_id,
        "asked_by": wanted.asked_by,
    }
    tag = wanted.goods_tag or scan.goods_tag
    return request | ({"goods_tag": tag} if tag else {})


def _open(deps: Deps, new: NewOrder) -> _Opened | Over:
    try:
        made = attempts.insert_order(deps, new)
    except IntegrityError as problem:  # a payment code's, or a page's
        raise NumberTaken(new.out_trade_no) from problem
    if made is not None:
        return _Opened(made.order_id, made.attempt_id, new.request)
    return deps.transact(lambda s: _again(s, new), rerun_if_unknown=True)


def _again(session: Session, new: NewOrder) -> _Opened | Over:
    """The number is known: its one attempt, under the order's lock."""
    order = attempts.lock_order_by_intent(session, new.provider_id, new.intent_key)
    last = attempts.open_attempt(session, order)
    if order.status is OrderStatus.PAID:
        return Over.PAID
    if order.status is OrderStatus.CLOSED or last is None:
        return Over.CLOSED
    ours = (new.merchant_id, new.store_id, new.person_id, new.amount_fen)
    if (order.merchant_id, order.store_id, last.person_id, last.amount_fen) != ours or (
        last.channel, last.method, last.app, last.payee,
    ) != (new.channel, new.method, new.app, new.payee):  # fmt: skip
        raise NumberTaken(new.out_trade_no)
    if last.status is AttemptStatus.CLOSING or order.expires_at <= new.created_at:
        return Over.CLOSING
    return _Opened(order.id, last.id, last.request, last.prepay_id)


def _prepay(
    deps: Deps, scan: Scan, wanted: Wanted, account: ChannelAccount, opened: _Opened
) -> Outcome:
    gateway, product = deps.gateways.pay[wanted.channel], PRODUCTS[wanted.method]
    if opened.prepay_id is not None and product in _SIGNED_AGAIN:
        is_sub = wanted.is_sub_payer
        signed = gateway.bridge(account, opened.prepay_id, product, is_sub_payer=is_sub)
        return Payable(Prepay(opened.prepay_id, bridge=signed))
    try:
        prepay = gateway.prepay(account, _prepay_request(wanted, opened, product))
    except GatewayRejected as no:
        if no.upstream_code in ASK_AGAIN:
            _unsure(deps, scan, opened)
            raise GatewayUnknown(no.upstream_code, upstream_code=no.upstream_code) from no
        return _refused(deps, scan, opened, no)
    except GatewayUnknown:
        _unsure(deps, scan, opened)
        raise
    if attempts.mark_payable(deps, scan.provider_id, opened.attempt_id, prepay.prepay_id):
        return Payable(prepay)
    return _not_payable(deps, scan, opened)


def _prepay_request(wanted: Wanted, opened: _Opened, product: Product) -> PrepayRequest:
    kept = opened.request
    return PrepayRequest(
        out_trade_no=wanted.out_trade_no,
        amount_fen=wanted.amount_fen,
        description=kept["description"],
        notify_url=kept["notify_url"],
        expires_at=datetime.fromisoformat(kept["expires_at"]),
        payer=wanted.payer,
        goods_tag=kept.get("goods_tag"),
        undiscountable_fen=wanted.undiscountable_fen,
        store_id=kept["store_id"],
        product=product,
        is_sub_payer=wanted.is_sub_payer,
        extras=wanted.extras,
    )


def _unsure(deps: Deps, scan: Scan, opened: _Opened) -> None:
    """Nobody holds a way to pay it, so the same request may simply be made again; we ask, too."""
    deps.transact(
        lambda s: attempts.mark_unknown(s, scan.provider_id, opened.attempt_id, deps.now())
    )


def _refused(deps: Deps, scan: Scan, opened: _Opened, no: GatewayRejected) -> Refusal:
    code, words = no.upstream_code, no.upstream_message
    deps.transact(
        lambda s: end_refused(s, deps, scan, opened.order_id, opened.attempt_id, code, words)
    )
    return Refusal(code, words)


def _not_payable(deps: Deps, scan: Scan, opened: _Opened) -> Over:
    """Closed (or paid) while the wallet answered: what it has just made must not stay payable."""
    ended = closing.close_attempt(deps, scan.provider_id, opened.attempt_id, actor="api")
    if ended is AttemptStatus.PAID:
        return Over.PAID
    return Over.CLOSED if ended is AttemptStatus.CLOSED else Over.CLOSING
