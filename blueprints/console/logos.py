"""Logos at the desk: the merchant's and the provider's, each by a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import answers, too_large
from blueprints.console.merchants import HOME, look
from errors import AppError
from services import logos
from services.after_payment.problems import PictureMissing, PictureSize
from web.runtime import deps


def merchant_form(out_id: str) -> ResponseReturnValue:
    return _merchant(out_id)


def _merchant(out_id: str, problem: AppError | None = None) -> Response:
    found = look(out_id)
    return _page("console/merchant_logo.html", problem, logo=found["merchant"].logo_id, **found)


def merchant_set(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    look(out_id)
    try:
        logos.set_of_merchant(deps(), who.provider, out_id, _sent(), actor=who.actor)
    except AppError as problem:
        return _merchant(out_id, problem)
    return answers.see(f"{HOME}/{out_id}/logo")


def provider_form() -> ResponseReturnValue:
    return _provider()


def _provider(problem: AppError | None = None) -> Response:
    provider_id = answers.operator().provider
    held = deps().transact(lambda s: logos.of_provider(s, provider_id))
    return _page("console/settings_logo.html", problem, logo=held)


def provider_set() -> ResponseReturnValue:
    who = answers.operator()
    try:
        logos.set_of_provider(deps(), who.provider, _sent(), actor=who.actor)
    except AppError as problem:
        return _provider(problem)
    return answers.see("/console/settings/logo")


def _page(template: str, problem: AppError | None, **shown: Any) -> Response:
    return answers.page(
        template, problem.status if problem else 200, tab="logo", wrong=problem,
        logo_at=f"/q/{answers.operator().out_mch_id}/logo/", **shown,
    )  # fmt: skip


def _sent() -> bytes | None:
    """None: it is to be taken away. Raises PictureMissing."""
    if request.form.get("do") == "remove":
        return None
    sent = request.files.get("logo")
    body = sent.read() if sent is not None else b""
    if not body:
        raise PictureMissing
    return body


def _too_large(_typed: Mapping[str, str], size: int) -> Response:
    problem = PictureSize(f"图片有 {size / 1048576:.1f} MB，最多 2 MB")
    out_id = (request.view_args or {}).get("out_id")
    return _provider(problem) if out_id is None else _merchant(out_id, problem)


too_large.FORMS.update({"merchant_logo_set": _too_large, "logo_set": _too_large})
