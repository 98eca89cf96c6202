"""A call of the API: bytes in, bytes out; what is said about it is `services/cloudpay/`'s."""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from services.cloudpay.dispatch import answer, too_large
from web.runtime import deps


def call(method: str) -> Response:
    request.max_content_length = deps().settings.cpay_most_kb << 10
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _reply(too_large(method))
    return _reply(answer(deps(), method, raw, ip=request.remote_addr or ""))


def _reply(body: bytes) -> Response:
    """Nothing but what a client needs: some hold all headers in 1,024 bytes."""
    return Response(body, status=200, content_type="application/json")
