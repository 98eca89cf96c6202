"""Looking at a page of a customer's once, by the same guard as callbacks are sent by."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time
from dataclasses import dataclass
from typing import Any, Final, cast

from gateways.outgoing.address import Target
from gateways.outgoing.sender import MAX_ANSWER, CallbackSender, SendFailed, _Wire

AGENT: Final = "yima-page-check/1"
_UNSEEN: Final = re.compile(
    r"<(script|style|head|noscript|template)\b.*?</\1\s*>|<!--.*?-->", re.S | re.I
)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What came: the status, the media type, and how much of it somebody could see."""

    status: int
    kind: str
    body: bytes

    @property
    def is_page(self) -> bool:
        return self.kind in ("text/html", "application/xhtml+xml")

    @property
    def text_length(self) -> int:
        """Characters outside tags, styles and scripts; a page that a script builds has few."""
        text = re.sub(r"<[^>]*>", " ", _UNSEEN.sub(" ", self.body.decode("utf-8", "replace")))
        return len("".join(text.split()))


def look(sender: CallbackSender, url: str) -> PageSeen:
    """GET once, without cookies; redirects are not followed.

    Raises CallbackAddress when the address must not be called, SendFailed when nothing came.
    """
    deadline = time.monotonic() + sender.whole_s
    sock, target = sender.connect(url, deadline)
    try:
        return _asked(sock, target, deadline)
    except TimeoutError:
        raise SendFailed("PAGE_TIMEOUT", f"no answer within {sender.whole_s:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as broken:
        raise SendFailed("PAGE_BROKEN", f"the answer broke off ({type(broken).__name__})") from None
    finally:
        sock.close()


def _asked(sock: socket.socket, target: Target, deadline: float) -> PageSeen:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.auto_open = 0
    connection.sock = cast(Any, _Wire(sock, deadline))
    headers = {
        "Host": target.host_header,
        "Accept": "text/html",
        "User-Agent": AGENT,
        "Connection": "close",
    }
    connection.request("GET", target.path, headers=headers)
    answer = connection.getresponse()
    body = b""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        while len(body) < MAX_ANSWER and (piece := answer.read1(MAX_ANSWER - len(body))):
            body += piece
    kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return PageSeen(answer.status, kind, body)
