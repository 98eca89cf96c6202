"""A call of the API: bytes in, bytes out; what is said about it is `services/cloudpay/`'s.

HTTP 200 whatever happens: to a till any other status is a broken network.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from config.later import answer_after
from services.cloudpay import dispatch
from services.cloudpay.dispatch import Reply
from services.cloudpay.statuses import Internal
from web.runtime import deps

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# A base address with a final slash and a name with one before it make two.
RULES: Final = ("/cpay/<path:method>", "/cpay//<path:method>", "/cpay/")
_DRAINED: Final = 8 << 20


def install(bp: Blueprint) -> None:
    """Everything below `/cpay/` that no other page answers."""
    for rule in RULES:
        bp.add_url_rule(
            rule, view_func=call, methods=METHODS, provide_automatic_options=False,
            merge_slashes=False,
        )  # fmt: skip
    bp.register_error_handler(HTTPException, refused)
    bp.register_error_handler(Exception, failed)


def call(method: str = "") -> Response:
    name = method.rstrip("/")
    if request.method != "POST":
        return _refusal(name, "请用POST方法调用", Internal.NO_METHOD)
    raw = body()
    if raw is None:
        return _refusal(name, "请求过大", Internal.TOO_LARGE)
    return reply(dispatch.answer(deps(), name, raw, ip=_ip()))


def body() -> bytes | None:
    """As it was sent, whatever type it says to be; None: larger than `CPAY_MOST_KB`.

    What is too large is taken all the same, up to 8 MB, and forgotten: most clients read no answer
    before all is sent.
    """
    most, length = deps().settings.cpay_most_kb << 10, request.content_length
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    if length is not None and length > most:
        _read(min(length, _DRAINED), keep=False)
        return None
    raw = _read(most + 1 if length is None else length)
    if len(raw) <= most:
        return raw
    _read(_DRAINED, keep=False)
    return None


def _read(most: int, *, keep: bool = True) -> bytes:
    """The next `most` bytes, or fewer where there are no more."""
    pieces, stream = [], request.environ["wsgi.input"]
    while most > 0 and (piece := stream.read(min(most, 65536))):
        most -= len(piece)
        if keep:
            pieces.append(piece)
    return b"".join(pieces)


def _ip() -> str:
    return request.remote_addr or ""


def refused(_error: HTTPException) -> Response:
    """What the web server or Flask stands against, in the protocol's words."""
    return _refusal(_name(), "请求有误", Internal.NOT_JSON)


def failed(_error: Exception) -> Response:
    return reply(dispatch.busy(_name()))


def _name() -> str:
    return str((request.view_args or {}).get("method", ""))


def _refusal(name: str, description: str, internal: Internal) -> Response:
    return reply(dispatch.refuse(name, description, internal, ip=_ip()))


def reply(said: Reply) -> Response:
    """Nothing but what a client needs: some hold all headers in 1,024 bytes.

    What is left to note about the call is written once the answer is on its way.
    """
    response = Response(said.body, status=200, content_type="application/json")
    found = deps()
    if said.is_late:
        answer_after(request.environ, found.settings.cpay_too_many_s)
    response.call_on_close(lambda: found.cpay_traces.write(found.transact))
    return response
