"""One TCP connection of a till, byte by byte: what HTTP libraries would put right is not."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urlsplit


class Reply(NamedTuple):
    status: int
    head: bytes  # the status line and all headers, with the blank line
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.decode("latin-1").split("\r\n"):
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return ""


class Line:
    """An open connection."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.host = where.netloc
        self.sock = socket.create_connection((where.hostname or "", where.port or 80), timeout=15)
        self._left = b""

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.sock.close()  # fmt: skip

    def send(self, raw: bytes) -> None:
        self.sock.sendall(raw)

    def post(self, path: str, body: bytes, *, host: str = "", more: str = "") -> Reply:
        self.send(self.head("POST", path, len(body), host=host, more=more) + body)
        return self.read()

    def get(self, path: str, *, host: str = "", more: str = "") -> Reply:
        self.send(self.head("GET", path, None, host=host, more=more))
        return self.read()

    def head(
        self, method: str, path: str, length: int | None, *, host: str = "", more: str = ""
    ) -> bytes:
        size = "" if length is None else f"Content-Length: {length}\r\n"
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {host or self.host}\r\n"
            f"Content-Type: application/json\r\n{size}{more}\r\n"
        ).encode()

    def read(self, *, has_body: bool = True) -> Reply:
        """The next reply; ConnectionError where the connection has ended before it."""
        raw = self._until(b"\r\n\r\n")
        head, _, self._left = raw.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        reply = Reply(status, head + b"\r\n\r\n", b"")
        if status == 100 or not has_body:
            return reply
        length = int(reply.header("Content-Length") or 0)
        while len(self._left) < length:
            self._left += self._more()
        body, self._left = self._left[:length], self._left[length:]
        return reply._replace(body=body)

    def is_open(self) -> bool:
        """Whether the other side has not ended the connection."""
        self.sock.setblocking(False)
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(15)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._left:
            self._left += self._more()
        return self._left

    def _more(self) -> bytes:
        found = self.sock.recv(65536)
        if not found:
            raise ConnectionError(f"ended after {self._left!r}")
        return found
