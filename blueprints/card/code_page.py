"""The card's bar code: one use, one minute, and word of the payment as soon as it was used."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from blueprints.card import home
from blueprints.card.door import Door
from services.cards import code_state, codes
from services.cards.codes import Code
from services.cards.spending import check_usable
from web import code128, customer
from web.card_pages import CodePage
from web.runtime import deps


def _fresh(door: Door) -> Code:
    card = door.own_card()
    check_usable(card, deps().now())
    return codes.issue(deps(), card.provider_id, card.id)


def _left(code: Code) -> int:
    return max(1, int((code.expires_at - deps().now()).total_seconds()))


def show(door: Door) -> ResponseReturnValue:
    """Opening the page makes a code and voids the one before it."""
    card, place = door.own_card(), home.came_from(door)
    off, stores = deps().transact(
        lambda s: (home.store_off(s, place), home.stores_of(s, door.scan))
    )
    code = _fresh(door)
    shown = CodePage(
        client="wechat",
        lang=door.visit.lang,
        lang_url=customer.language_url(door.visit),
        shop=door.scan.short_name or door.scan.merchant_name,
        logo=door.scan.logo_url,
        simulation=door.visit.settings.simulation,
        home_url=door.url(),
        token=door.token,
        title=door.program.title,
        balance_fen=card.paid_fen + card.bonus_fen,
        digits=code.text,
        bars=code128.path(code.text),
        width=code128.modules(code.text),
        expires_in_s=_left(code),
        renew_action=door.url("/code"),
        state_url=door.url("/code/state"),
        store_off=off,
        stores=stores,
    )
    return customer.page("card/code.html", shown)


def renew(door: Door) -> ResponseReturnValue:
    """A fresh code for the page's script."""
    door.check_token()
    code = _fresh(door)
    made = {"digits": code.text, "bars": code128.path(code.text), "left": _left(code)}
    return customer.no_store(jsonify(made))


def state(door: Door) -> ResponseReturnValue:
    """What became of the newest code: `waiting`, `used` (with the order's page) or `over`."""
    card = door.own_card()
    found = deps().transact(lambda s: code_state.newest(s, card.provider_id, card.id, deps().now()))
    answer: dict[str, str] = {"state": found.word}
    if found.public_id is not None:
        answer["result"] = door.visit.url(f"/q/{door.scan.out_mch_id}/o/{found.public_id}")
    return customer.no_store(jsonify(answer))
