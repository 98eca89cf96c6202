"""Confirming a phone: the number, then the code that came to it. Neither stands in an address.

What a member told of himself, phone and name, is agreed to here and taken back here.
"""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.card.door import Door, see
from errors import AppError
from models.consent import ConsentKind
from services.cards import own_data, phones
from services.cards.caps import card_cap
from services.cards.member_problems import (
    CodeOver,
    CodeWrong,
    NameInvalid,
    PhoneInvalid,
    SmsFailed,
    SmsLimit,
)
from services.privacy.consents import WORDS, Agreed
from services.privacy.problems import ConsentMissing
from web import customer
from web.card_pages import PhonePage
from web.runtime import deps

ASK_AGAIN = (PhoneInvalid, SmsLimit, ConsentMissing)  # said above the number
TRY_AGAIN = (CodeWrong, CodeOver)  # said above the code


def show(door: Door) -> ResponseReturnValue:
    if door.card is None:
        return see(door.url())
    return _page(door)


def ask(door: Door) -> ResponseReturnValue:
    """Send a code. The answer is a page and no redirect: the number must not be in an address."""
    door.check_token()
    card, phone = door.own_card(), request.form.get("phone", "")[:24]
    agreed = Agreed(request.form.get("agree", "")[:8])
    try:
        phones.ask_phone(deps(), card.provider_id, card.id, phone, agreed)
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
    except (PhoneInvalid, ConsentMissing) as problem:
        return _page(door, phone=phone, error=problem)
    return see(door.url())


def withdraw(door: Door) -> ResponseReturnValue:
    """First shown what it means, then done."""
    door.check_token()
    card = door.own_card()
    if request.form.get("sure") != "1":
        return _page(door, asks_withdraw=True)
    own_data.withdraw_phone(deps(), card.provider_id, card.id)
    return see(door.url("/phone", done="phone"))


def name(door: Door) -> ResponseReturnValue:
    door.check_token()
    card, agreed = door.own_card(), Agreed(request.form.get("agree", "")[:8])
    try:
        typed = request.form.get("name", "")[:80]
        own_data.set_name(deps(), card.provider_id, card.id, typed, agreed)
    except (NameInvalid, ConsentMissing) as problem:
        return _page(door, name_error=problem)
    return see(door.url("/phone", done="name"))


def withdraw_name(door: Door) -> ResponseReturnValue:
    door.check_token()
    card = door.own_card()
    own_data.withdraw_name(deps(), card.provider_id, card.id)
    return see(door.url("/phone", done="unnamed"))


def _page(
    door: Door,
    *,
    phone: str = "",
    was_sent: bool = False,
    asks_withdraw: bool = False,
    error: AppError | None = None,
    name_error: AppError | None = None,
) -> ResponseReturnValue:
    card = door.own_card()
    settings = deps().settings
    kept = deps().transact(lambda s: own_data.read(s, deps(), card))
    problem = error or name_error
    said = customer.words(door.visit, problem) if problem is not None else None
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
        withdraw_action=door.url("/phone/withdraw"),
        name_action=door.url("/name"),
        name_withdraw_action=door.url("/name/withdraw"),
        agree_version=WORDS[ConsentKind.MEMBER_PHONE].version,
        name_version=WORDS[ConsentKind.MEMBER_NAME].version,
        kept_phone=kept.phone,
        kept_name=kept.name,
        phone_agreed_at=kept.phone_agreed_at,
        name_agreed_at=kept.name_agreed_at,
        asks_withdraw=asks_withdraw,
        done=request.args.get("done", "")[:8],
        cap_fen=card_cap(settings, registered=False),
        registered_cap_fen=card_cap(settings, registered=True),
        expires_on=card.expires_on,
        phone=phone,
        was_sent=was_sent,
        is_off=not deps().gateways.sms.is_ready,
        is_new=request.args.get("new") is not None,
        error=said.hint if said is not None and error is not None else "",
        name_error=said.hint if said is not None and name_error is not None else "",
        error_code=said.code if said is not None else "",
    )
    return customer.page("card/phone.html", shown, problem.status if problem is not None else 200)
