"""An answer that is sent some time after it was made, and holds no thread meanwhile.

Whoever calls in a loop calls as often as it is answered: who hears "come again" at once comes again
at once, and reading the same refused call hundreds of times a second costs all others. The web
process keeps such an answer and its connection aside and serves others until it is due.

The application asks for it by `answer_after(environ, seconds)`; where nothing of this is below it
(another server, the tests' client), the answer goes out at once.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PLACE = "gunicorn.socket"  # of the environ: what gunicorn writes an answer to


def answer_after(environ: Mapping[str, Any], seconds: float) -> None:
    """The answer of this request may go out about so much later: between half of it and once and a
    half, so that those who came together do not come again together."""
    place = environ.get(_PLACE)
    if isinstance(place, Outgoing):
        place.after_s = seconds * random.uniform(0.5, 1.5)


@dataclass(eq=False)
class Outgoing:
    """Stands for the socket while a request is worked on, and keeps an answer that is to wait."""

    sock: socket.socket
    after_s: float = 0.0
    kept: bytearray = field(default_factory=bytearray, repr=False)

    def sendall(self, data: bytes) -> None:
        if self.after_s > 0:
            self.kept += data
        else:
            self.sock.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def send_kept(self) -> None:
        """Raises OSError where the other side has gone, or does not read: it never waits."""
        self.sock.setblocking(False)
        if self.sock.send(self.kept) != len(self.kept):
            raise BlockingIOError
        self.kept.clear()
