"""The card itself: claiming it, its first page, its history, its terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.card import lines
from blueprints.card.door import Door, came_by, see
from models.card import CardTerms, MemberCard
from models.merchant import Store
from services.cards import history, members, online_store, payout_listing
from services.cards.caps import card_cap
from services.cards.spending import is_expired
from services.cards.terms import current_terms
from services.problems import PayProblem
from services.scan import Scan, scan_code
from services.totals import china_day
from web import customer
from web.card_pages import CardPage, ClaimPage, HistoryPage, LineView, TermsPage
from web.runtime import deps

LAST_LINES = 5


def show(door: Door) -> ResponseReturnValue:
    if door.card is None:
        return _claim_page(door)
    card, place = door.card, came_from(door)
    found, stores, terms, off, payout = deps().transact(
        lambda s: (
            history.page(s, card.provider_id, card.id, most=LAST_LINES),
            stores_of(s, door.scan),
            current_terms(s, card.provider_id, card.merchant_id),
            store_off(s, place),
            payout_listing.open_status(s, card),
        )
    )
    shown = _card_page(
        door, card, terms, stores, off, lines.shown(found, door.visit.lang, deps().now())
    )
    shown = replace(shown, payout_status=payout.value if payout else "")
    return customer.page("card/card.html", shown)


def _claim_page(door: Door) -> ResponseReturnValue:
    place = (door.scan.provider_id, door.scan.merchant_id)
    terms, past = deps().transact(
        lambda s: (
            current_terms(s, *place),
            payout_listing.closed_card(s, *place, door.payer.person_id),
        )
    )
    shown = ClaimPage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        shop=door.scan.short_name or door.scan.merchant_name,
        logo=door.scan.logo_url,
        simulation=door.visit.settings.simulation,
        token=door.token,
        title=door.program.title,
        action=door.url("/claim"),
        is_open=door.is_open,
        description=door.program.description,
        issuer=terms.issuer_name if terms else "",
        service_phone=door.program.service_phone,
        terms_url=door.url("/terms"),
        cap_fen=card_cap(deps().settings, registered=False),
        past_url=door.url("/payout") if past is not None else None,
    )
    return customer.page("card/claim.html", shown)


def claim(door: Door) -> ResponseReturnValue:
    """The same person again has the same card; a new one is offered to confirm a phone."""
    door.check_token()
    is_new = door.card is None
    members.claim(deps(), door.scan.provider_id, door.scan.merchant_id, door.payer.person_id)
    may_confirm = is_new and deps().gateways.sms.is_ready
    return see(door.url("/phone", new="1") if may_confirm else door.url())


def _card_page(
    door: Door,
    card: MemberCard,
    terms: CardTerms | None,
    stores: list[str],
    off: str,
    shown: list[LineView],
) -> CardPage:
    settings = deps().settings
    return CardPage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        shop=door.scan.short_name or door.scan.merchant_name,
        logo=door.scan.logo_url,
        simulation=settings.simulation,
        title=door.program.title,
        number=card.number,
        balance_fen=card.paid_fen + card.bonus_fen,
        paid_fen=card.paid_fen,
        bonus_fen=card.bonus_fen,
        is_open=door.is_open,
        is_registered=card.registered_at is not None,
        is_expired=is_expired(card, today()),
        code_url=door.url("/code"),
        recharge_url=door.url("/recharge"),
        history_url=door.url("/history"),
        phone_url=door.url("/phone"),
        terms_url=door.url("/terms"),
        payout_url=door.url("/payout"),
        cap_fen=card.cap_fen,
        registered_cap_fen=card_cap(settings, registered=True),
        has_phone=deps().gateways.sms.is_ready,
        lines=shown,
        bonus_expires_on=card.bonus_expires_on if card.bonus_fen else None,
        expires_on=card.expires_on if card.registered_at is None else None,
        held_fen=card.held_fen,
        stores=stores,
        store_off=off,
        issuer=terms.issuer_name if terms else "",
    )


def today() -> date:
    return china_day(deps().now())


def stores_of(session: Session, scan: Scan) -> list[str]:
    """The merchant's stores that take cards, as a member knows them."""
    found = session.scalars(
        select(Store)
        .where(
            Store.provider_id == scan.provider_id,
            Store.merchant_id == scan.merchant_id,
            Store.is_active,
            Store.disable_membership_card.is_(False),
            Store.out_shop_id != online_store.shop_id(scan.out_sub_mch_id),
        )
        .order_by(Store.id)
    )
    return [store.branch_name or store.name for store in found]


def store_off(session: Session, place: Scan | None) -> str:
    """The name of the store whose code led here, if it takes no cards."""
    if place is None:
        return ""
    store = session.get_one(Store, (place.provider_id, place.store_id))
    return (store.branch_name or store.name) if store.disable_membership_card else ""


def came_from(door: Door) -> Scan | None:
    """The store whose code led here, if one did."""
    code = came_by()
    return None if code is None else store_scan(door, code)


def store_scan(door: Door, code: str) -> Scan:
    """The store of the pay code that led here: one of this merchant's. Raises NOT_FOUND."""
    found = scan_code(deps(), door.scan.out_mch_id, code)
    if found.merchant_id != door.scan.merchant_id:
        raise PayProblem("NOT_FOUND", status=404)
    return found


def show_history(door: Door) -> ResponseReturnValue:
    card = door.own_card()
    typed = request.args.get("before", "")
    before = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None
    found = deps().transact(lambda s: history.page(s, card.provider_id, card.id, before=before))
    is_full = len(found) == history.PAGE
    shown = HistoryPage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        shop=door.scan.short_name or door.scan.merchant_name,
        simulation=door.visit.settings.simulation,
        home_url=door.url(),
        lines=lines.shown(found, door.visit.lang, deps().now()),
        older_url=door.url("/history", before=str(found[-1].last_id)) if is_full else None,
        newest_url=door.url("/history") if before is not None else None,
    )
    return customer.page("card/history.html", shown)


def show_terms(door: Door) -> ResponseReturnValue:
    terms = deps().transact(
        lambda s: current_terms(s, door.scan.provider_id, door.scan.merchant_id)
    )
    if terms is None:
        raise PayProblem("CARD_TERMS_CHANGED")
    shown = TermsPage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        shop=door.scan.short_name or door.scan.merchant_name,
        simulation=door.visit.settings.simulation,
        home_url=door.url(),
        title=door.program.title,
        version=terms.version,
        issuer=terms.issuer_name,
        contact=terms.contact,
        refund_rule=terms.refund_rule,
        body=terms.body,
        since=terms.created_at,
    )
    return customer.page("card/terms.html", shown)
