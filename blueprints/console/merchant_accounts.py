"""Where a merchant's money goes: WeChat's number, the Alipay consent; its keys and permissions."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from blueprints.console.merchants import HOME, look
from errors import AppError, BadInput, Conflict
from models.merchant import ConsentState, Merchant, PermissionStep, Store, WechatRoute
from services.accounts import NotConfigured
from services.console.rights import Right
from services.merchants import client_ids, consents, forms, keys, permissions, reading, wechat
from services.merchants.permissions import FACE_TO_FACE, ROUTES, STEPS
from services.merchants.stores import grant_words
from services.stores.reading import name_of
from web.qr import svg_uri
from web.runtime import deps

CONSENTS: Final = {
    ConsentState.TAKEN: ("ok", "使用中"), ConsentState.WAITING: ("warn", "等你确认"),
    ConsentState.REFUSED: ("", "已拒绝"), ConsentState.ENDED: ("", "已停用"),
}  # fmt: skip


def wechat_form(out_id: str) -> ResponseReturnValue:
    """With `number` in the address: what the change would move, to be confirmed."""
    number, problem = forms.sub_mchid(request.args.get("number", ""))
    wants = "number" in request.args and problem is None
    return _wechat_page(out_id, wanted=number if wants else None, problem=problem)


def _wechat_page(
    out_id: str,
    status: int = 200,
    *,
    wanted: str | None = None,
    problem: AppError | None = None,
    at_appid: AppError | None = None,
) -> ResponseReturnValue:
    provider = answers.operator().provider

    def unit(session: Session) -> dict[str, Any]:
        merchant = reading.find(session, provider, out_id)
        if wanted == (merchant.wechat_sub_mchid or ""):
            return {"merchant": merchant, "same": True}
        moves = None if wanted is None else wechat.moves(session, deps(), merchant, "wechat")
        return {"merchant": merchant, "moves": moves}

    return answers.page(
        "console/merchant_wechat.html", status, own=f"{HOME}/{out_id}", tab="wechat",
        wanted=wanted, problem=problem, typed=request.values.get("number"), at_appid=at_appid,
        appid=request.form.get("appid"), **deps().transact(unit),
    )  # fmt: skip


def wechat_set(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    number, problem = forms.sub_mchid(request.form.get("number", ""))
    try:
        if problem is not None:
            raise problem
        wechat.set_number(
            deps(), who.provider, out_id, number, user_id=who.user_id, actor=who.actor
        )
    except AppError as error:
        return _kept(_wechat_page(out_id, 422, problem=error))
    return answers.see(f"{HOME}/{out_id}/wechat")


def appid_set(out_id: str) -> ResponseReturnValue:
    """The app that WeChat has bound to the merchant's number; an empty field takes it away."""
    who = answers.operator()
    appid, problem = client_ids.read_appid(request.form.get("appid", ""))
    try:
        if problem is not None:
            raise problem
        client_ids.set_appid(deps(), who.provider, out_id, appid, actor=who.actor)
    except BadInput as error:
        return _kept(_wechat_page(out_id, 422, at_appid=error))
    return answers.see(f"{HOME}/{out_id}/wechat")


def _kept(response: Any) -> ResponseReturnValue:
    """A change that was not made has used no code up."""
    response.headers["X-Form-Again"] = "1"
    return response  # type: ignore[no-any-return]


def alipay(out_id: str) -> ResponseReturnValue:
    return _alipay_page(out_id)


def _alipay_page(
    out_id: str, status: int = 200, problem: AppError | None = None
) -> ResponseReturnValue:
    who = answers.operator()

    def unit(session: Session) -> dict[str, Any]:
        merchant = reading.find(session, who.provider, out_id)
        rows = consents.history(session, merchant)
        pids = {row.pid for row in rows} | {merchant.alipay_pid or ""}
        stores = {one.id: one for one in reading.stores_of(session, merchant)}
        waiting = [row for row in rows if row.state is ConsentState.WAITING]
        return {
            "merchant": merchant, "rows": rows, "stores": stores, "waiting": waiting,
            "names": consents.names_of(session, who.provider, pids),
            "moves": wechat.moves(session, deps(), merchant, "alipay"),
        }  # fmt: skip

    shown = deps().transact(unit)
    link = _link(out_id)
    return answers.page(
        "console/merchant_alipay.html", status, own=f"{HOME}/{out_id}", tab="alipay",
        problem=problem, link=link, qr=svg_uri(link) if link else "", grant_words=grant_words,
        consent_words=CONSENTS, f2f=FACE_TO_FACE, name_of=name_of,
        life_days=consents.LINK_LIFE.days, **shown,
    )  # fmt: skip


def _link(out_id: str, shop: str = "") -> str:
    """ "" without an app at Alipay, or for who may not hand it out."""
    who = answers.operator()
    if not who.may(Right.MERCHANTS):
        return ""
    try:
        return consents.link(deps(), who.provider, out_id, shop)
    except NotConfigured:
        return ""


def alipay_decide(out_id: str) -> ResponseReturnValue:
    who, said = answers.operator(), request.form.get("consent", "")
    consents.decide(
        deps(), who.provider, out_id, int(said) if re.fullmatch(r"[0-9]{1,18}", said) else 0,
        takes=request.form.get("do") == "take", actor=who.actor,
    )  # fmt: skip
    return answers.see(f"{HOME}/{out_id}/alipay")


def alipay_clear(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    consents.clear(
        deps(), who.provider, out_id, request.form.get("store", "")[:32], actor=who.actor
    )
    return answers.see(f"{HOME}/{out_id}/alipay")


def granted() -> ResponseReturnValue:
    """The owner comes back from Alipay; nobody is signed in on his phone."""
    code, state = request.args.get("app_auth_code", "")[:64], request.args.get("state", "")[:140]
    try:
        back = consents.arrive(deps(), state, code)
    except AppError as problem:
        return answers.page("console/alipay_granted.html", problem.status, problem=problem)
    return answers.page("console/alipay_granted.html", back=back, problem=None)


def keys_page(out_id: str) -> ResponseReturnValue:
    """With `prefix` in the address: the second prefix as it would be kept, to be confirmed."""
    if "prefix" not in request.args:
        return _keys_page(out_id)
    who = answers.operator()
    prefix, problem = client_ids.read_prefix(request.args["prefix"])
    try:
        if problem is not None:
            raise problem
        deps().transact(
            lambda s: client_ids.refuse_second(s, reading.find(s, who.provider, out_id), prefix)
        )
    except (BadInput, Conflict) as error:
        return _keys_page(out_id, 422, at_prefix=error)
    return _keys_page(out_id, wanted=prefix)


def _keys_page(
    out_id: str,
    status: int = 200,
    problem: AppError | None = None,
    *,
    at_prefix: AppError | None = None,
    wanted: str = "",
) -> ResponseReturnValue:
    found = look(out_id)
    merchant: Merchant = found["merchant"]
    return answers.page(
        "console/merchant_keys.html", status, tab="keys", overlaps=keys.OVERLAPS,
        problem=problem, now=deps().now(), at_prefix=at_prefix, wanted=wanted,
        failures=keys.failures_today(merchant, deps().now()),
        prefix=request.values.get("prefix", "")[:40],
        devices=deps().transact(lambda s: keys.devices(s, merchant)), rules=keys.DEVICE_RULES,
        **found,
    )  # fmt: skip


def prefix_set(out_id: str) -> ResponseReturnValue:
    """The second order prefix, once and for good."""
    who = answers.operator()
    prefix, problem = client_ids.read_prefix(request.form.get("prefix", ""))
    try:
        if problem is not None:
            raise problem
        client_ids.set_second(deps(), who.provider, out_id, prefix, actor=who.actor)
    except (BadInput, Conflict) as error:
        return _kept(_keys_page(out_id, 422, at_prefix=error))
    return answers.see(f"{HOME}/{out_id}/keys")


def keys_reset(out_id: str) -> ResponseReturnValue:
    who, said = answers.operator(), request.form.get("overlap", "")
    overlap = int(said) if re.fullmatch(r"[0-9]{1,6}", said) else -1
    try:
        name, key = keys.reset(
            deps(), who.provider, out_id, overlap_minutes=overlap, actor=who.actor
        )
    except BadInput as problem:
        return _kept(_keys_page(out_id, 422, problem))
    merchant: Merchant = look(out_id)["merchant"]
    return answers.page(
        "console/merchant_keys_shown.html", name=name, key=key, out_id=out_id,
        order_prefix=merchant.order_prefix, is_new=False, overlap=overlap,
    )  # fmt: skip


def keys_saved(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    keys.saved(deps(), who.provider, out_id, actor=who.actor)
    return answers.see(f"{HOME}/{out_id}")


def permissions_page(out_id: str) -> ResponseReturnValue:
    return _permissions_page(out_id)


def _permissions_page(
    out_id: str, status: int = 200, problem: AppError | None = None
) -> ResponseReturnValue:
    found = look(out_id)
    merchant: Merchant = found["merchant"]
    missing: AppError | None = None
    try:
        permissions.refuse_deposit(merchant)
    except AppError as error:
        missing = error
    return answers.page(
        "console/merchant_permissions.html", status, tab="permissions", problem=problem,
        steps=STEPS, routes=ROUTES, f2f=FACE_TO_FACE, missing=missing, OPEN=PermissionStep.OPEN,
        **found,
    )  # fmt: skip


def permissions_set(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        values = permissions.read(request.form)
        permissions.write(deps(), who.provider, out_id, values, actor=who.actor)
    except AppError as problem:
        return _permissions_page(out_id, problem.status, problem)
    return answers.see(f"{HOME}/{out_id}/permissions")


def route_set(out_id: str) -> ResponseReturnValue:
    """切换渠道."""
    who, said = answers.operator(), request.form.get("route", "")
    try:
        if said not in set(WechatRoute):
            raise BadInput("从列表里选择渠道")
        permissions.set_route(deps(), who.provider, out_id, WechatRoute(said), actor=who.actor)
    except AppError as problem:
        return _permissions_page(out_id, problem.status, problem)
    return answers.see(f"{HOME}/{out_id}/permissions")


def store_link(store: Store, out_id: str) -> str:
    """The consent of a store of its own."""
    return _link(out_id, store.out_shop_id)
