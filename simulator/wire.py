"""What both channels need of a request as it came over the wire."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from simulator.faults import Fault, Faults


def raw_target(environ: dict[str, Any]) -> str:
    """Path and query exactly as sent, percent-encoding kept, without scheme and host.

    RAW_URI is given by gunicorn and werkzeug. Some SDKs send absolute-form request lines.
    """
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "")
    if not raw:
        query = environ.get("QUERY_STRING", "")
        return str(environ.get("PATH_INFO", "/")) + (f"?{query}" if query else "")
    if raw.startswith("/"):
        return raw
    parts = urlsplit(raw)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def drop_connection(environ: dict[str, Any]) -> None:
    """Hang up: the caller sees a closed connection instead of an answer."""
    line = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if isinstance(line, socket.socket):
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def arrive(faults: Faults, environ: dict[str, Any], *names: str) -> Fault | None:
    """Faults due before any work: waits out "delay", hangs up on "drop".

    Returns the "drop" or "error" fault that ends the request here, or None to go on.
    """
    late = faults.take("delay", *names)
    if late is not None:
        time.sleep(late.ms / 1000)
    gone = faults.take("drop", *names)
    if gone is not None:
        drop_connection(environ)
        return gone
    return faults.take("error", *names)


def leave(faults: Faults, environ: dict[str, Any], *names: str) -> bool:
    """After the work: hangs up on "lose_answer", and says whether it did."""
    if faults.take("lose_answer", *names) is None:
        return False
    drop_connection(environ)
    return True
