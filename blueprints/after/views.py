"""Pictures and clicks of ads: by signed addresses that only a result page of ours holds.

No session, no cookie, no referrer: who looks or presses, nobody is told.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from services.after_payment import counting, pictures
from services.problems import PayProblem
from web.customer import no_store, refused
from web.runtime import deps
from web.visit import Visit

bp = Blueprint("after", __name__, url_prefix="/after")

# A page that is loaded again takes the picture from the phone; every order's address is its own.
KEPT: Final = "private, max-age=86400, immutable"


@bp.get("/<out_mch_id>/i/<token>")
def picture(out_mch_id: str, token: str) -> ResponseReturnValue:
    """The picture, and with it a view. 404 as soon as the ad was stopped."""
    shown = counting.find(deps(), out_mch_id, token)
    if shown is None:
        return no_store(("", 404))
    counting.seen(deps(), shown)
    return jpeg(shown.body)


def jpeg(body: bytes) -> Response:
    response = make_response(body)
    response.headers["Content-Type"] = pictures.MIME
    response.headers["Cache-Control"] = KEPT
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@bp.get("/<out_mch_id>/c/<token>")
def click(out_mch_id: str, token: str) -> ResponseReturnValue:
    """To the link that is stored with the ad, and to no other whatever the address says."""
    shown = counting.find(deps(), out_mch_id, token)
    if shown is None or shown.version.link is None:
        return refused(Visit(request, deps().settings), PayProblem("AD_GONE", status=404))
    counting.clicked(deps(), shown)
    return no_store(redirect(shown.version.link, 302))
