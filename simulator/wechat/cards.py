"""Member cards in WeChat's wallet: create, review, take, activate, show. Source: wechat.md F.

Without the permission for stored value, as most accounts are. People's part is at
`/sim/wechat/cards`: look at the cards, review one, take one into a wallet.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from simulator import strict_json
from simulator.parties import PEOPLE
from simulator.wallets import register_operations
from simulator.wechat import base_token, card_fields
from simulator.wechat.oauth import ApiError, _guarded, _json
from simulator.world import World

SWITCHES = {
    "card_review": ("pass", ("pass", "fail", "wait"), "how cards made from now on are judged"),
    "card_permission": ("on", ("on", "off"), "off: card calls answer 48001"),
    "card_custom_code": ("on", ("on", "off"), "off: no codes of one's own, 43009"),
}
STATUS = {
    "wait": "CARD_STATUS_NOT_VERIFY",
    "fail": "CARD_STATUS_VERIFY_FAIL",
    "pass": "CARD_STATUS_VERIFY_OK",
}
SHOWN = {f"custom_field_value{n}" for n in (1, 2, 3)}


@dataclass
class Held:
    """A card in somebody's wallet."""

    person: str
    is_active: bool = False
    number: str = ""
    shown: dict[str, str] = field(default_factory=dict)
    notices: int = 0


@dataclass
class Card:
    appid: str
    member: dict[str, Any]
    review: str
    held: dict[str, Held] = field(default_factory=dict)  # by code
    codes: dict[str, str] = field(default_factory=dict)  # address of a QR code -> code


Work = Callable[[World, str, dict[str, Any]], dict[str, Any]]


def mount(app: Flask, world: World) -> None:
    calls: dict[str, tuple[str, Work]] = {
        "/card/create": ("wechat.card_create", create),
        "/card/get": ("wechat.card_get", get),
        "/card/qrcode/create": ("wechat.card_qrcode", qrcode),
        "/card/membercard/activate": ("wechat.card_activate", activate),
        "/card/membercard/updateuser": ("wechat.card_update", update),
    }
    for word, (default, allowed, about) in SWITCHES.items():
        world.switches.declare(f"wechat.{word}", default, allowed, about, None)
    for path, (name, work) in calls.items():
        _mount(app, world, path, name, work)
    register_operations(app, base_token.OPERATION, *(name for name, _ in calls.values()))
    _mount_phone(app, world)


def _mount(app: Flask, world: World, path: str, name: str, work: Work) -> None:
    def said() -> Response:
        try:
            found = _checked(world, work)
        except ApiError as no:
            world.note("in", path, f"errcode {no.code} {no.text}")
            return _json({"errcode": no.code, "errmsg": f"{no.text} rid: {secrets.token_hex(8)}"})
        world.note("in", path, "ok")
        return _json({"errcode": 0, "errmsg": "ok"} | found)

    app.add_url_rule(path, name, lambda: _guarded(world, name, said), methods=["POST"])


def _checked(world: World, work: Work) -> dict[str, Any]:
    appid = base_token.holder(world, 8)
    if world.switches.get("wechat.card_permission") == "off":
        raise ApiError(48001, "api unauthorized")
    try:
        body = strict_json.read(request.get_data())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(47001, "data format error")
    with world.lock:
        return work(world, appid, body)


def _only(body: dict[str, Any], *names: str) -> None:
    if extra := set(body) - set(names):
        raise ApiError(47001, f"data format error: {sorted(extra)[0]}")


def _card(world: World, appid: str, card_id: Any) -> Card:
    if not card_id:
        raise ApiError(41012, "missing cardid")
    card = world.cards.get(card_id) if isinstance(card_id, str) else None
    if card is None or card.appid != appid:
        raise ApiError(40073, "invalid card id")
    found: Card = card
    return found


def create(world: World, appid: str, body: dict[str, Any]) -> dict[str, Any]:
    member = card_fields.check(body)
    if member["supply_balance"]:
        raise ApiError(43010, "no permission for stored value")
    if member["supply_bonus"]:
        raise ApiError(43011, "no permission for bonus")
    custom = member["base_info"].get("use_custom_code")
    if custom and world.switches.get("wechat.card_custom_code") == "off":
        raise ApiError(43009, "no permission for custom codes")
    card_id = "p" + secrets.token_urlsafe(21)[:27]
    world.cards[card_id] = Card(appid, member, world.switches.get("wechat.card_review"))
    return {"card_id": card_id}


def get(world: World, appid: str, body: dict[str, Any]) -> dict[str, Any]:
    _only(body, "card_id")
    card = _card(world, appid, body.get("card_id"))
    base = card.member["base_info"] | {"id": body["card_id"], "status": STATUS[card.review]}
    return {"card": {"card_type": "MEMBER_CARD", "member_card": card.member | {"base_info": base}}}


def qrcode(world: World, appid: str, body: dict[str, Any]) -> dict[str, Any]:
    _only(body, "action_name", "action_info", "expire_seconds")
    if body.get("action_name") != "QR_CARD":
        raise ApiError(40053, "invalid action info")
    wanted = (body.get("action_info") or {}).get("card")
    if not isinstance(wanted, dict):
        raise ApiError(40053, "invalid action info")
    _only(wanted, "card_id", "code", "openid", "is_unique_code", "outer_str")
    card = _passed(_card(world, appid, wanted.get("card_id")))
    if card.member["base_info"].get("use_custom_code") and not wanted.get("code"):
        raise ApiError(40056, "invalid serial code")
    url = f"http://weixin.qq.com/q/{secrets.token_urlsafe(12)}"
    card.codes[url] = str(wanted.get("code") or "")
    return {"ticket": secrets.token_urlsafe(30), "expire_seconds": 1800, "url": url}


def activate(world: World, appid: str, body: dict[str, Any]) -> dict[str, Any]:
    _only(
        body, "membership_number", "code", "card_id", "init_bonus", "init_bonus_record",
        "init_balance", "activate_begin_time", "activate_end_time", "background_pic_url",
        *(f"init_{name}" for name in SHOWN),
    )  # fmt: skip
    card = _passed(_card(world, appid, body.get("card_id")))
    held = _held(card, body.get("code"))
    if not isinstance(body.get("membership_number"), str) or not body["membership_number"]:
        raise ApiError(41011, "missing required fields: membership_number")
    if "init_balance" in body:
        raise ApiError(43010, "no permission for stored value")
    held.is_active, held.number = True, body["membership_number"]
    held.shown |= _values({n.removeprefix("init_"): v for n, v in body.items()})
    return {}


def update(world: World, appid: str, body: dict[str, Any]) -> dict[str, Any]:
    _only(
        body, "code", "card_id", "bonus", "add_bonus", "record_bonus", "balance", "add_balance",
        "record_balance", "background_pic_url", "notify_optional", *SHOWN,
    )  # fmt: skip
    card = _passed(_card(world, appid, body.get("card_id")))
    held = _held(card, body.get("code"))
    if {"balance", "add_balance", "record_balance"} & set(body):
        raise ApiError(43010, "no permission for stored value")
    if not held.is_active:
        raise ApiError(40127, "card is not active")
    held.shown |= _values(body)
    wanted = body.get("notify_optional") or {}
    held.notices += bool(wanted.get("is_notify_custom_field1"))
    openid = world.openid(appid, held.person)
    return {"result_bonus": 0, "result_balance": 0, "openid": openid}


def _values(body: dict[str, Any]) -> dict[str, str]:
    found = {name: value for name, value in body.items() if name in SHOWN}
    if not all(isinstance(v, str) and len(v.encode()) <= 24 for v in found.values()):
        raise ApiError(45021, "field value too long")
    return found


def _passed(card: Card) -> Card:
    if card.review != "pass":
        raise ApiError(40078, "invalid card status")
    return card


def _held(card: Card, code: Any) -> Held:
    held = card.held.get(code) if isinstance(code, str) else None
    if held is None:
        raise ApiError(40056, "invalid serial code")
    return held


# --- what people do -----------------------------------------------------------------------------


def _mount_phone(app: Flask, world: World) -> None:
    @app.get("/sim/wechat/cards")
    def wechat_cards() -> ResponseReturnValue:
        with world.lock:
            return jsonify([_row(card_id, card) for card_id, card in world.cards.items()])

    @app.post("/sim/wechat/cards/<card_id>/review")
    def wechat_card_review(card_id: str) -> ResponseReturnValue:
        said = str((request.get_json(silent=True) or {}).get("as", ""))
        card = world.cards.get(card_id)
        if card is None or said not in STATUS:
            return jsonify(code="PARAM_ERROR", message="a card that exists; as: pass, fail"), 400
        card.review = said
        return jsonify(_row(card_id, card))

    @app.post("/sim/wechat/cards/take")
    def wechat_card_take() -> ResponseReturnValue:
        """`{"person", "cardId", "cardExt"}` as wx.addCard had it, or `{"person", "url"}`."""
        try:
            code = _take(world, request.get_json(silent=True) or {})
        except ApiError as no:
            return jsonify(code=no.code, message=no.text), 400
        return jsonify(code=code)


def _row(card_id: str, card: Card) -> dict[str, Any]:
    held = {code: vars(one) for code, one in card.held.items()}
    return {"card_id": card_id, "review": card.review, "held": held, "member_card": card.member}


def _take(world: World, body: dict[str, Any]) -> str:
    person = str(body.get("person", ""))
    if person not in PEOPLE:
        raise ApiError(40003, "invalid openid")
    with world.lock:
        card, code = _by_url(world, body) if "url" in body else _by_extension(world, body)
        if card.member["base_info"].get("use_custom_code") is not True:
            code = "".join(secrets.choice("0123456789") for _ in range(12))
        if code in card.held and card.held[code].person != person:
            raise ApiError(40056, "invalid serial code")
        if code not in card.held and any(one.person == person for one in card.held.values()):
            raise ApiError(45031, "over get_limit")
        card.held.setdefault(code, Held(person))
    world.note("phone", "领取会员卡", card.member["base_info"]["title"])
    return code


def _by_url(world: World, body: dict[str, Any]) -> tuple[Card, str]:
    for card in world.cards.values():
        if body["url"] in card.codes:
            return _passed(card), card.codes[body["url"]]
    raise ApiError(40053, "invalid action info")


def _by_extension(world: World, body: dict[str, Any]) -> tuple[Card, str]:
    card = world.cards.get(body.get("cardId", ""))
    if card is None:
        raise ApiError(40073, "invalid card id")
    try:
        given = strict_json.read(str(body["cardExt"]))
    except (KeyError, ValueError):
        raise ApiError(40080, "invalid cardExt") from None
    names = {"code", "openid", "timestamp", "nonce_str", "signature"}
    if not isinstance(given, dict) or set(given) - names:
        raise ApiError(40080, "invalid cardExt")
    values = [base_token.ticket_of(world, card.appid, "wx_card"), body["cardId"]]
    values += [str(value) for name, value in given.items() if name != "signature" and value]
    if hashlib.sha1("".join(sorted(values)).encode()).hexdigest() != given.get("signature"):
        raise ApiError(40084, "invalid signature")
    return _passed(card), str(given.get("code") or "")
