"""The logo on a page of the customer's: no session, no cookie, nothing is counted."""

from __future__ import annotations

from typing import Final

from flask import make_response
from flask.typing import ResponseReturnValue

from services import logos
from services.after_payment.pictures import MIME
from web.customer import no_store
from web.runtime import deps

KEPT: Final = "public, max-age=31536000, immutable"  # another picture has another address


def show(out_mch_id: str, logo_id: str) -> ResponseReturnValue:
    body = deps().transact(lambda s: logos.body_of(s, out_mch_id, logo_id))
    if body is None:
        return no_store(("", 404))
    response = make_response(body)
    response.headers["Content-Type"] = MIME
    response.headers["Cache-Control"] = KEPT
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
