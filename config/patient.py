"""gunicorn's threaded worker, patient with tills that keep their connection warm.

A Cloud Pay device writes a bare CR LF on its idle connection every half second until the payer's
code is scanned, sometimes before its first request (Cloud Pay, "transport"). RFC 9112 (2.2) lets a
server skip such lines; gunicorn skips one, and a thread then waits for the rest of a request that
nobody has begun. Here they are taken from the socket by the process's own loop, so that a waiting
device costs no thread; a connection is given to one when a request's first byte is there.

A connection is ended there, too. gunicorn waits up to two seconds for the other side to end it as
well, so that the last answer is not cut off, and its loop waits with it: nobody else is served
meanwhile, and thirty tills that keep their sockets open hold a stop for longer than it may last.

A process that is told to stop answers what is inside. It takes what has been waiting to be accepted
and then listens no more (a client hears at once that nobody is there, and a proxy goes on to the
next process), and pages that wait for their orders are sent away with what is known.

An answer that is to go out later (`config/later.py`) waits here as well, with its connection.

A connection that TLS ends at in gunicorn itself is left as it is: nothing can be seen without it.
"""

from __future__ import annotations

import math
import socket
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any, NamedTuple

from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    STOP_KEEPALIVE_LINGER,
    TConn,
    ThreadWorker,
)

from config.later import Outgoing

BLANK = b"\r\n"
_MOST = 4096
_LINGER_S, _DRAINED = 2.0, 65536  # as gunicorn has it
_LAST_LINGER_S = 0.5  # of a worker that stops
MOST_LATER = 200  # answers that wait to be sent; more go out at once


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


class Conn(TConn):  # type: ignore[misc]
    """A connection whose end is left to the worker's loop."""

    def __init__(self, worker: PatientWorker, client: socket.socket, *places: Any) -> None:
        super().__init__(worker.cfg, client, *places)
        self._worker = worker
        self.drained = 0
        self.answer: Outgoing | None = None

    def close(self, graceful: bool = False) -> None:
        if graceful and not self.cfg.is_ssl:
            self._worker.linger(self)
        else:
            super().close(graceful)


class Later(NamedTuple):
    """A request that has been worked on, and whose answer waits."""

    due: float  # monotonic
    conn: Conn
    fs: Future[Any]


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits in its loop, never in a thread, for a request's first byte; and never for an end."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.lingering: deque[Conn] = deque()  # the oldest stands first
        self.later: list[Later] = []

    def accept(self, listener: socket.socket) -> None:
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> bool:
        """As the parent does, but nobody waits for the connection's first byte in a thread; whether
        there may be another one."""
        try:
            client, address = listener.accept()
        except BlockingIOError:
            return False
        except ConnectionAbortedError:
            return True
        client.setblocking(False)
        self.nr_conns += 1
        conn = Conn(self, client, address, listener.getsockname())
        if self.cfg.is_ssl:
            client.setblocking(True)
            self.enqueue_req(conn)
        elif begins(client):
            conn.data_ready = True
            self.enqueue_req(conn)
        else:
            self._await_first(conn)
        return True

    def _accept_all(self, listener: socket.socket) -> None:
        """Whoever has connected already has perhaps sent a request as well."""
        try:
            for _ in range(self.cfg.backlog):
                if not self._accept(listener):
                    return
        except OSError as problem:  # e.g. no more open files
            self.log.warning("connections not accepted before the stop: %s", problem)

    def _await_first(self, conn: Any) -> None:
        patience = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
        conn.timeout = time.monotonic() + patience
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

    def handle_request(self, req: Any, conn: Conn) -> Any:
        """In a thread."""
        if self.cfg.is_ssl or conn.is_http2:
            return super().handle_request(req, conn)
        sock, conn.answer = conn.sock, Outgoing(conn.sock)
        conn.sock = conn.answer
        try:
            return super().handle_request(req, conn)
        finally:
            conn.sock = sock

    def _answer(self, conn: Conn, fs: Future[Any]) -> None:
        """What waited goes out, and the connection on as ever."""
        answer, conn.answer = conn.answer, None
        try:
            if answer is not None and answer.kept:
                answer.send_kept()
        except OSError:
            self.nr_conns -= 1
            conn.close()
        else:
            self._finish(conn, fs)

    def _answer_until(self, now: float) -> None:
        due = [one for one in self.later if one.due <= now]
        self.later = [one for one in self.later if one.due > now]
        for one in due:
            self._answer(one.conn, one.fs)

    def linger(self, conn: Conn) -> None:
        """End our side, and read what still comes until the other side has ended its own."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.sock.close()
            return
        conn.timeout = time.monotonic() + (_LINGER_S if self.alive else _LAST_LINGER_S)
        self.nr_conns += 1
        self.lingering.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_lingering_readable, conn))

    def _on_lingering_readable(self, conn: Conn, client: socket.socket) -> None:
        try:
            piece = client.recv(_MOST)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        conn.drained += len(piece)
        if not piece or conn.drained > _DRAINED:
            self.lingering.remove(conn)
            self._forget(conn)

    def _forget(self, conn: Conn) -> None:
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """No longer than until the next one of those is to be closed, or answered."""
        waiting = (self.lingering, self.pending_conns)
        now = time.monotonic()
        ends = [conns[0].timeout - now for conns in waiting if conns]
        ends += [one.due - now for one in self.later]
        super().wait_for_and_dispatch_events(max(0.0, min([timeout, *ends])))

    def murder_pending(self) -> None:
        """Called at every turn of the loop."""
        super().murder_pending()
        if self.later:
            self._answer_until(time.monotonic())
        while self.lingering and self.lingering[0].timeout <= time.monotonic():
            self._forget(self.lingering.popleft())

    def _cap_keepalive(self, deadline: float) -> None:
        """Called once, when the worker begins to stop. It does not wait for devices that have asked
        nothing, either; who came before it is served, who comes after it meets nobody."""
        for listener in self.sockets:
            self._accept_all(listener)
            listener.close()
        runtime = getattr(self.app.callable, "extensions", {}).get("yima")
        getattr(runtime, "before_stop", bool)()
        self._answer_until(math.inf)
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
        last = time.monotonic() + _LAST_LINGER_S
        for conn in self.lingering:
            conn.timeout = min(conn.timeout, last)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        answer = conn.answer
        if answer is None or not answer.kept:
            self._finish(conn, fs)
        elif self.alive and len(self.later) < MOST_LATER:
            self.later.append(Later(time.monotonic() + answer.after_s, conn, fs))
        else:
            self._answer(conn, fs)

    def _finish(self, conn: Any, fs: Future[Any]) -> None:
        """Blank lines that came together with the request before are not the next one's begin."""
        unreader = getattr(conn.parser, "unreader", None)
        if unreader is not None and not conn.is_http2:
            unreader.unread(unreader.take_buffered().lstrip(BLANK))
        super().finish_request(conn, fs)
