"""An answer that waits: kept whole, sent whole, and none but such an answer."""

from __future__ import annotations

import socket
from collections import deque
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from config.later import Outgoing, answer_after
from config.patient import MOST_LATER, Conn, PatientWorker


def test_what_is_written_waits_only_if_it_was_asked_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outgoing(ours)
        out.sendall(b"at once")
        assert theirs.recv(100) == b"at once"
        answer_after({"gunicorn.socket": out}, 2.0)
        assert 1.0 <= out.after_s <= 3.0, "those who came together do not come again together"
        out.sendall(b"la")
        out.sendall(b"ter")
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        out.send_kept()
        assert theirs.recv(100) == b"later"
        assert not out.kept


def test_whoever_asks_for_none_of_it_is_answered_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outgoing(ours)
        answer_after({"gunicorn.socket": out}, 0.0)
        answer_after({"gunicorn.socket": ours}, 2.0)
        answer_after({}, 2.0)
        out.sendall(b"x")
        assert theirs.recv(100) == b"x"
        assert out.fileno() == ours.fileno(), "all else is the socket's"


def test_an_answer_is_never_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outgoing(ours, after_s=1.0)
        out.sendall(b"x" * (32 << 20))
        with pytest.raises(BlockingIOError):
            out.send_kept()


class Parts:
    """A worker that has no process: what it finished, and what it closed."""

    def __init__(self) -> None:
        self.finished: list[Any] = []
        worker: Any = object.__new__(PatientWorker)
        worker.alive, worker.later, worker.nr_conns = True, [], 9
        worker.lingering = worker.keepalived_conns = deque()
        worker.pending_conns, worker.sockets = deque(), []
        worker._finish = lambda conn, fs: self.finished.append(conn)
        self.worker = worker

    def done(self, sock: socket.socket, after_s: float = 60.0) -> Any:
        """A connection whose request has been worked on."""
        conn: Any = object.__new__(Conn)
        conn.sock, conn.answer = sock, Outgoing(sock, after_s)
        conn.close = sock.close
        conn.answer.sendall(b"answer")
        self.worker.finish_request(conn, Future())
        return conn


def test_it_goes_out_when_it_is_due_and_not_before() -> None:
    parts = Parts()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = parts.done(ours)
        due = parts.worker.later[0].due
        parts.worker._answer_until(due - 0.01)
        assert (parts.finished, conn.answer is None) == ([], False)
        parts.worker._answer_until(due)
        assert theirs.recv(100) == b"answer"
        assert (parts.finished, parts.worker.later, conn.answer) == ([conn], [], None)


def test_an_answer_that_is_not_to_wait_is_over() -> None:
    parts = Parts()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = parts.done(ours, after_s=0.0)
        assert theirs.recv(100) == b"answer"
        assert (parts.finished, parts.worker.later) == ([conn], [])


@pytest.mark.parametrize("is_stopping", [True, False])
def test_of_too_many_and_at_a_stop_it_goes_out_at_once(is_stopping: bool) -> None:
    parts = Parts()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if is_stopping:
            parts.worker.alive = False
        else:
            parts.worker.later = [None] * MOST_LATER
        conn = parts.done(ours)
        assert theirs.recv(100) == b"answer"
        assert parts.finished == [conn]


def test_a_stop_waits_for_none_of_them() -> None:
    parts = Parts()
    parts.worker.app = SimpleNamespace(callable=None)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = parts.done(ours)
        parts.worker._cap_keepalive(5.0)
        assert theirs.recv(100) == b"answer"
        assert parts.finished == [conn]


def test_who_has_gone_meanwhile_is_forgotten() -> None:
    parts = Parts()
    ours, theirs = socket.socketpair()
    with ours:
        parts.done(ours)
        theirs.close()
        parts.worker._answer_until(parts.worker.later[0].due)
        assert (parts.finished, parts.worker.nr_conns, ours.fileno()) == ([], 8, -1)
