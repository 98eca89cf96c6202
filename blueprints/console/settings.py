"""`/console/settings`: the provider's particulars, its keys at both wallets, its callback.

A stored secret is never sent back; what was typed comes back only where it could not be saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers, too_large
from blueprints.console.confirming import FILE_LOST
from blueprints.console.findings import SHOWN
from errors import AppError
from models.provider import Provider
from services import onboarding
from services.configuration import basics, callback_test, keypair, p12, wallets, words
from services.configuration.words import FieldWrong, PidChange
from services.health import reading, running
from services.onboarding import set_callback
from web.runtime import deps

GRANT_BACK: Final = "/console/alipay/granted"  # the app's 授权回调地址
WALLETS: Final = {"wechat": "wechat_", "alipay": "alipay_"}


def index() -> ResponseReturnValue:
    """Everything at a glance, with what the last checks said of each part."""
    who = answers.operator()

    def unit(session: Session) -> dict[str, Any]:
        row = session.get_one(Provider, who.provider)
        return {
            "basics": basics.read(session, deps(), who.provider),
            "wechat": wallets.facts(session, who.provider, "wechat"),
            "alipay": wallets.facts(session, who.provider, "alipay"),
            "wechat_since": wallets.secrets_since(session, who.provider, "wechat"),
            "alipay_since": wallets.secrets_since(session, who.provider, "alipay"),
            "callback_url": row.callback_url if row.callback_is_active else "",
            "on_refund": row.callback_on_refund,
            "out_mch_id": row.out_mch_id,
            "findings": reading.of_provider(session, who.provider, deps().now()),
        }

    return answers.page(
        "console/settings.html", **deps().transact(unit), shown=SHOWN,
        said=request.args.get("said", ""), is_old=_is_overlapping(who.provider),
    )  # fmt: skip


def _is_overlapping(provider_id: int) -> bool:
    """Whether a key that was replaced is still good beside the new one."""

    def unit(session: Session) -> bool:
        parts = [wallets.secrets_since(session, provider_id, one) for one in WALLETS]
        older = wallets.facts(session, provider_id, "wechat").get("older_public_keys")
        doubled = ("apiv3_key", "alipay_public_key")
        return bool(older) or any(len(p.get(k, [])) > 1 for p in parts for k in doubled)

    return deps().transact(unit)


# --- particulars ------------------------------------------------------------------------------


def basics_form() -> ResponseReturnValue:
    who = answers.operator()
    held = deps().transact(lambda s: basics.read(s, deps(), who.provider))
    return answers.page("console/settings_basics.html", held=held, typed={}, problems={})


def basics_save() -> ResponseReturnValue:
    who = answers.operator()
    problems = basics.save(deps(), who.provider, request.form, actor=who.actor)
    if problems:
        held = deps().transact(lambda s: basics.read(s, deps(), who.provider))
        return answers.form_again("console/settings_basics.html", problems, held=held)
    return answers.see("/console/settings?said=basics")


# --- keys -------------------------------------------------------------------------------------


def wechat_form() -> ResponseReturnValue:
    return answers.page("console/settings_wechat.html", typed={}, problems={}, **_held("wechat"))


def wechat_save() -> ResponseReturnValue:
    who, sent = answers.operator(), request.files.get("p12")
    file = sent.read(p12.MOST_BYTES + 1) if sent is not None else b""
    if request.form.get(FILE_LOST) and not file:
        lost = FieldWrong("文件没有随动态验证码一起带上，请再选一次")
        held = _held("wechat")
        return answers.form_again("console/settings_wechat.html", {"p12": lost}, **held)
    out = wallets.save_wechat(deps(), who.provider, request.form, file=file, actor=who.actor)
    if out.problems:
        held = _held("wechat")
        return answers.form_again("console/settings_wechat.html", out.problems, **held)
    return _saved("wechat", out)


def _too_large(typed: Mapping[str, str], _size: int) -> Response:
    """The form again, without the file that was too large for it."""
    wrong = {p12.FIELD: FieldWrong("证书文件：文件太大，不是 apiclient_cert.p12")}
    shown = {"problems": wrong, "typed": typed, **_held("wechat")}
    response = answers.page("console/settings_wechat.html", 422, **shown)
    response.headers["X-Form-Again"] = "1"
    return response


too_large.FORMS["wechat_keys_save"] = _too_large


def alipay_form() -> ResponseReturnValue:
    return answers.page("console/settings_alipay.html", typed={}, problems={}, **_held("alipay"))


def alipay_save() -> ResponseReturnValue:
    who, sure = answers.operator(), request.form.get("sure", "")
    out = wallets.save_alipay(deps(), who.provider, request.form, sure=sure, actor=who.actor)
    if out.asks is not None:
        before, after = out.asks
        problem = PidChange(f"PID 将改为 {after}：核对无误后，勾选下面的确认再保存")
        return answers.form_again(
            "console/settings_alipay.html",
            {"pid": problem},
            asks=(before, after),
            **_held("alipay"),
        )
    if out.problems:
        held = _held("alipay")
        return answers.form_again("console/settings_alipay.html", out.problems, **held)
    return _saved("alipay", out)


def _held(channel: str) -> dict[str, Any]:
    provider_id = answers.operator().provider
    return {
        "grant_back": deps().settings.base_url + GRANT_BACK,
        "facts": deps().transact(lambda s: wallets.facts(s, provider_id, channel)),
        "since": deps().transact(lambda s: wallets.secrets_since(s, provider_id, channel)),
        "oa_since": deps().transact(
            lambda s: wallets.secrets_since(s, provider_id, "wechat", "oa")
        ),
    }


def _saved(channel: str, out: wallets.Outcome) -> ResponseReturnValue:
    """What was changed and put right; the wallet is asked at once whether it is right now."""
    provider_id = answers.operator().provider
    if out.changed:
        running.check_provider(deps(), provider_id, WALLETS[channel])
    found = deps().transact(lambda s: reading.of_provider(s, provider_id, deps().now()))
    return answers.page(
        "console/settings_saved.html", out=out, shown=SHOWN, channel=channel,
        findings=[one for one in found if one.check.name.startswith(WALLETS[channel])],
    )  # fmt: skip


def ask_wechat() -> ResponseReturnValue:
    return _asked("wechat")


def ask_alipay() -> ResponseReturnValue:
    return _asked("alipay")


def _asked(channel: str) -> ResponseReturnValue:
    """A test request: the upstream's own code and text stand at what it is about."""
    running.check_provider(deps(), answers.operator().provider, WALLETS[channel])
    return answers.see(f"/console/settings?said=asked#{channel}")


def retire() -> ResponseReturnValue:
    """Ends the overlap of every key that was replaced."""
    who = answers.operator()
    onboarding.retire_replaced(deps(), who.out_mch_id, actor=who.actor)
    return answers.see("/console/settings?said=retired")


# --- a key pair -------------------------------------------------------------------------------


def pair_form() -> ResponseReturnValue:
    return answers.page("console/settings_keypair.html", typed={}, problems={})


def pair_send() -> ResponseReturnValue:
    """Makes a pair that is shown this once and kept nowhere, or says whether two are a pair."""
    if request.form.get("act") == "make":
        return answers.page(
            "console/settings_keypair.html", typed={}, problems={}, made=keypair.make()
        )
    found = keypair.compare(request.form.get("private", ""), request.form.get("public", ""))
    if found.problems:
        return answers.form_again("console/settings_keypair.html", found.problems)
    return answers.page(
        "console/settings_keypair.html", typed=request.form, problems={}, found=found
    )


# --- callback ---------------------------------------------------------------------------------


def callback_form() -> ResponseReturnValue:
    return answers.page(
        "console/settings_callback.html", typed={}, problems={}, **_callback(),
        said=request.args.get("said", ""),
    )  # fmt: skip


def callback_save() -> ResponseReturnValue:
    who, url = answers.operator(), request.form.get("url", "").strip()
    try:
        if not url:
            onboarding.stop_callback(deps(), who.out_mch_id, actor=who.actor)
            return answers.see("/console/settings/callback?said=stopped")
        on_refund = request.form.get("on_refund") == "1"
        made = set_callback(deps(), who.out_mch_id, url, on_refund=on_refund, actor=who.actor)
    except AppError as problem:
        wrong = FieldWrong("还没有填回调地址") if not url else words.said(problem)
        problems = {"url": wrong}
        return answers.form_again("console/settings_callback.html", problems, **_callback())
    if made.new_key:
        return _key_shown(made.new_key)
    return answers.see("/console/settings/callback?said=saved")


def callback_key() -> ResponseReturnValue:
    who = answers.operator()
    return _key_shown(onboarding.new_authen_key(deps(), who.out_mch_id, actor=who.actor))


def _key_shown(key: str) -> ResponseReturnValue:
    return answers.page("console/settings_key.html", key=key)


def callback_send() -> ResponseReturnValue:
    who = answers.operator()
    try:
        callback_test.send(deps(), who.provider, actor=who.actor)
    except AppError as problem:
        return answers.form_again(
            "console/settings_callback.html", {"url": words.said(problem)}, **_callback()
        )
    return answers.see("/console/settings/callback?said=tested")


def _callback() -> dict[str, Any]:
    provider_id = answers.operator().provider

    def unit(session: Session) -> dict[str, Any]:
        row = session.get_one(Provider, provider_id)
        found = reading.of_provider(session, provider_id, deps().now())
        return {
            "url": row.callback_url if row.callback_is_active else "",
            "on_refund": row.callback_on_refund,
            "has_key": row.authen_key_sealed is not None,
            "findings": [one for one in found if one.check.name == "callback"],
            "shown": SHOWN,
        }

    return deps().transact(unit)
