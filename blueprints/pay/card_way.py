"""The member card on the pay page: its row, paying with it, and a press whose answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.pay import oauth, render
from errors import AppError
from models.card import ProgramStatus
from models.order import PayOrder
from services import intents
from services.cards.at_store import CardAtStore, card_at
from services.cards.spending import pay_by_card
from services.checkout import Purchase, Started
from services.intents import Intent
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan, scan_code
from services.totals import china_day
from web.pages import Action, CardRow, ProblemPage
from web.problems import problem
from web.runtime import deps
from web.visit import Visit

LOOKS = 12  # at two seconds each: the press has long been cut off by then
WORDS = {
    "zh-CN": {"expired": "已过有效期，余额还在", "again": "重新付款", "card": "看会员卡明细"},
    "en": {"expired": "Expired, balance kept", "again": "Pay again", "card": "See my card"},
}


def row(session: Session, visit: Visit, scan: Scan, payer: Payer) -> CardRow | None:
    """What the pay page shows of the card: in WeChat alone, and where the store takes cards."""
    if visit.wallet != "wechat":
        return None
    found = card_at(session, scan, payer.person_id, china_day(deps().now()))
    if found is None or (found.card_id is None and found.status is not ProgramStatus.APPROVED):
        return None
    return _row(visit, scan, found)


def _row(visit: Visit, scan: Scan, found: CardAtStore) -> CardRow:
    own = f"/card/{scan.out_mch_id}/{scan.out_sub_mch_id}"
    may_recharge = found.status is ProgramStatus.APPROVED and not found.is_expired
    return CardRow(
        title=found.title,
        card_url=visit.url(own, code=scan.code),
        recharge_url=visit.url(f"{own}/recharge", code=scan.code) if may_recharge else None,
        balance_fen=found.spendable_fen,
        may_pay=found.may_pay,
        is_member=found.card_id is not None,
        note=WORDS[visit.lang]["expired"] if found.is_expired else "",
    )


def pay(visit: Visit, scan: Scan, payer: Payer, wanted: Purchase, intent: Intent) -> Started:
    if visit.wallet != "wechat":
        raise PayProblem("CARD_WECHAT_ONLY")
    return pay_by_card(
        deps(),
        scan,
        payer.person_id,
        wanted,
        intent_key=intent.key,
        expires_at=deps().now() + timedelta(seconds=visit.settings.order_expires_s),
    )


def pending(out_mch_id: str, code: str) -> ResponseReturnValue:
    """Where a page goes that heard no answer: to the order as soon as there is one.

    The order of a card is paid by the press itself. Without one after a while nothing can say that
    the press will not yet arrive; but the form again is the same intention, and charges once.
    """
    visit = Visit(request, deps().settings)
    own = f"/q/{out_mch_id}/{code}"
    try:
        scan = scan_code(deps(), out_mch_id, code)
        if visit.wallet is None:
            raise PayProblem("BROWSER_UNSUPPORTED", status=400)
        payer = oauth.who_pays(visit, scan)
        token = request.args.get("intent", "")[:130]
        if payer is None:
            return oauth.leave(visit, scan, f"{own}/pending?intent={token}")
        order = _order_of(visit, scan, payer, token)
        if order is not None:
            result = visit.url(f"/q/{out_mch_id}/o/{order.public_id}")
            return render.no_store(redirect(result, 302))
        return render.page("pay/problem.html", _asking(visit, scan, own, token))
    except AppError as error:
        return render.refused(visit, error, retry=visit.url(own))


def _order_of(visit: Visit, scan: Scan, payer: Payer, token: str) -> PayOrder | None:
    assert scan.code_id is not None
    intent = intents.read(
        deps().ring,
        token,
        provider_id=scan.provider_id,
        code_id=scan.code_id,
        person_id=payer.person_id,
        now=deps().now(),
        lives_s=visit.settings.form_lives_s,
    )
    wanted = select(PayOrder).where(
        PayOrder.provider_id == scan.provider_id, PayOrder.intent_key == intent.key
    )
    return deps().transact(lambda s: s.scalar(wanted))


def _asking(visit: Visit, scan: Scan, own: str, token: str) -> ProblemPage:
    looked = request.args.get("looked", "0")
    looks = int(looked) if looked.isascii() and looked.isdigit() and len(looked) < 4 else 0
    is_over = looks >= LOOKS
    said = problem("CARD_PAY_UNSEEN" if is_over else "CARD_PAY_ASKED", visit.lang)
    shown = ProblemPage.of(
        said, client=visit.wallet, shop=scan.shop, simulation=visit.settings.simulation
    )
    if not is_over:
        again = visit.url(f"{own}/pending", intent=token, looked=str(looks + 1))
        return replace(shown, refresh_url=again)
    words = WORDS[visit.lang]
    card_url = visit.url(f"/card/{scan.out_mch_id}/{scan.out_sub_mch_id}/history")
    return replace(
        shown,
        primary=Action(label=words["card"], url=card_url),
        secondary=Action(label=words["again"], url=visit.url(own)),
    )
