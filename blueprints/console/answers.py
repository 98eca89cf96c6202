"""Pages of the console, and what its forms and files have in common."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import nav
from errors import AppError, BadInput
from services.console.acting import Operator
from web.assets import linked_headers
from web.runtime import deps
from web.visit import CONSOLE_COOKIE, cookie_name

HTMX: Final = "HX-Request"


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A whole page; a template of a part (its name begins with _) is answered as it is."""
    shown = {
        "simulation": deps().settings.simulation, "status": status, "token": form_token(),
        "operator": g.get("operator"), "nav": nav.shown(), **shown,
    }  # fmt: skip
    response = make_response(render_template(template, **shown), status)
    response.headers.update(linked_headers())
    return response


def form_again(template: str, problems: Mapping[str, AppError], **shown: Any) -> Response:
    """The form as it was sent, with what stands against it at its fields: 422.

    `problems` by the name of the field; "" is about all of it.
    """
    response = page(template, 422, problems=problems, typed=request.form, **shown)
    response.headers["X-Form-Again"] = "1"
    return response


def refused(error: AppError) -> Response:
    """What stands against it, in the words of the error itself: the console is Chinese alone."""
    title = str(error) if error.detail and not error.detail.isascii() else error.title
    return page(
        "console/refused.html", error.status, title=title, steps=error.steps, codes=[error.code]
    )


def operator() -> Operator:
    """Who acts; only behind a page that is not open to anyone."""
    who: Operator = g.operator
    return who


def session_id() -> str | None:
    return request.cookies.get(cookie_name(CONSOLE_COOKIE, deps().settings))


def sign_in_first() -> ResponseReturnValue:
    back = request.full_path.rstrip("?") if request.method == "GET" else "/console/"
    url = "/console/sign-in" + ("" if back == "/console/" else f"?next={quote(back, safe='/')}")
    if request.headers.get(HTMX):  # a part of a page whose session has ended: the whole page goes
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url
        return response
    return redirect(url, 303)


def own_path(said: str | None) -> str:
    """A path below `/console/` to go on to; whatever else was said, the first page."""
    target = said or ""
    parts = urlsplit(target)
    is_own = not parts.scheme and not parts.netloc and target.startswith("/console/")
    is_plain = target.isprintable() and "\\" not in target and "//" not in target
    return target if is_own and is_plain and len(target) < 1000 else "/console/"


def form_token() -> str:
    """Shows that a form is ours and this session's; empty for nobody."""
    cookie = session_id()
    return deps().ring.blind(cookie, "console-form")[:32] if cookie else ""


def check_token() -> None:
    said = request.form.get("token") or request.headers.get("X-Form-Token") or ""
    if not hmac.compare_digest(said.encode(), form_token().encode()):
        raise BadInput("页面已过期，请返回上一页重新打开")


def see(url: str) -> Response:
    """After a POST."""
    return make_response(redirect(url, 303))
