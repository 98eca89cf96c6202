"""Pages of the merchant's backend, and what its forms and files have in common."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from flask import g, make_response, redirect, render_template, request
from flask.wrappers import Response

from blueprints.merchant import tabs
from errors import AppError, BadInput
from services.privacy import looks
from web.assets import linked_headers
from web.files import as_csv
from web.formats import local_time
from web.runtime import deps
from web.visit import STAFF_COOKIE, cookie_name


def page(template: str, status: int = 200, **shown: Any) -> Response:
    simulation = deps().settings.simulation
    shown = {"simulation": simulation, "status": status, "token": form_token(), **shown}
    shown.setdefault("tabs", tabs.shown())
    response = make_response(render_template(template, **shown), status)
    response.headers.update(linked_headers(deps().settings.simulator_url or None))
    return response


def refused(error: AppError, back_url: str) -> Response:
    """What stands against it, in the words of the error itself: these pages are Chinese alone."""
    title = str(error) if error.detail and not error.detail.isascii() else error.title
    return page(
        "errors/plain.html",
        error.status,
        title=title,
        steps=error.steps,
        codes=[error.code],
        home_url=back_url,
        home_label="返回",
    )


def form_token() -> str:
    """Shows that a form is ours and this session's; empty for nobody."""
    cookie = request.cookies.get(cookie_name(STAFF_COOKIE, deps().settings), "")
    return deps().ring.blind(cookie, "merchant-form")[:32] if cookie else ""


def check_token() -> None:
    if not hmac.compare_digest(request.form.get("token", "").encode(), form_token().encode()):
        raise BadInput("页面已过期，请返回上一页重新打开")


def see(url: str) -> Response:
    """After a POST."""
    return make_response(redirect(url, 303))


def as_personal_csv(name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    """A file about people: who took it and when stands in each of its rows, and in the audit."""
    taken_by = (g.staff.name, local_time(deps().now()))
    deps().transact(lambda s: looks.note_export(s, deps(), g.staff, name, len(rows)))
    marked = [(*row, *taken_by) for row in rows]
    return as_csv(name, (*head, "导出人", "导出时间"), marked)
