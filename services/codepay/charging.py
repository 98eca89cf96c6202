"""Charging a payment code: write the intention down, call the wallet once, apply its answer.

A number is charged once, whatever is repeated: the same call again gives the first one's state, and
a call with the number for anything else is refused without touching the first (PAY-6, failures 24).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import AppError, BadInput, GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount, CodePayRequest, TradeState
from gateways.ordering import NONE, Extras
from models.merchant import GrantState
from models.order import AttemptMethod
from services import attempts
from services.accounts import NotConfigured, account_for, app_of, payee_of
from services.attempts import Made, NewOrder
from services.cards.spending import APP, charge_card_code
from services.codepay.codes import CARD, wallet_of
from services.codepay.refusals import ReentryBlocked
from services.codepay.state import Charged, find, read
from services.deps import Deps
from services.merchants.prefixes import allowed
from services.numbers import new_out_trade_no, new_public_id
from services.problems import PayProblem
from services.scan import Scan, scan_store
from services.settle import apply_trade
from services.wallet_errors import end_refused

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a till asks for. `asked_by` is a role and an id, as in the audit; never an openid."""

    provider_id: int
    merchant_id: int
    store_id: int
    amount_fen: int
    auth_code: str
    asked_by: str
    out_trade_no: str | None = None  # the till's own; None: we make one
    description: str = ""  # the payer sees it; the store's name where empty
    terminal_ip: str = "127.0.0.1"
    undiscountable_fen: int | None = None  # Alipay only
    goods_tag: str = ""  # WeChat's coupons; the store's where empty
    extras: Extras = NONE

    def __repr__(self) -> str:
        return f"Charge(store_id={self.store_id}, out_trade_no={self.out_trade_no})"


def charge(deps: Deps, cmd: Charge) -> Charged:
    """Charge a payment code once and tell how it stands.

    Raises CodePayRefused (ReentryBlocked among them), CardRefused, PayProblem, NotConfigured and
    BadInput before anything was sent or charged. A wallet's refusal, silence or request for the
    password is a state, no error.
    """
    channel = wallet_of(cmd.auth_code)
    scan = deps.transact(lambda s: scan_store(s, cmd.provider_id, cmd.store_id, None))
    _check(deps, scan, cmd, channel)
    if channel == CARD:
        return _charge_card(deps, scan, cmd)
    account = _account(deps, scan, channel)
    new = _new_order(deps, scan, cmd, channel, app_of(account), payee_of(account))
    made = _written(deps, new, is_ours=cmd.out_trade_no is None)
    if made is None:
        return _again(deps, new)
    _pay(deps, scan, cmd, account, new, made)
    return read(deps, cmd.provider_id, new.out_trade_no)


def _check(deps: Deps, scan: Scan, cmd: Charge, channel: str) -> None:
    """Opening hours are not asked for: whoever works the till is there."""
    if scan.merchant_id != cmd.merchant_id:
        raise PayProblem("PAY_CODE_UNKNOWN", status=404)
    # Members' balances can be spent where no new money is taken (services/cards/spending.py).
    if not scan.provider_active or not (scan.merchant_active or channel == CARD):
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if not scan.store_active:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)
    if channel == "alipay" and scan.alipay_state not in (GrantState.VALID, GrantState.NONE):
        raise PayProblem("ALIPAY_TOKEN_INVALID", shop=scan.shop, state=scan.alipay_state.value)
    if cmd.out_trade_no is not None and not _NUMBER.fullmatch(cmd.out_trade_no):
        raise BadInput("out_trade_no: 6 to 32 letters, digits or _")
    if cmd.out_trade_no is not None and not cmd.out_trade_no.startswith(allowed(scan)):
        said = " or ".join(allowed(scan))
        raise BadInput(f"out_trade_no: begins with the merchant's prefix {said}")
    most = scan.max_fen(deps.settings.max_payment_fen)
    if not scan.min_fen <= cmd.amount_fen <= most:
        raise BadInput(f"amount_fen: {scan.min_fen} to {most}")
    if not 0 <= (cmd.undiscountable_fen or 0) <= cmd.amount_fen:
        raise BadInput("undiscountable_fen: at most the amount")


def _account(deps: Deps, scan: Scan, channel: str) -> ChannelAccount:
    accounts = deps.accounts_of(scan.provider_id, scan.account_version)
    account = account_for(
        accounts, channel, scan.merchant_id, scan.wechat_sub_mchid, scan.alipay_pid
    )
    if not deps.gateways.codes[channel].is_ready(account):
        raise NotConfigured(channel=channel)
    return account


def _new_order(deps: Deps, scan: Scan, cmd: Charge, channel: str, app: str, payee: str) -> NewOrder:
    now = deps.now()
    number = cmd.out_trade_no or new_out_trade_no(scan.order_prefix, now)
    return NewOrder(
        provider_id=cmd.provider_id,
        out_trade_no=number,
        public_id=new_public_id(),
        intent_key=f"code:{number}",
        merchant_id=cmd.merchant_id,
        store_id=cmd.store_id,
        pay_code_id=None,
        person_id=None,
        channel=channel,
        amount_fen=cmd.amount_fen,
        undiscountable_fen=cmd.undiscountable_fen,
        deposit_fen=None,
        quantity=1,
        remark="",
        app=app,
        payee=payee,
        request={
            "description": (cmd.description or scan.shop)[:100],
            "asked_by": cmd.asked_by,
            # The code itself is never kept; this only tells whether a repeat is the same.
            "code": deps.ring.blind(cmd.auth_code, "auth_code"),
        },
        created_at=now,
        expires_at=now + timedelta(seconds=deps.settings.codepay_expires_s),
        first_question_s=deps.settings.codepay_ask_every_s,
        method=AttemptMethod.CODE,
    )


def _written(deps: Deps, new: NewOrder, *, is_ours: bool) -> Made | None:
    """Write the intention; None when this number is charged already. Only who writes it, calls."""
    try:
        return attempts.insert_order(deps, new)
    except IntegrityError as problem:
        raise _taken(new, is_ours=is_ours) from problem


def _taken(new: NewOrder, *, is_ours: bool) -> AppError:
    """An order that no code pays has the number."""
    return PayProblem("SYS_BUSY", status=503) if is_ours else ReentryBlocked(new.out_trade_no)


def _charge_card(deps: Deps, scan: Scan, cmd: Charge) -> Charged:
    """A member's card: our own ledger is the wallet, and its answer is final at once."""
    new = _new_order(deps, scan, cmd, CARD, APP, scan.out_sub_mch_id)
    try:
        is_new = charge_card_code(deps, new, cmd.auth_code, asked_by=cmd.asked_by)
    except IntegrityError as problem:
        raise _taken(new, is_ours=cmd.out_trade_no is None) from problem
    return read(deps, cmd.provider_id, new.out_trade_no) if is_new else _again(deps, new)


def _again(deps: Deps, new: NewOrder) -> Charged:
    """The same call again: how the first one stands. Anything else about it is refused."""

    def unit(session: Session) -> bool:
        order, attempt = find(session, new.provider_id, new.out_trade_no)
        theirs = (order.merchant_id, order.store_id, attempt.amount_fen)
        ours = (new.merchant_id, new.store_id, new.amount_fen)
        return theirs == ours and attempt.request.get("code") == new.request["code"]

    if not deps.transact(unit):
        raise ReentryBlocked(new.out_trade_no)
    return read(deps, new.provider_id, new.out_trade_no)


def _pay(
    deps: Deps, scan: Scan, cmd: Charge, account: ChannelAccount, new: NewOrder, made: Made
) -> None:
    """Call the wallet, once and never again under this number, and write its answer down."""
    req = _request(deps, scan, cmd, new)
    try:
        trade = deps.gateways.codes[new.channel].pay_code(account, req)
    except GatewayRejected as no:
        code, words = no.upstream_code, no.upstream_message
        deps.transact(
            lambda s: end_refused(s, deps, scan, made.order_id, made.attempt_id, code, words)
        )
    except GatewayUnknown:
        deps.transact(lambda s: _unsure(s, deps, new, made))
    else:
        deps.transact(lambda s: apply_trade(s, new.provider_id, trade, deps.now()))
        if trade.state is TradeState.PAYING:
            attempts.mark_payable(deps, new.provider_id, made.attempt_id, None)


def _request(deps: Deps, scan: Scan, cmd: Charge, new: NewOrder) -> CodePayRequest:
    return CodePayRequest(
        out_trade_no=new.out_trade_no,
        amount_fen=new.amount_fen,
        description=new.request["description"],
        auth_code=cmd.auth_code,
        notify_url=f"{deps.settings.base_url}/notify/{new.channel}/{scan.out_mch_id}",
        expires_at=new.expires_at,
        terminal_ip=cmd.terminal_ip,
        goods_tag=cmd.goods_tag or scan.goods_tag,
        undiscountable_fen=new.undiscountable_fen,
        store_id=scan.out_shop_id,
        extras=cmd.extras,
    )


def _unsure(session: Session, deps: Deps, new: NewOrder, made: Made) -> None:
    """No answer that decides: ask, after the five seconds that WeChat wants (wechat.md A8)."""
    soon = deps.now() + timedelta(seconds=deps.settings.codepay_ask_every_s)
    attempts.lock_order(session, new.provider_id, made.order_id)
    attempts.mark_unknown(session, new.provider_id, made.attempt_id, soon)
