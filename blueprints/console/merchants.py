"""商户: the list, adding one by hand, its first page, changing, switching off and deleting."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import AppError, BadInput
from models.merchant import Merchant, MerchantSource, SubProvider
from services import maidan
from services.gold_plan.state import open_of
from services.health.reading import worst_of
from services.merchants import adding, changing, client_ids, deleting, forms, reading
from services.merchants.permissions import ROUTES
from services.merchants.problems import (
    MerchantChanged,
    MerchantExists,
    ProviderWrong,
    SubMerchantWrong,
    WechatSilent,
)
from services.merchants.stores import grant_words
from web.runtime import deps

HOME: Final = "/console/merchants"
LEVELS: Final = {
    "ok": ("ok", "正常"), "warn": ("warn", "注意"), "bad": ("bad", "需处理"),
    "unknown": ("", "未检查"),
}  # fmt: skip
AT_NUMBER: Final = (SubMerchantWrong, ProviderWrong, WechatSilent)


def index() -> ResponseReturnValue:
    who, wanted = answers.operator(), _wanted()
    before, after = _cursor("before"), _cursor("after")

    def unit(session: Session) -> dict[str, Any]:
        found = reading.listed(
            session, who.provider, wanted, deps().now(), before=before, after=after
        )
        ids = [line.merchant.id for line in found.lines]
        return {
            "found": found, "count": reading.counted(session, who.provider, wanted),
            "plans": open_of(session, who.provider, ids),
            "levels": worst_of(session, who.provider, ids),
            "sub_providers": adding.sub_providers(session, who.provider),
        }  # fmt: skip

    shown = deps().transact(unit)
    kept = {n: v for n in ("q", "source", "state", "sub") if (v := request.args.get(n, "")[:64])}
    return answers.page(
        "console/merchants.html", wanted=wanted, kept=kept, query=urlencode(kept),
        sources=reading.SOURCES, grant_words=grant_words, LEVELS=LEVELS, **shown,
    )  # fmt: skip


def _wanted() -> reading.Wanted:
    said = request.args
    source = said.get("source", "")
    sub = said.get("sub", "")
    return reading.Wanted(
        q=said.get("q", "").strip()[:64].replace("\x00", ""),
        source=MerchantSource(source) if source in set(MerchantSource) else None,
        is_troubled=said.get("state") == "trouble",
        sub_provider_id=int(sub) if re.fullmatch(r"[0-9]{1,18}", sub) else None,
    )


def _cursor(name: str) -> int | None:
    said = request.args.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None


def new() -> ResponseReturnValue:
    return answers.page("console/merchant_new.html", typed={}, problems={}, **_choices())


def _choices() -> dict[str, Any]:
    provider = answers.operator().provider
    return {"sub_providers": deps().transact(lambda s: adding.sub_providers(s, provider))}


def add() -> ResponseReturnValue:
    """Only with a number that WeChat knows below this provider; then its key is shown, once."""
    who = answers.operator()
    typed = forms.read(request.form)
    number, problem = forms.sub_mchid(request.form.get("wechat_sub_mchid", ""))
    if problem is not None:
        typed.faults["wechat_sub_mchid"] = problem
    appid, problem = client_ids.read_appid(request.form.get("wechat_sub_appid", ""))
    if appid and not number and "wechat_sub_mchid" not in typed.faults:
        problem = BadInput("先填写微信子商户号：AppID 是绑定在它上面的")
    if problem is not None:
        typed.faults["wechat_sub_appid"] = problem
    sub_provider = _sub_provider(typed)
    if typed.faults:
        return answers.form_again("console/merchant_new.html", typed.faults, **_choices())
    values = {
        **typed.values, "wechat_sub_mchid": number, "wechat_sub_appid": appid or None,
        "sub_provider_id": sub_provider,
    }  # fmt: skip
    try:
        made = adding.add(deps(), who.provider, values, user_id=who.user_id, actor=who.actor)
    except MerchantExists as error:
        return answers.form_again(
            "console/merchant_new.html", {"wechat_sub_mchid": error}, exists=error,
            number=number, **_choices(),
        )  # fmt: skip
    except AppError as error:
        field = "wechat_sub_mchid" if isinstance(error, AT_NUMBER) else ""
        return answers.form_again("console/merchant_new.html", {field: error}, **_choices())
    return answers.page(
        "console/merchant_keys_shown.html", 201, name=values["name"], key=made.authen_key,
        out_id=made.out_sub_mch_id, order_prefix=made.order_prefix, is_new=True, overlap=0,
    )  # fmt: skip


def _sub_provider(typed: forms.Typed) -> int | None:
    said = request.form.get("sub_provider_id", "")
    if not said:
        return None
    known = {str(one.id): one.id for one in _choices()["sub_providers"]}
    if said not in known:
        typed.faults["sub_provider_id"] = BadInput("从列表里选择子服务商")
    return known.get(said)


def look(out_id: str) -> dict[str, Any]:
    """What every page of one merchant shows at its head."""
    provider = answers.operator().provider

    def unit(session: Session) -> Merchant:
        return reading.find(session, provider, out_id)

    merchant = deps().transact(unit)
    return {"merchant": merchant, "own": f"{HOME}/{out_id}"}


def show(out_id: str) -> ResponseReturnValue:
    return _first_page(out_id)


def _first_page(out_id: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider

    def unit(session: Session) -> dict[str, Any]:
        merchant = reading.find(session, provider, out_id)
        came_by = None
        if merchant.sub_provider_id is not None:
            came_by = session.get(SubProvider, (provider, merchant.sub_provider_id))
        return {
            "merchant": merchant, "came_by": came_by,
            "stores": reading.stores_of(session, merchant),
            "standing": deleting.standing(session, merchant, deps().now()),
            "level": worst_of(session, provider, [merchant.id])[merchant.id],
            "plan": merchant.id in open_of(session, provider, [merchant.id]),
            "devices": maidan.devices_of(session, provider, merchant.id),
        }  # fmt: skip

    return answers.page(
        "console/merchant.html", status, own=f"{HOME}/{out_id}", tab="", LEVELS=LEVELS,
        sources=reading.SOURCES, device_words=maidan.DEVICE_WORDS, routes=ROUTES,
        grant_words=grant_words, rebate=forms.shown_rebate,
        **{"problem": None, **deps().transact(unit), **more},
    )  # fmt: skip


def edit(out_id: str) -> ResponseReturnValue:
    found = look(out_id)
    merchant: Merchant = found["merchant"]
    typed = {
        **{name: getattr(merchant, name) for name in forms.TEXTS},
        "rebate": forms.shown_rebate(merchant.rebate_bp), "version": merchant.version,
    }  # fmt: skip
    return answers.page("console/merchant_edit.html", typed=typed, problems={}, tab="", **found)


def change(out_id: str) -> ResponseReturnValue:
    """Whoever saw an older version is told, and nothing that he typed is lost."""
    who, typed = answers.operator(), forms.read(request.form)
    found = look(out_id)
    if typed.faults:
        return answers.form_again("console/merchant_edit.html", typed.faults, tab="", **found)
    said = request.form.get("version", "")
    seen = int(said) if re.fullmatch(r"[0-9]{1,9}", said) else 0
    try:
        changing.change(deps(), who.provider, out_id, seen, typed.values, actor=who.actor)
    except MerchantChanged as error:
        return answers.form_again(
            "console/merchant_edit.html", {"": error}, conflict=error, tab="", **look(out_id)
        )
    return answers.see(f"{HOME}/{out_id}")


def switch(out_id: str) -> ResponseReturnValue:
    who, on = answers.operator(), request.form.get("on") == "1"
    changing.switch(deps(), who.provider, out_id, is_active=on, actor=who.actor)
    return answers.see(f"{HOME}/{out_id}")


def delete(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        if request.form.get("sure") != "1":
            raise BadInput("勾选「我确认删除」后再提交")
        deleting.delete(deps(), who.provider, out_id, actor=who.actor)
    except AppError as problem:
        return _first_page(out_id, problem.status, problem=problem)
    return answers.see(HOME)
