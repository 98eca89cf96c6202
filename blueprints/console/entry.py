"""The way in: signing in, choosing a provider, signing out."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from blueprints.console import answers
from errors import AppError, NotFound
from services.console import signing_in
from services.payers import hashed
from web.runtime import deps
from web.visit import CONSOLE_COOKIE, set_cookie


def form() -> ResponseReturnValue:
    return answers.page("console/sign_in.html", next=answers.own_path(request.args.get("next")))


def send() -> ResponseReturnValue:
    """A form without a session has no token: `SameSite=Lax` and the code keep others out."""
    target = answers.own_path(request.form.get("next"))
    username = request.form.get("username", "")[:64]
    try:
        fresh = signing_in.sign_in(
            deps(),
            username,
            request.form.get("password", ""),
            request.form.get("otp", "")[:12],
            agent=request.headers.get("User-Agent", ""),
        )
    except AppError as problem:
        return answers.page(
            "console/sign_in.html", problem.status, problem=problem, username=username, next=target
        )
    response = answers.see(target)
    set_cookie(response, CONSOLE_COOKIE, fresh, deps().settings)
    return response


def sign_out() -> ResponseReturnValue:
    who = answers.operator()
    deps().transact(lambda s: signing_in.sign_out(s, who.session_hash, deps().now()))
    return answers.see("/console/sign-in")


def choose() -> ResponseReturnValue:
    """For which provider, where the account works for several."""
    who = answers.operator()
    found = deps().transact(
        lambda s: s.execute(
            text(
                "SELECT p.out_mch_id, p.name, m.role FROM console_member m"
                " JOIN provider p ON p.id = m.provider_id"
                " WHERE m.user_id = :u AND m.is_active ORDER BY p.id"
            ),
            {"u": who.user_id},
        ).all()
    )
    return answers.page("console/choose.html", providers=found)


def take() -> ResponseReturnValue:
    who = answers.operator()
    cookie = answers.session_id() or ""
    wanted = request.form.get("provider", "")[:32]
    if not deps().transact(lambda s: signing_in.choose(s, hashed(cookie), who.user_id, wanted)):
        raise NotFound(f"no provider {wanted}")
    return answers.see("/console/")
