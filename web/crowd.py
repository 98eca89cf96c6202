"""How many of a process's threads are with requests that are no calls of the Cloud Pay API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from flask import Flask


def install(app: Flask) -> None:
    """Pages that wait take of what one merchant's calls may hold (`services/cloudpay/threads.py`);
    calls count themselves, once they are proven. Whether the process is well is nobody's visit."""
    inner: Any = app.wsgi_app

    def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if str(environ.get("PATH_INFO", "")).startswith(("/cpay/", "/healthz")):
            return cast(Iterable[bytes], inner(environ, start_response))
        with app.extensions["yima"].deps.cpay_threads.page():
            return cast(Iterable[bytes], inner(environ, start_response))

    app.wsgi_app = counted  # type: ignore[method-assign]
