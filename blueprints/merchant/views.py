"""`/m/`: who comes in, and with what right; the pages stand in `routes.py`."""

from __future__ import annotations

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers
from blueprints.merchant.routes import NEEDS, ROUTES, Open
from errors import AppError, Forbidden
from services.payers import hashed
from services.people.acting import load_acting
from services.people.rights import may
from web.runtime import deps
from web.visit import STAFF_COOKIE, cookie_name

bp = Blueprint("merchant", __name__, url_prefix="/m")


@bp.before_request
def come_in() -> ResponseReturnValue | None:
    """A live session with the page's right, or the page that says how to get one.

    A page that `routes.py` does not declare is closed to everybody.
    """
    needs = NEEDS.get((request.endpoint or "").removeprefix("merchant."))
    if needs is Open.ANYONE:
        return None
    cookie = request.cookies.get(cookie_name(STAFF_COOKIE, deps().settings))
    who = (
        deps().transact(lambda s: load_acting(s, hashed(cookie), deps().now())) if cookie else None
    )
    if who is None:
        return _not_signed_in()
    g.staff = who
    if needs is not Open.SIGNED_IN and (needs is None or not may(who, needs)):
        raise Forbidden(str(needs))
    return None


def _not_signed_in() -> ResponseReturnValue:
    return answers.page(
        "errors/plain.html",
        401,
        title="还没有登录",
        steps=["商户后台在服务商的公众号里：打开公众号，点菜单「商户后台」。"],
        codes=["NOT_SIGNED_IN"],
    )


@bp.errorhandler(AppError)
def refused(error: AppError) -> ResponseReturnValue:
    """Somebody else's rows are told like rows that nobody has."""
    return answers.refused(error, "/m/")


for route in ROUTES:
    bp.add_url_rule(
        route.rule, endpoint=route.endpoint, view_func=route.view, methods=[route.method]
    )
