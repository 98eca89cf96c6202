"""The way into every page of a card: in WeChat, the merchant has one, and we know who is here."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import AppError
from models.card import CardProgram, MemberCard, ProgramStatus
from services.cards import members, programs
from services.cards.online_store import scan_merchant
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan, check_card_visit
from web import customer
from web.card_pages import Elsewhere
from web.payer import leave, who_pays
from web.runtime import deps
from web.visit import Visit

HOME_WORDS = {"zh-CN": "返回会员卡", "en": "Back to the card"}


@dataclass(frozen=True)
class Door:
    """Whoever came in. `scan` is the merchant's online store; `card` is None before claiming."""

    visit: Visit
    scan: Scan
    program: CardProgram
    payer: Payer
    card: MemberCard | None

    @property
    def path(self) -> str:
        return f"/card/{self.scan.out_mch_id}/{self.scan.out_sub_mch_id}"

    @property
    def is_open(self) -> bool:
        """Claims and recharges; spending and refunds go on either way."""
        return self.program.status is ProgramStatus.APPROVED and self.scan.merchant_active

    def url(self, below: str = "", **more: str | None) -> str:
        """A page of this card; the store's code that led here goes along."""
        return self.visit.url(self.path + below, code=came_by(), **more)

    @property
    def token(self) -> str:
        """Shows that a form was rendered by us for this person."""
        whose = f"{self.scan.provider_id}:{self.scan.merchant_id}:{self.payer.person_id}"
        return deps().ring.blind(whose, "card-form")[:32]

    def check_token(self) -> None:
        if not hmac.compare_digest(request.form.get("token", "").encode(), self.token.encode()):
            raise PayProblem("PAYER_CHANGED", status=400)

    def own_card(self) -> MemberCard:
        if self.card is None:
            raise PayProblem("CARD_NONE", status=404)
        return self.card


def came_by() -> str | None:
    """The pay code whose store page led here, if any did."""
    return request.args.get("code", "")[:40] or None


View = Callable[[Door], ResponseReturnValue]


def member_page(view: View) -> Callable[[str, str], ResponseReturnValue]:
    """Errors become pages with words; other apps are told to use WeChat (product CARD-4)."""

    @wraps(view)
    def entered(out_mch_id: str, out_sub_mch_id: str) -> ResponseReturnValue:
        visit = Visit(request, deps().settings)
        home = f"/card/{out_mch_id}/{out_sub_mch_id}"
        shop = ""
        try:
            scan = scan_merchant(deps(), out_mch_id, out_sub_mch_id)
            shop = scan.short_name or scan.merchant_name
            if visit.wallet != "wechat":
                return _elsewhere(visit, scan, home, shop)
            program = deps().transact(lambda s: _program(s, scan))
            check_card_visit(scan)
            payer = who_pays(visit, scan)
            if payer is None:
                return _away(visit, scan, home)
            card = deps().transact(
                lambda s: members.find_card(s, scan.provider_id, scan.merchant_id, payer.person_id)
            )
            return view(Door(visit, scan, program, payer, card))
        except AppError as error:
            is_home = request.path == home
            return customer.refused(
                visit,
                error,
                shop=shop,
                retry=visit.url(home),
                retry_label="" if is_home else HOME_WORDS[visit.lang],
            )

    return entered


def _away(visit: Visit, scan: Scan, home: str) -> ResponseReturnValue:
    """Off to WeChat, and back to this page; a form whose session is over begins again."""
    if customer.wants_json():
        raise PayProblem("PAYER_CHANGED", status=400)
    path = request.path if request.method == "GET" else home
    code = came_by()
    return leave(visit, scan, f"{path}?code={code}" if code and code.isalnum() else path)


def _program(session: Session, scan: Scan) -> CardProgram:
    found = programs.live_program(session, scan.provider_id, scan.merchant_id)
    if found is not None:
        return found
    is_ended = programs.alive_program(session, scan.provider_id, scan.merchant_id) is None and (
        session.scalar(
            select(CardProgram.id)
            .where(
                CardProgram.provider_id == scan.provider_id,
                CardProgram.merchant_id == scan.merchant_id,
                CardProgram.status == ProgramStatus.DELETED,
            )
            .limit(1)
        )
        is not None
    )
    raise PayProblem("CARD_ENDED" if is_ended else "CARD_NOT_OFFERED")


def _elsewhere(visit: Visit, scan: Scan, home: str, shop: str) -> ResponseReturnValue:
    url = visit.settings.base_url + home
    shown = Elsewhere(
        client=visit.wallet,
        lang=visit.lang,
        lang_url=customer.language_url(visit),
        shop=shop,
        logo=scan.logo_url,
        simulation=visit.settings.simulation,
        url=url,
        qr_png=customer.qr_png(url),
    )
    if customer.wants_json():
        raise PayProblem("CARD_WECHAT_ONLY")
    return customer.page("card/elsewhere.html", shown)


def see(url: str) -> ResponseReturnValue:
    """After a POST."""
    return customer.no_store(redirect(url, 303))
