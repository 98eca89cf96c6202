"""wsgi:app that tells, in the header X-Upstream-Ms, how long a request waited for an upstream.

Waiting is from the last byte sent to the first byte of the answer's status line; making, signing
and sending the request and reading and verifying the answer stay the product's own.
"""

from __future__ import annotations

import http.client
import threading
import time
from typing import Any

from app import create_app

app = create_app()
_inner: Any = app.wsgi_app
_waited = threading.local()
_read: Any = http.client.HTTPResponse._read_status  # type: ignore[attr-defined]


def _read_status(self: http.client.HTTPResponse) -> Any:
    started = time.perf_counter()
    try:
        return _read(self)
    finally:
        _waited.ms = getattr(_waited, "ms", 0.0) + (time.perf_counter() - started) * 1000


def _timed(environ: dict[str, Any], start_response: Any) -> Any:
    _waited.ms = 0.0

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Upstream-Ms", f"{_waited.ms:.3f}")], *more)

    return _inner(environ, start)


http.client.HTTPResponse._read_status = _read_status  # type: ignore[attr-defined]
app.wsgi_app = _timed  # type: ignore[method-assign]
