"""A printed code: the page that asks for an amount, and the press of its key."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect, request
from flask.typing import ResponseReturnValue

from blueprints.pay import card_way, oauth, render
from errors import AppError
from models.order import OrderStatus, PayOrder
from models.paycode import PayCodeKind
from services import checkout, intents, purchase
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan, check_open, scan_code
from web.formats import figure
from web.pages import PayForm, PayMode
from web.runtime import deps
from web.visit import Visit

JUST_PAID = timedelta(seconds=60)


def show(out_mch_id: str, code: str) -> ResponseReturnValue:
    """State checks first, then who pays (silently), then the form."""
    visit = Visit(request, deps().settings)
    scan: Scan | None = None
    try:
        scan = scan_code(deps(), out_mch_id, code)
        if visit.wallet is None:
            url = f"{visit.settings.base_url}/q/{out_mch_id}/{code}"
            return render.unsupported(visit, url, scan.shop, render.place_of(scan), code)
        check_open(scan, visit.wallet, deps().now())
        payer = oauth.who_pays(visit, scan)
        if payer is None:
            return oauth.leave(visit, scan, f"/q/{out_mch_id}/{code}")
        return _form(visit, scan, payer)
    except AppError as error:
        return render.refused(
            visit,
            error,
            shop=scan.shop if scan else "",
            place=render.place_of(scan) if scan else "",
            **_way_on(visit, error, out_mch_id, code),
        )


def _way_on(visit: Visit, error: AppError, out_mch_id: str, code: str) -> dict[str, str]:
    """The page's button: again; of a blank code seen in WeChat, binding it, for whoever may."""
    if error.code != "PAY_CODE_UNBOUND" or visit.wallet != "wechat":
        return {"retry": visit.url(request.path)}
    label = "我是店员，绑定这个码" if visit.lang == "zh-CN" else "I work here: bind this code"
    return {"retry": visit.url(f"/m/bind/{code}", p=out_mch_id), "retry_label": label}


def _form(visit: Visit, scan: Scan, payer: Payer) -> ResponseReturnValue:
    assert scan.code_id is not None
    code_id, now = scan.code_id, deps().now()
    latest, card = deps().transact(
        lambda s: (
            intents.latest_order(s, scan.provider_id, code_id, payer.person_id),
            card_way.row(s, visit, scan, payer),
        )
    )
    if latest is not None and _just_paid(latest) and request.args.get("new") is None:
        return render.no_store(
            redirect(visit.url(f"/q/{scan.out_mch_id}/o/{latest.public_id}"), 302)
        )
    intent = intents.next_intent(scan.provider_id, code_id, payer.person_id, latest, now)
    live = latest if latest is not None and latest.intent_key == intent.key else None
    shown = PayForm(
        client=visit.wallet,
        lang=visit.lang,
        lang_url=render.language_url(visit),
        shop=scan.shop,
        logo=scan.logo_url,
        place=render.place_of(scan),
        simulation=visit.settings.simulation,
        action=visit.url(f"/q/{scan.out_mch_id}/{scan.code}/pay"),
        intent=intents.sign(deps().ring, intent, now),
        min_fen=scan.min_fen,
        max_fen=scan.max_fen(visit.settings.max_payment_fen),
        mode=_mode(visit, scan),
        amount=_amount_typed(live),
        second=figure(live.deposit_fen) if live is not None and live.deposit_fen else "",
        unit_price_fen=scan.unit_price_fen or 0,
        code_name=scan.code_name or "",
        quantity=live.quantity if live is not None else 1,
        remark=live.remark if live is not None and not live.deposit_fen else "",
        takes_remark=scan.takes_remark,
        bridge_src=visit.bridge_src,
        card=card,
        pending_url=visit.url(f"/q/{scan.out_mch_id}/{scan.code}/pending", intent=""),
    )
    return render.page("pay/form.html", shown)


def _amount_typed(live: PayOrder | None) -> str:
    if live is None:
        return ""
    fen = live.amount_fen - (live.deposit_fen or 0)
    return f"{fen // 100}.{fen % 100:02d}"


def _just_paid(order: PayOrder) -> bool:
    """The wallet was killed and the code scanned again: show what became of it first."""
    return (
        order.status is OrderStatus.PAID
        and order.paid_at is not None
        and deps().now() - order.paid_at < JUST_PAID
    )


def _mode(visit: Visit, scan: Scan) -> PayMode:
    if scan.kind is PayCodeKind.FIXED:
        return "fixed_price"
    assert visit.wallet is not None
    mode: PayMode = purchase.mode_for(scan, visit.wallet).value
    return mode


def pay(out_mch_id: str, code: str) -> ResponseReturnValue:
    """The key was pressed: one order for this form, and what the wallet's bridge needs."""
    visit = Visit(request, deps().settings)
    try:
        scan = scan_code(deps(), out_mch_id, code)
        if visit.wallet is None:
            raise PayProblem("BROWSER_UNSUPPORTED", status=400)
        check_open(scan, visit.wallet, deps().now())
        payer = oauth.who_pays(visit, scan)
        if payer is None or scan.code_id is None:
            raise PayProblem("PAYER_CHANGED", status=400)
        intent = intents.read(
            deps().ring,
            request.form.get("intent", ""),
            provider_id=scan.provider_id,
            code_id=scan.code_id,
            person_id=payer.person_id,
            now=deps().now(),
            lives_s=visit.settings.form_lives_s,
        )
        wanted = purchase.read_purchase(request.form, scan, visit.wallet, visit.settings)
        if request.form.get("way") == "card":
            made = card_way.pay(visit, scan, payer, wanted, intent)
            return render.started(visit, out_mch_id, made)
        made = checkout.start_payment(
            deps(),
            scan,
            payer,
            wanted,
            intent_key=intent.key,
            expires_at=deps().now() + timedelta(seconds=visit.settings.order_expires_s),
        )
        return render.started(visit, out_mch_id, made)
    except AppError as error:
        return render.refused(visit, error, retry=visit.url(f"/q/{out_mch_id}/{code}"))
