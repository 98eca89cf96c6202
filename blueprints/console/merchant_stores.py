"""Stores of a merchant at the provider's desk, their groups, and accounts of their own."""

from __future__ import annotations

import re
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from blueprints.console.merchant_accounts import store_link
from blueprints.console.merchants import HOME
from errors import AppError, BadInput
from gateways.alipay.shops import Shop
from services.merchants import forms, reading, stores, wechat
from services.merchants.stores import grant_words
from services.stores.reading import name_of
from web.qr import svg_uri
from web.runtime import deps


def index(out_id: str) -> ResponseReturnValue:
    return _index(out_id)


def _index(out_id: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider

    def unit(session: Session) -> dict[str, Any]:
        merchant = reading.find(session, provider, out_id)
        return {
            "merchant": merchant, "stores": reading.stores_of(session, merchant),
            "groups": stores.groups_of(session, merchant),
        }  # fmt: skip

    return answers.page(
        "console/merchant_stores.html", status, own=f"{HOME}/{out_id}", tab="stores",
        name_of=name_of, grant_words=grant_words,
        **{"problems": {}, "typed": {}, **deps().transact(unit), **more},
    )  # fmt: skip


def add(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        shop = stores.add(
            deps(), who.provider, out_id, name=request.form.get("name", ""),
            branch_name=request.form.get("branch_name", ""), actor=who.actor,
        )  # fmt: skip
    except BadInput as problem:
        return _index(out_id, 422, problems={"name": problem}, typed=request.form)
    return answers.see(f"{HOME}/{out_id}/stores/{shop}")


def group_add(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        stores.add_group(
            deps(), who.provider, out_id, request.form.get("group", ""), actor=who.actor
        )
    except AppError as problem:
        if problem.status == 404:
            raise
        return _index(out_id, 422, problems={"group": problem}, typed=request.form)
    return answers.see(f"{HOME}/{out_id}/stores")


def group_remove(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    stores.remove_group(deps(), who.provider, out_id, _number("group") or 0, actor=who.actor)
    return answers.see(f"{HOME}/{out_id}/stores")


def _number(name: str) -> int | None:
    said = request.form.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None


def show(out_id: str, shop: str) -> ResponseReturnValue:
    return _store_page(out_id, shop)


def _store_page(out_id: str, shop: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider
    number, fault = forms.sub_mchid(request.args.get("number", ""))

    def unit(session: Session) -> dict[str, Any]:
        merchant, store = reading.find_store(session, provider, out_id, shop)
        wants = "number" in request.args and fault is None
        moves = None
        if wants and number != (store.wechat_sub_mchid or ""):
            moves = wechat.moves(session, deps(), merchant, "wechat", store.id)
        return {
            "merchant": merchant, "store": store, "moves": moves, "wanted": number,
            "groups": stores.groups_of(session, merchant),
        }  # fmt: skip

    shown = deps().transact(unit)
    link = store_link(shown["store"], out_id)
    problems = {"number": fault} if fault is not None else {}
    return answers.page(
        "console/merchant_store.html", status, own=f"{HOME}/{out_id}",
        at=f"{HOME}/{out_id}/stores/{shop}", tab="stores", name_of=name_of,
        grant_words=grant_words, link=link, qr=svg_uri(link) if link else "",
        **{"problems": problems, "shops": None, "typed": request.values, **shown, **more},
    )  # fmt: skip


def wechat_set(out_id: str, shop: str) -> ResponseReturnValue:
    """The store's own number, or none: then the merchant's holds."""
    who = answers.operator()
    number, problem = forms.sub_mchid(request.form.get("number", ""))
    try:
        if problem is not None:
            raise problem
        wechat.set_store_number(
            deps(), who.provider, (out_id, shop), number,
            has_maidan=request.form.get("has_maidan") == "1", user_id=who.user_id,
            actor=who.actor,
        )  # fmt: skip
    except AppError as error:
        if error.status == 404:
            raise
        again: Any = _store_page(out_id, shop, 422, problems={"number": error})
        again.headers["X-Form-Again"] = "1"
        return again  # type: ignore[no-any-return]
    return answers.see(f"{HOME}/{out_id}/stores/{shop}")


def change(out_id: str, shop: str) -> ResponseReturnValue:
    """Its group and its 买单 store."""
    who = answers.operator()
    try:
        stores.set_group(deps(), who.provider, out_id, shop, _number("group"), actor=who.actor)
        stores.set_maidan_store(
            deps(), who.provider, out_id, shop, request.form.get("maidan_store_id", ""),
            actor=who.actor,
        )  # fmt: skip
    except AppError as problem:
        if problem.status == 404:
            raise
        return _store_page(out_id, shop, 422, problems={"maidan_store_id": problem})
    return answers.see(f"{HOME}/{out_id}/stores/{shop}")


def koubei(out_id: str, shop: str) -> ResponseReturnValue:
    """What Alipay lists now, to be picked from."""
    provider = answers.operator().provider
    found: list[Shop] = []
    try:
        found = stores.koubei_shops(deps(), provider, out_id, shop)
    except AppError as problem:
        if problem.status == 404:
            raise
        return _store_page(out_id, shop, problems={"koubei": problem})
    return _store_page(out_id, shop, shops=found)


def koubei_set(out_id: str, shop: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        stores.set_koubei(
            deps(), who.provider, out_id, shop, request.form.get("shop_id", "")[:32],
            actor=who.actor,
        )  # fmt: skip
    except AppError as problem:
        if problem.status == 404:
            raise
        return _store_page(out_id, shop, 422, problems={"koubei": problem})
    return answers.see(f"{HOME}/{out_id}/stores/{shop}")
