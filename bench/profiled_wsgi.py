"""wsgi:app with a profile of the requests to one endpoint, written at the worker's end.

BENCH_PROFILE names the folder. cProfile slows Python code two- to threefold and C code not at all:
read its shares with care, its call counts as they are.
"""

from __future__ import annotations

import atexit
import cProfile
import os
import threading
from pathlib import Path
from typing import Any

from app import create_app

app = create_app()
_inner: Any = app.wsgi_app
_folder = Path(os.environ["BENCH_PROFILE"])
_method = os.environ.get("BENCH_PROFILE_METHOD", "POST")
_lock = threading.Lock()
_profile = cProfile.Profile()
_seen = 0


def _profiled(environ: dict[str, Any], start_response: Any) -> Any:
    global _seen
    if environ["REQUEST_METHOD"] != _method:
        return _inner(environ, start_response)
    with _lock:
        _seen += 1
        if _seen < 20:  # keys load, statements are prepared
            return _inner(environ, start_response)
        return _profile.runcall(_inner, environ, start_response)


def _write() -> None:
    if _seen > 20:
        _profile.dump_stats(str(_folder / f"{os.getpid()}-{_seen - 19}.prof"))


atexit.register(_write)
app.wsgi_app = _profiled  # type: ignore[method-assign]
