"""`/console/`: who comes in, and with what right; the pages stand in `routes.py`."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from blueprints.console import answers, confirming, too_large
from blueprints.console.routes import BY_ENDPOINT, ROUTES, Open
from errors import AppError, Forbidden
from services import audit
from services.console.acting import Operator, load_operator
from services.payers import hashed
from web.runtime import deps

bp = Blueprint("console", __name__, url_prefix="/console")


@bp.before_request
def come_in() -> ResponseReturnValue | None:
    """A live session with the page's right, or the page that says how to get one.

    A page that `routes.py` does not declare is closed to everybody. A change that `confirms` is
    let through with a fresh code only: given moments ago, or with this very form.
    """
    route = BY_ENDPOINT.get((request.endpoint or "").removeprefix("console."))
    if route is not None:
        request.max_content_length = route.most_bytes
    needs = None if route is None else route.needs
    if needs is Open.ANYONE:
        return None
    cookie = answers.session_id()
    who = (
        deps().transact(lambda s: load_operator(s, hashed(cookie), deps().now()))
        if cookie
        else None
    )
    if who is None:
        return answers.sign_in_first()
    g.operator = who
    if request.method == "POST":
        answers.check_token()
    if needs is not Open.SIGNED_IN:
        if who.role is None:
            return redirect("/console/choose", 303)
        if needs is None or isinstance(needs, Open) or not who.may(needs):
            _remember(who)
            raise Forbidden(str(needs))
    if route is not None and route.confirms:
        return confirming.demand(who)
    return None


def _remember(who: Operator) -> None:
    """Whoever sent a form that he has no right to stands in the audit."""
    if request.method == "GET":
        return
    page = (request.endpoint or "").removeprefix("console.")
    deps().transact(
        lambda s: audit.record(
            s, provider_id=who.provider, actor=who.actor, action="page_denied",
            subject="console", at=deps().now(), page=page,
        )
    )  # fmt: skip


@bp.after_request
def one_change_per_code(response: Response) -> Response:
    """A change that was made has used its code up; a form that came back may be sent again."""
    route = BY_ENDPOINT.get((request.endpoint or "").removeprefix("console."))
    who = g.get("operator")
    if route is not None and route.confirms and request.method == "POST" and who is not None:
        is_form_again = response.headers.pop("X-Form-Again", "")
        if is_form_again or response.status_code not in (200, 201, 303):
            confirming.give_back(who)
    return response


@bp.errorhandler(AppError)
def refused(error: AppError) -> ResponseReturnValue:
    """Somebody else's rows are told like rows that nobody has."""
    return answers.refused(error)


bp.register_error_handler(RequestEntityTooLarge, too_large.answer)
for route in ROUTES:
    bp.add_url_rule(
        route.rule, endpoint=route.endpoint, view_func=route.view, methods=[route.method]
    )
