"""What became of an order: our server's word, live, and nobody else's."""

from __future__ import annotations

from typing import cast

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from blueprints.pay import oauth, render
from errors import AppError
from models.order import OrderStatus, PayOrder
from services.after_payment import choosing
from services.cards import shown
from services.cards.shown import OrderOnCard
from services.orders import FINAL, find_order, may_still_be_paid, state_of
from services.refunds import listing, words
from services.scan import Scan, scan_store
from web.client import Wallet
from web.pages import AdShown, CardResult, ResultPage, ResultState
from web.runtime import deps, runtime
from web.visit import Visit

CREATED_SHOWN_AS: ResultState = "pending"
GONE = ("closed", "void")


def show(out_mch_id: str, public_id: str) -> ResponseReturnValue:
    visit = Visit(request, deps().settings)
    try:
        order = deps().transact(lambda s: find_order(s, out_mch_id, public_id))
        scan = deps().transact(
            lambda s: scan_store(s, order.provider_id, order.store_id, order.pay_code_id)
        )
    except AppError as error:
        return render.refused(visit, error)
    refunds = _refunds(visit, order)
    return render.page("pay/result.html", _result(visit, order, scan, refunds))


def _refunds(visit: Visit, order: PayOrder) -> tuple[tuple[str, int], ...]:
    """Refunds that the payer still waits for; only a paid order has any."""
    if order.status is not OrderStatus.PAID:
        return ()
    lines = deps().transact(lambda s: listing.of_order(s, order))
    return words.under_way(((line.status, line.amount_fen) for line in lines), visit.lang)


def _card(visit: Visit, order: PayOrder, scan: Scan) -> CardResult | None:
    """What the order did to a card; the balance is for the member's own eyes."""
    found: OrderOnCard | None = deps().transact(lambda s: shown.of_order(s, order))
    if found is None:
        return None
    is_own = False
    if visit.wallet == "wechat":
        payer = oauth.who_pays(visit, scan)
        is_own = payer is not None and payer.person_id == found.person_id
    return CardResult(
        is_recharge=found.is_recharge,
        has_no_room=found.has_no_room,
        bonus_fen=found.bonus_fen,
        balance_fen=found.balance_fen if is_own else None,
        card_url=visit.url(f"/card/{scan.out_mch_id}/{scan.out_sub_mch_id}"),
    )


def shown_state(order: PayOrder) -> ResultState:
    """`created` has no page of its own: the payer sees that we are finding out. A closed order says
    「没有扣款」 only after its wallet was asked a last time."""
    word = state_of(order)
    if word in GONE and deps().transact(lambda s: may_still_be_paid(s, order)):
        return "just_closed"
    return CREATED_SHOWN_AS if word == "created" else cast(ResultState, word)


def _result(
    visit: Visit, order: PayOrder, scan: Scan, refunds: tuple[tuple[str, int], ...]
) -> ResultPage:
    state, now = shown_state(order), deps().now()
    own = f"/q/{scan.out_mch_id}/o/{order.public_id}"
    code_url = visit.url(f"/q/{scan.out_mch_id}/{scan.code}", new="1") if scan.code else None
    card = _card(visit, order, scan)
    if card is not None and card.is_recharge:
        recharge = f"/card/{scan.out_mch_id}/{scan.out_sub_mch_id}/recharge"
        code_url = visit.url(recharge, code=scan.code)
    may_retry = state in ("failed", "closed", "just_closed", "void") and code_url is not None
    left = (order.expires_at - now).total_seconds()
    follow = scan.follow_url if visit.settings.follow_link_enabled else None
    wallet: Wallet = "alipay" if order.channel == "alipay" else "wechat"
    after = choosing.after(deps(), order, scan)
    return ResultPage(
        client=visit.wallet or wallet,
        lang=visit.lang,
        shop=scan.shop,
        logo=scan.logo_url,
        simulation=visit.settings.simulation,
        state=state,
        amount_fen=order.amount_fen,
        out_trade_no=order.out_trade_no,
        created_at=order.created_at,
        paid_at=order.paid_at,
        refunded_fen=order.refunded_fen,
        refunds=refunds,
        reason=order.reject_message or "" if state == "failed" else "",
        reason_code=order.reject_code or "" if state == "failed" else "",
        card=card,
        state_url=visit.url(f"{own}/state"),
        elapsed_s=max(0, int((now - order.created_at).total_seconds())),
        closes_in_min=max(1, int(left // 60) + 1) if left > 0 else None,
        retry_url=code_url if may_retry else None,
        back_url=code_url if state in ("pending", "unknown") else None,
        follow_url=follow,
        complete_url=after.complete_url,
        goes_on=after.goes_on,
        ad=_ad(after.ad),
        bridge_src=visit.bridge_src,
    )


def _ad(chosen: choosing.AdOnPage | None) -> AdShown | None:
    if chosen is None:
        return None
    return AdShown(
        name=chosen.name,
        image_url=chosen.image_path,
        click_url=chosen.click_path,
        width=chosen.width,
        height=chosen.height,
    )


def state(out_mch_id: str, public_id: str) -> ResponseReturnValue:
    """The state as soon as it differs from `seen`, after 25 s at most."""
    visit = Visit(request, deps().settings)
    try:
        order = deps().transact(lambda s: find_order(s, out_mch_id, public_id))
    except AppError as error:
        return jsonify({"error": {"code": error.code}}), error.status
    seen = request.args.get("seen", "")[:20]
    if seen == "just_closed":
        now = shown_state(order)
        return render.no_store(jsonify({"state": now, "final": now in FINAL}))
    waited = seen
    if seen == "pending" and state_of(order) == "created":
        waited = "created"
    word, had_place = runtime().watcher.wait(
        (order.provider_id, order.id), waited, state_of(order), visit.settings.live_wait_s
    )
    shown = CREATED_SHOWN_AS if word == "created" else word
    if shown in GONE and shown_state(order) == "just_closed":
        shown = "just_closed"
    answer = render.no_store(jsonify({"state": shown, "final": shown in FINAL}))
    if not had_place:
        answer.headers["Retry-After"] = "1"
    return answer
