"""The way in: signing in, choosing a provider, signing out."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError, NotFound
from services.console import own, signing_in
from services.console.rights import ROLE_NAMES
from services.console.signing_in import Entry
from services.payers import hashed
from web.runtime import deps
from web.visit import CONSOLE_COOKIE, set_cookie


def form() -> ResponseReturnValue:
    return answers.page(
        "console/sign_in.html",
        next=answers.own_path(request.args.get("next")),
        by_recovery="recovery" in request.args,
    )


def send() -> ResponseReturnValue:
    """A form without a session has no token: `SameSite=Lax` and the code keep others out."""
    by_recovery = "recovery" in request.form
    target = "/console/me" if by_recovery else answers.own_path(request.form.get("next"))
    entry = Entry(
        username=request.form.get("username", "")[:64],
        password=request.form.get("password", ""),
        code=request.form.get("otp", "")[:12],
        recovery=request.form.get("recovery", "")[:40],
        agent=request.headers.get("User-Agent", ""),
        address=request.remote_addr or "",
    )
    try:
        fresh = signing_in.sign_in(deps(), entry)
    except AppError as problem:
        return answers.page(
            "console/sign_in.html", problem.status, problem=problem, username=entry.username,
            next=answers.own_path(request.form.get("next")), by_recovery=by_recovery,
        )  # fmt: skip
    response = answers.see(target)
    set_cookie(response, CONSOLE_COOKIE, fresh, deps().settings)
    return response


def sign_out() -> ResponseReturnValue:
    who = answers.operator()
    deps().transact(lambda s: signing_in.sign_out(s, who.session_hash, deps().now()))
    return answers.see("/console/sign-in")


def choose() -> ResponseReturnValue:
    """For which provider, where the account works for several; and which have asked it to."""
    who = answers.operator()
    found = deps().transact(lambda s: own.offers(s, who.user_id))
    return answers.page("console/choose.html", providers=found, role_names=ROLE_NAMES)


def take() -> ResponseReturnValue:
    who = answers.operator()
    cookie = answers.session_id() or ""
    wanted = request.form.get("provider", "")[:32]
    if not deps().transact(lambda s: signing_in.choose(s, hashed(cookie), who.user_id, wanted)):
        raise NotFound(f"no provider {wanted}")
    return answers.see("/console/")


def answer_offer() -> ResponseReturnValue:
    """Yes or no to a provider that asked this account to work for it."""
    who, wanted = answers.operator(), request.form.get("provider", "")[:32]
    own.answer_offer(deps(), who, wanted, accept=request.form.get("answer") == "yes")
    return answers.see("/console/choose")
