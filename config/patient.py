"""gunicorn's threaded worker, patient with tills that keep their connection warm.

A Cloud Pay device writes a bare CR LF on its idle connection every half second until the payer's
code is scanned, sometimes before its first request (Cloud Pay, "transport"). RFC 9112 (2.2) lets a
server skip such lines; gunicorn skips one, and a thread then waits for the rest of a request that
nobody has begun. Here they are taken from the socket by the process's own loop, so that a waiting
device costs no thread; a connection is given to one when a request's first byte is there.

A connection that TLS ends at in gunicorn itself is left as it is: nothing can be seen without it.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

BLANK = b"\r\n"
_MOST = 4096


def begins(sock: socket.socket) -> bool:
    """Whether a request, or the connection's end, is there to be read; blank lines are taken away.

    The socket does not block.
    """
    try:
        seen = sock.recv(_MOST, socket.MSG_PEEK)
        blanks = len(seen) - len(seen.lstrip(BLANK))
        if blanks:
            sock.recv(blanks)
    except BlockingIOError:
        return False
    except OSError:
        return True  # whoever reads it next meets the same and closes it
    return not seen or blanks < len(seen)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for a request's first byte in the loop, never in a thread."""

    def accept(self, listener: socket.socket) -> None:
        """As the parent does, but nobody waits for the connection's first byte in a thread."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client.setblocking(False)
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        if self.cfg.is_ssl:
            client.setblocking(True)
            self.enqueue_req(conn)
        elif begins(client):
            conn.data_ready = True
            self.enqueue_req(conn)
        else:
            self._await_first(conn)

    def _await_first(self, conn: Any) -> None:
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if self.cfg.is_ssl or begins(client):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """A kept connection: blank lines show that its device is there, so it is kept anew."""
        if self.cfg.is_ssl or begins(client):
            super().on_client_socket_readable(conn, client)
            return
        if self.alive:
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)  # the oldest stands first

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops does not wait for devices that have asked nothing, either."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Blank lines that came together with the request before are not the next one's begin."""
        unreader = getattr(conn.parser, "unreader", None)
        if unreader is not None and not conn.is_http2:
            unreader.unread(unreader.take_buffered().lstrip(BLANK))
        super().finish_request(conn, fs)
