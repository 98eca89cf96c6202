"""A fresh code of the second factor, asked for before a change that wants one.

A form that was sent without it comes back with one field: what was typed is kept inside and goes
on with the code. Files are not: their form asks before it is filled in, by its GET.
"""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import answers
from errors import AppError
from services.console import signing_in
from services.console.acting import Operator
from web.runtime import deps

OWN_FIELDS = ("token", "otp")


def demand(who: Operator) -> ResponseReturnValue | None:
    """Nothing if a code was given moments ago or with this form, else the page that asks."""
    if who.is_confirmed(deps().now()):
        return None
    if request.method == "GET":
        back = request.full_path.rstrip("?")
        return answers.see(f"/console/confirm?next={back}")
    typed = request.form.get("otp", "")
    if not typed:
        return _ask(None)
    try:
        signing_in.confirm(deps(), who.user_id, who.session_hash, typed)
    except AppError as problem:
        return _ask(problem)
    return None


def _ask(problem: AppError | None) -> Response:
    """The same form again, its fields unseen, and the one for the code."""
    kept = [(n, v) for n, v in request.form.items(multi=True) if n not in OWN_FIELDS]
    return answers.page(
        "console/confirm.html",
        401 if problem else 403,
        action=request.full_path.rstrip("?"),
        kept=kept,
        problem=problem,
    )


def form() -> ResponseReturnValue:
    target = answers.own_path(request.args.get("next"))
    return answers.page("console/confirm.html", action="/console/confirm", kept=[("next", target)])


def send() -> ResponseReturnValue:
    who, target = answers.operator(), answers.own_path(request.form.get("next"))
    try:
        signing_in.confirm(deps(), who.user_id, who.session_hash, request.form.get("otp", ""))
    except AppError as problem:
        return answers.page(
            "console/confirm.html", problem.status,
            action="/console/confirm", kept=[("next", target)], problem=problem,
        )  # fmt: skip
    return answers.see(target)
