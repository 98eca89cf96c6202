"""From a pressed key to a wallet's sheet: write the intention down, call, apply the answer.

One order per intention and at most one payable attempt of it, whatever is tapped, refreshed or
scanned twice. Another wallet, payer or amount closes the last attempt upstream first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount, Prepay, PrepayRequest
from models.order import AttemptStatus, OrderPurpose, OrderStatus, PayAttempt, PayOrder
from services import attempts, closing
from services.accounts import account_for, app_of, payee_of
from services.attempts import Made, NewOrder
from services.deps import Deps
from services.numbers import new_out_trade_no, new_public_id
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan
from services.wallet_errors import after_rejection

log = logging.getLogger(__name__)

# The wallet says that it knows this number already: only asking tells what became of it.
ASK_AGAIN = frozenset(
    {
        "OUT_TRADE_NO_USED",
        "ORDERPAID",
        "ORDER_CLOSED",
        "ACQ.TRADE_HAS_SUCCESS",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.CONTEXT_INCONSISTENT",
    }
)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the payer asked for, parsed and within limits. Amounts are fen."""

    amount_fen: int
    undiscountable_fen: int | None = None
    deposit_fen: int | None = None
    quantity: int = 1
    remark: str = ""


class Beside(Protocol):
    """What an order is for where it is no sale: it stands beside each attempt, written with it."""

    @property
    def purpose(self) -> OrderPurpose: ...

    @property
    def mark(self) -> str:
        """Ends the order's number, so that a payment tells what it was for, come what may."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kept with the attempt; another value is another attempt. No wallet is told."""

    def write(self, session: Session, order_id: int) -> None:
        """Called under the order's lock; what it raises undoes the attempt."""

    def check(self, session: Session, order: PayOrder) -> None:
        """Raises where the order that the intention has is another's."""


@dataclass(frozen=True, slots=True)
class Started:
    """What the page does next: call the bridge, leave for the wallet, or look at the result."""

    public_id: str
    bridge: Mapping[str, Any] | None = None
    redirect: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The attempt that this submission may pay; `prepay_id` when the wallet has it already."""

    order_id: int
    attempt_id: int
    out_trade_no: str
    public_id: str
    request: dict[str, Any]
    amount_fen: int
    prepay_id: str | None = None


@dataclass(frozen=True, slots=True)
class MustClose:
    """Another attempt of the same order stands in the way."""

    attempt_id: int
    public_id: str


def start_payment(
    deps: Deps,
    scan: Scan,
    payer: Payer,
    purchase: Purchase,
    *,
    intent_key: str,
    expires_at: datetime,
    trade_no: str | None = None,
    beside: Beside | None = None,
) -> Started:
    """Open (or find) the order of this intention and get what the payer's page needs.

    A second call with the same intention and amount gives the same attempt again. Raises PayProblem
    when the order is over or the wallet refuses; GatewayUnknown when the wallet did not answer: the
    same call may be made again. Source: WeChat Pay APIv3 partner JSAPI, alipay.trade.create.
    """
    accounts = deps.accounts_of(scan.provider_id, scan.account_version)
    account = account_for(
        accounts, payer.channel, scan.merchant_id, scan.wechat_sub_mchid, scan.alipay_pid
    )
    for _ in range(3):
        found = _open(
            deps, scan, payer, purchase, account, intent_key, expires_at, trade_no, beside
        )
        if isinstance(found, Started):
            return found
        if isinstance(found, Opened):
            return _prepay(deps, scan, payer, account, found)
        ended = closing.close_attempt(deps, scan.provider_id, found.attempt_id, actor="payer")
        if ended is AttemptStatus.PAID:
            return Started(found.public_id)
        if ended is not AttemptStatus.CLOSED:
            facts = {"public_id": found.public_id, "out_mch_id": scan.out_mch_id}
            raise PayProblem("PAY_PENDING", status=409, **facts)
    raise PayProblem("SYS_BUSY", status=503)


def _open(
    deps: Deps,
    scan: Scan,
    payer: Payer,
    purchase: Purchase,
    account: ChannelAccount,
    intent_key: str,
    expires_at: datetime,
    trade_no: str | None,
    beside: Beside | None,
) -> Opened | MustClose | Started:
    def unit() -> Opened | MustClose | Started:
        now = deps.now()
        mark = "" if beside is None else beside.mark
        number = trade_no or new_out_trade_no(scan.order_prefix, now) + mark
        new = NewOrder(
            provider_id=scan.provider_id,
            out_trade_no=number,
            public_id=new_public_id(),
            intent_key=intent_key,
            merchant_id=scan.merchant_id,
            store_id=scan.store_id,
            pay_code_id=scan.code_id,
            staff_id=scan.staff_id,
            person_id=payer.person_id,
            channel=payer.channel,
            amount_fen=purchase.amount_fen,
            undiscountable_fen=purchase.undiscountable_fen,
            deposit_fen=purchase.deposit_fen,
            quantity=purchase.quantity,
            remark=purchase.remark,
            app=app_of(account),
            payee=payee_of(account),
            request=_request(deps, scan, payer, purchase, expires_at, beside),
            created_at=now,
            expires_at=expires_at,
            first_question_s=deps.settings.query_schedule[0],
            purpose=OrderPurpose.SALE if beside is None else beside.purpose,
        )
        made = _written(deps, new, beside)
        if made is not None:
            return Opened(
                made.order_id, made.attempt_id, number, new.public_id, new.request,
                purchase.amount_fen,
            )  # fmt: skip
        return deps.transact(lambda s: _continue(deps, s, new, beside), rerun_if_unknown=True)

    try:
        return unit()
    except IntegrityError as problem:  # the random number was taken: the next one will not be
        log.info("order number taken", extra={"constraint": _constraint(problem)})
        if trade_no is not None:
            raise PayProblem("ORDER_CONFLICT", trade_num=trade_no) from problem
        return unit()


def _written(deps: Deps, new: NewOrder, beside: Beside | None) -> Made | None:
    """A sale is one statement; whatever stands beside an order is written in one transaction."""
    if beside is None:
        return attempts.insert_order(deps, new)

    def unit(session: Session) -> Made | None:
        made = attempts.insert_in(session, new)
        if made is not None:
            beside.write(session, made.order_id)
        return made

    return deps.transact(unit, rerun_if_unknown=True)


def _constraint(problem: IntegrityError) -> str:
    diagnosis = getattr(problem.orig, "diag", None)
    return str(getattr(diagnosis, "constraint_name", ""))


def _continue(
    deps: Deps, session: Session, new: NewOrder, beside: Beside | None
) -> Opened | MustClose | Started:
    """The intention is known: find its one open attempt, under the order's lock."""
    order = attempts.lock_order_by_intent(session, new.provider_id, new.intent_key)
    if order.purpose is not new.purpose:
        raise PayProblem("ORDER_CONFLICT", trade_num=order.out_trade_no)
    if beside is not None:
        beside.check(session, order)
    if order.status is OrderStatus.PAID:
        return Started(order.public_id)
    if order.status is OrderStatus.CLOSED or order.expires_at <= new.created_at:
        return Started(order.public_id)
    last = attempts.open_attempt(session, order)
    if last is None:
        return _again(session, order, new, beside)
    if last.channel == new.channel and last.person_id != new.person_id:
        return Started(order.public_id)  # a one-off number on a second phone: it sees the state
    if last.status is AttemptStatus.CLOSING or not _same(order, last, new):
        return MustClose(last.id, order.public_id)
    return Opened(
        order.id, last.id, last.out_trade_no, order.public_id, last.request, last.amount_fen,
        last.prepay_id,
    )  # fmt: skip


def _same(order: PayOrder, last: PayAttempt, new: NewOrder) -> bool:
    return (
        (last.channel, last.app, last.payee) == (new.channel, new.app, new.payee)
        and last.request.get("beside") == new.request.get("beside")
        and (last.person_id, last.amount_fen) == (new.person_id, new.amount_fen)
        and order.undiscountable_fen == new.undiscountable_fen
    )


def _again(session: Session, order: PayOrder, new: NewOrder, beside: Beside | None) -> Opened:
    """A further attempt of the same order: the last one was refused or closed upstream."""
    number = attempts.next_number(session, order)
    request = {**new.request, "expires_at": order.expires_at.isoformat()}
    attempt_id = attempts.add_attempt(session, order, new, number, request)
    if beside is not None:
        beside.write(session, order.id)
    return Opened(order.id, attempt_id, number, order.public_id, request, new.amount_fen)


def _request(
    deps: Deps,
    scan: Scan,
    payer: Payer,
    purchase: Purchase,
    expires_at: datetime,
    beside: Beside | None,
) -> dict[str, Any]:
    """What the wallet is told besides number, amount and payer; kept so that a repeat is equal."""
    request: dict[str, Any] = {
        "description": scan.shop[:100],
        "notify_url": f"{deps.settings.base_url}/notify/{payer.channel}/{scan.out_mch_id}",
        "expires_at": expires_at.isoformat(),
        "store_id": scan.out_shop_id,
    }
    if scan.goods_tag:
        request["goods_tag"] = scan.goods_tag
    if purchase.undiscountable_fen:
        request["undiscountable_fen"] = purchase.undiscountable_fen
    if beside is not None:
        request["beside"] = dict(beside.facts)
    return request


def prepay_request(opened: Opened, payer: Payer) -> PrepayRequest:
    kept = opened.request
    return PrepayRequest(
        out_trade_no=opened.out_trade_no,
        amount_fen=opened.amount_fen,
        description=kept["description"],
        notify_url=kept["notify_url"],
        expires_at=datetime.fromisoformat(kept["expires_at"]),
        payer=payer.subject,
        goods_tag=kept.get("goods_tag"),
        undiscountable_fen=kept.get("undiscountable_fen"),
        store_id=kept["store_id"],
    )


def _prepay(
    deps: Deps, scan: Scan, payer: Payer, account: ChannelAccount, opened: Opened
) -> Started:
    gateway = deps.gateways.pay[payer.channel]
    if opened.prepay_id is not None:
        return Started(opened.public_id, bridge=gateway.bridge(account, opened.prepay_id))
    try:
        prepay = gateway.prepay(account, prepay_request(opened, payer))
    except GatewayRejected as problem:
        if problem.upstream_code in ASK_AGAIN:
            return _ask(deps, scan, opened)
        raise after_rejection(deps, scan, payer.channel, opened.attempt_id, problem) from problem
    except GatewayUnknown as problem:
        # Nobody holds a prepay id of this attempt, so the same request may simply be made again.
        deps.transact(
            lambda s: attempts.mark_unknown(s, scan.provider_id, opened.attempt_id, deps.now())
        )
        raise PayProblem("SYS_BUSY", status=503) from problem
    return _payable(deps, scan, opened, prepay)


def _payable(deps: Deps, scan: Scan, opened: Opened, prepay: Prepay) -> Started:
    may_pay = attempts.mark_payable(deps, scan.provider_id, opened.attempt_id, prepay.prepay_id)
    if not may_pay:
        # Closed while this call was under way (another amount, another wallet): what the wallet
        # has just made must not stay payable beside the newer attempt.
        closing.close_attempt(deps, scan.provider_id, opened.attempt_id, actor="payer")
        return Started(opened.public_id)
    return Started(opened.public_id, bridge=prepay.bridge, redirect=prepay.redirect)


def _ask(deps: Deps, scan: Scan, opened: Opened) -> Started:
    """The number is used upstream: let the next question decide, and show the result page."""
    deps.transact(
        lambda s: attempts.mark_unknown(s, scan.provider_id, opened.attempt_id, deps.now())
    )
    return Started(opened.public_id)
