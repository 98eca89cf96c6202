"""The API's keys beside a merchant's own page: MD5, the provider's signing key, the debugger."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError
from services.cloudpay import debugger
from services.configuration import signing
from services.merchants import keys
from web.runtime import deps

HOME = "/console/merchants"
SIGN_HOME = "/console/settings/signing"


def md5_set(out_id: str) -> ResponseReturnValue:
    who, is_on = answers.operator(), request.form.get("md5") == "1"
    keys.set_md5(deps(), who.provider, out_id, is_on=is_on, actor=who.actor)
    return answers.see(f"{HOME}/{out_id}/keys")


def device_rule_set(out_id: str) -> ResponseReturnValue:
    who, rule = answers.operator(), request.form.get("rule", "")
    keys.set_device_rule(deps(), who.provider, out_id, rule, actor=who.actor)
    return answers.see(f"{HOME}/{out_id}/keys")


# --- the key that signs refunds ---------------------------------------------------------------


def sign_form() -> ResponseReturnValue:
    return answers.page("console/settings_signing.html", typed={}, problems={}, **_held())


def _held() -> dict[str, Any]:
    provider_id = answers.operator().provider
    held = deps().transact(lambda s: signing.read(s, provider_id))
    return {"held": held, "said": request.args.get("said", "")}


def sign_save() -> ResponseReturnValue:
    """Pastes a key, makes a pair that is shown this once, or takes the key away."""
    who, act = answers.operator(), request.form.get("act", "")
    if act == "make":
        made = signing.make(deps(), who.provider, actor=who.actor).made
        return answers.page(
            "console/settings_signing.html", typed={}, problems={}, made=made, **_held()
        )
    if act == "remove":
        signing.remove(deps(), who.provider, actor=who.actor)
        return answers.see(f"{SIGN_HOME}?said=removed")
    saved = signing.save(deps(), who.provider, request.form.get("public", ""), actor=who.actor)
    if saved.problem is not None:
        return answers.form_again(
            "console/settings_signing.html", {"public": saved.problem}, **_held()
        )
    return answers.page(
        "console/settings_signing.html", typed={}, problems={}, notes=saved.notes, is_saved=True,
        **_held(),
    )  # fmt: skip


# --- the debugger -----------------------------------------------------------------------------


def look_form() -> ResponseReturnValue:
    return answers.page("console/signature.html", typed={}, found=None, problem=None)


def look() -> ResponseReturnValue:
    """Nothing of what was pasted is kept; it comes back into its fields."""
    who, form = answers.operator(), request.form
    file = request.files.get("file")
    raw = file.read() if file is not None and file.filename else form.get("raw", "").encode()
    signed = form.get("signed", "")
    if not raw.strip():
        return answers.page("console/signature.html", 422, typed=form, found=None, is_empty=True)
    try:
        found = debugger.look(
            deps(), who.provider, raw, signed or None, user_id=who.user_id, actor=who.actor
        )
    except debugger.TooManyLooks as problem:
        return _again(form, problem)
    return answers.page("console/signature.html", typed=form, found=found)


def _again(form: Any, problem: AppError) -> ResponseReturnValue:
    return answers.page(
        "console/signature.html", problem.status, typed=form, found=None, problem=problem
    )
