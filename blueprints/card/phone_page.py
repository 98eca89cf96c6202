"""Confirming a phone: the number, then the code that came to it. Neither stands in an address."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.card.door import Door, see
from errors import AppError
from services.cards import phones
from services.cards.caps import card_cap
from services.cards.member_problems import CodeOver, CodeWrong, PhoneInvalid, SmsFailed, SmsLimit
from web import customer
from web.card_pages import PhonePage
from web.runtime import deps

ASK_AGAIN = (PhoneInvalid, SmsLimit)  # said above the number
TRY_AGAIN = (CodeWrong, CodeOver)  # said above the code


def show(door: Door) -> ResponseReturnValue:
    if door.card is None:
        return see(door.url())
    return _page(door)


def ask(door: Door) -> ResponseReturnValue:
    """Send a code. The answer is a page and no redirect: the number must not be in an address."""
    door.check_token()
    card, phone = door.own_card(), request.form.get("phone", "")[:24]
    try:
        phones.ask_phone(deps(), card.provider_id, card.id, phone)
    except SmsFailed as problem:
        return _page(door, phone=phone, was_sent=True, error=problem)
    except ASK_AGAIN as problem:
        return _page(door, phone=phone, error=problem)
    return _page(door, phone=phone, was_sent=True)


def confirm(door: Door) -> ResponseReturnValue:
    door.check_token()
    card, phone = door.own_card(), request.form.get("phone", "")[:24]
    try:
        phones.confirm_phone(
            deps(), card.provider_id, card.id, phone, request.form.get("sms", "")[:12]
        )
    except TRY_AGAIN as problem:
        return _page(door, phone=phone, was_sent=True, error=problem)
    except PhoneInvalid as problem:
        return _page(door, phone=phone, error=problem)
    return see(door.url())


def _page(
    door: Door, *, phone: str = "", was_sent: bool = False, error: AppError | None = None
) -> ResponseReturnValue:
    card = door.own_card()
    settings = deps().settings
    said = customer.words(door.visit, error) if error is not None else None
    shown = PhonePage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit) if request.method == "GET" else None,
        shop=door.scan.short_name or door.scan.merchant_name,
        simulation=settings.simulation,
        home_url=door.url(),
        token=door.token,
        ask_action=door.url("/phone"),
        confirm_action=door.url("/phone/confirm"),
        cap_fen=card_cap(settings, registered=False),
        registered_cap_fen=card_cap(settings, registered=True),
        expires_on=card.expires_on,
        phone=phone,
        was_sent=was_sent,
        is_off=not deps().gateways.sms.is_ready,
        is_new=request.args.get("new") is not None,
        error=said.hint if said is not None else "",
        error_code=said.code if said is not None else "",
    )
    return customer.page("card/phone.html", shown, error.status if error is not None else 200)
