"""A fresh code of the second factor, asked for before a change that wants one.

A form that was sent without it comes back with one field: what was typed is kept inside and goes
on with the code. Files are not: their form asks before it is filled in, by its GET; where it was
sent too late nevertheless, the form hears of it (`FILE_LOST`).
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import answers
from errors import AppError
from services.console import signing_in
from services.console.acting import Operator
from web.runtime import deps

FILE_LOST = "file_lost"  # a form that comes back with the code, and had a file before
OWN_FIELDS = ("token", "otp", FILE_LOST)


def demand(who: Operator) -> ResponseReturnValue | None:
    """Nothing if a code was given moments ago or with this form, else the page that asks.

    A form takes the code with it: two that are sent at once are two codes. What changes nothing
    gives it back (`give_back`).
    """
    if request.method == "GET":
        if who.is_confirmed(deps().now()):
            return None
        return answers.see(f"/console/confirm?{urlencode({'next': _here()})}")
    typed = request.form.get("otp", "")
    if not _take(who):
        if not typed:
            return _ask(None)
        try:
            signing_in.confirm(deps(), who.user_id, who.session_hash, typed)
        except AppError as problem:
            return _ask(problem)
        if not _take(who):
            return _ask(None)
    return None


def _take(who: Operator) -> bool:
    g.code_given_at = deps().transact(
        lambda s: signing_in.take_confirmation(s, who.session_hash, deps().now())
    )
    return g.code_given_at is not None


def give_back(who: Operator) -> None:
    """The change was not made: the form may be sent again with the same code."""
    given = g.get("code_given_at")
    if given is not None:
        deps().transact(lambda s: signing_in.set_confirmation(s, who.session_hash, given))


def _here() -> str:
    return request.full_path.rstrip("?")


def _ask(problem: AppError | None) -> Response:
    """The same form again, its fields unseen, and the one for the code."""
    kept = [(n, v) for n, v in request.form.items(multi=True) if n not in OWN_FIELDS]
    if request.form.get(FILE_LOST) or any(one.filename for one in request.files.values()):
        kept.append((FILE_LOST, "1"))
    return answers.page(
        "console/confirm.html",
        401 if problem else 403,
        action=_here(),
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
