"""`/oa/…`: what WeChat pushes, answered within five seconds; and the consent of an account."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from errors import AppError, GatewayUnknown, NotFound, NotifyInvalid
from services.oa import grants, pushes
from services.payment_notices import verdicts as _verdicts  # noqa: F401  # it hears of notices
from web.assets import linked_headers
from web.runtime import deps

log = logging.getLogger(__name__)
bp = Blueprint("oa", __name__, url_prefix="/oa")

LONGEST_BODY = 64 * 1024


@bp.get("/<out_mch_id>")
def check_address(out_mch_id: str) -> ResponseReturnValue:
    """WeChat asks once, when the address is entered there."""
    return _answered(lambda: pushes.check_address(deps(), out_mch_id, request.args).encode())


@bp.post("/<out_mch_id>")
def push(out_mch_id: str) -> ResponseReturnValue:
    return _answered(lambda: pushes.receive(deps(), out_mch_id, request.args, _body()))


@bp.post("/component")
def component_push() -> ResponseReturnValue:
    """Tickets and changes of authorisation."""
    return _answered(lambda: pushes.receive_component(deps(), request.args, _body()))


@bp.post("/component/<app_id>")
def account_push(app_id: str) -> ResponseReturnValue:
    """Messages of one account in component mode."""
    return _answered(lambda: pushes.receive_through(deps(), app_id, request.args, _body()))


def _body() -> bytes:
    if (request.content_length or 0) > LONGEST_BODY:
        raise NotifyInvalid("too long")
    body = request.stream.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise NotifyInvalid("too long")
    return body


def _answered(work: Callable[[], bytes]) -> Response:
    """Nothing of a push that is not believed is said or written."""
    try:
        said, status = work(), 200
    except NotFound:
        said, status = b"", 404
    except NotifyInvalid as problem:
        log.warning("push refused", extra={"why": str(problem)})
        said, status = b"", 401
    except Exception:
        log.exception("push not taken")
        said, status = b"", 500
    response = make_response(said, status)
    kind = "application/xml" if said.startswith(b"<xml>") else "text/plain"
    response.headers["Content-Type"] = f"{kind}; charset=utf-8"
    return response


# --- the account's administrator consents -----------------------------------------------------


@bp.get("/authorise/<ticket>")
def authorise(ticket: str) -> ResponseReturnValue:
    """Both ways to WeChat's page of consent: on a computer, and inside WeChat."""
    return _page(lambda: {"consent": grants.begin(deps(), ticket)})


@bp.get("/authorised/<ticket>")
def authorised(ticket: str) -> ResponseReturnValue:
    """Back from the consent."""
    code = request.args.get("auth_code", "")
    return _page(lambda: {"done": grants.arrive(deps(), ticket, code)})


def _page(work: Callable[[], dict[str, object]]) -> Response:
    shown: dict[str, object]
    try:
        shown, status = work(), 200
    except GatewayUnknown:
        log.warning("authorisation without an answer")
        shown, status = {"problem": grants.AuthoriseFailed("微信暂时没有回答")}, 502
    except AppError as problem:
        log.warning("authorisation failed", extra={"code": problem.code, "why": str(problem)[:80]})
        shown, status = {"problem": problem}, problem.status
    response = make_response(render_template("oa/authorise.html", **shown), status)
    response.headers.update(linked_headers())
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
