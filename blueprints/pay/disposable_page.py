"""A one-off page that a merchant's own system sent the payer to: this amount, this number, once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.pay import oauth, render
from errors import AppError
from models.order import OrderStatus, PayOrder
from services import attempts, checkout
from services.checkout import Purchase
from services.disposable import SIGNED, OneOff, read_link
from services.payers import Payer
from services.problems import PayProblem
from services.scan import check_open
from web.pages import FixedPay
from web.runtime import deps
from web.visit import Visit

PATH = "/cpay/qrcode_disposable_payment"
KEPT = (*SIGNED, "sign")


def _link() -> dict[str, str]:
    return {name: request.args[name] for name in KEPT if name in request.args}


def show() -> ResponseReturnValue:
    visit = Visit(request, deps().settings)
    try:
        wanted = read_link(deps(), _link())
        own = f"{PATH}?{urlencode(_link())}"
        if visit.wallet is None:
            return render.unsupported(visit, visit.settings.base_url + own, wanted.scan.shop)
        check_open(wanted.scan, visit.wallet, deps().now())
        payer = oauth.who_pays(visit, wanted.scan)
        if payer is None:
            return oauth.leave(visit, wanted.scan, own)
        return _page(visit, wanted, payer, own)
    except AppError as error:
        return render.refused(visit, error)


def _page(visit: Visit, wanted: OneOff, payer: Payer, own: str) -> ResponseReturnValue:
    """Paid or over: the result. Being paid on another phone: its state. Else: the amount to pay."""
    known = deps().transact(lambda s: _known(s, wanted))
    result = (
        None if known is None else visit.url(f"/q/{wanted.scan.out_mch_id}/o/{known.public_id}")
    )
    if known is not None and known.amount_fen != wanted.amount_fen:
        raise PayProblem("ORDER_CONFLICT", code=wanted.trade_num)
    if known is not None and result is not None:
        if known.status in (OrderStatus.PAID, OrderStatus.CLOSED):
            return render.no_store(redirect(result, 302))
        if deps().transact(lambda s: _held_by_other(s, known, payer)):
            return render.no_store(redirect(result, 302))
    now = deps().now()
    expires_at = known.expires_at if known is not None else now + _life(visit)
    shown = FixedPay(
        client=visit.wallet,
        lang=visit.lang,
        lang_url=render.language_url(visit),
        shop=wanted.scan.shop,
        logo=wanted.scan.logo_url,
        simulation=visit.settings.simulation,
        action=visit.url(own),
        intent=form_token(wanted, payer),
        amount_fen=wanted.amount_fen,
        facts=(("订单号" if visit.lang == "zh-CN" else "Order", wanted.trade_num),),
        expires_at=expires_at,
        expires_in_s=max(0, int((expires_at - now).total_seconds())),
        bridge_src=visit.bridge_src,
    )
    return render.page("pay/fixed.html", shown)


def form_token(wanted: OneOff, payer: Payer) -> str:
    """Shows that this page was rendered by us for this payer."""
    row = f"{wanted.scan.provider_id}:{wanted.intent_key}:{payer.person_id}"
    return deps().ring.blind(row, "one-off-form")[:32]


def _life(visit: Visit) -> timedelta:
    return timedelta(seconds=visit.settings.order_expires_s)


def _known(session: Session, wanted: OneOff) -> PayOrder | None:
    return session.scalar(
        select(PayOrder).where(
            PayOrder.provider_id == wanted.scan.provider_id,
            PayOrder.intent_key == wanted.intent_key,
        )
    )


def _held_by_other(session: Session, order: PayOrder, payer: Payer) -> bool:
    last = attempts.open_attempt(session, order)
    return last is not None and last.channel == payer.channel and last.person_id != payer.person_id


def pay() -> ResponseReturnValue:
    visit = Visit(request, deps().settings)
    try:
        wanted = read_link(deps(), _link())
        if visit.wallet is None:
            raise PayProblem("BROWSER_UNSUPPORTED", status=400)
        check_open(wanted.scan, visit.wallet, deps().now())
        payer = oauth.who_pays(visit, wanted.scan)
        if payer is None or request.form.get("intent") != form_token(wanted, payer):
            raise PayProblem("PAYER_CHANGED", status=400)
        known = deps().transact(lambda s: _known(s, wanted))
        if known is not None and known.amount_fen != wanted.amount_fen:
            raise PayProblem("ORDER_CONFLICT", code=wanted.trade_num)
        made = checkout.start_payment(
            deps(),
            wanted.scan,
            payer,
            Purchase(wanted.amount_fen),
            intent_key=wanted.intent_key,
            expires_at=deps().now() + _life(visit),
            trade_no=wanted.trade_num,
        )
        return render.started(visit, wanted.scan.out_mch_id, made)
    except AppError as error:
        return render.refused(visit, error)
