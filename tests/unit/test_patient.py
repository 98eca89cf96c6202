"""Which bytes on an idle connection begin a request; what a stopping worker does not wait for."""

from __future__ import annotations

import gc
import math
import socket
import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from config import gunicorn as gunicorn_settings
from config.patient import PatientWorker, begins


@pytest.mark.parametrize(
    ("sent", "is_begun", "left"),
    [
        (b"", False, b""),
        (b"\r\n", False, b""),
        (b"\r", False, b""),
        (b"\n\r\n\r\n", False, b""),
        (b"\r\nPOST /", True, b"POST /"),
        (b"P", True, b"P"),
        (b" \r\n", True, b" \r\n"),
    ],
)
def test_blank_lines_are_taken_and_nothing_else(sent: bytes, is_begun: bool, left: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(sent)
        assert begins(ours) is is_begun
        theirs.sendall(b"!")
        assert ours.recv(100) == left + b"!"


def test_an_ended_connection_is_handed_on_to_be_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        theirs.close()
        assert begins(ours) is True


def test_a_worker_that_stops_waits_for_no_device() -> None:
    worker: Any = object.__new__(PatientWorker)
    worker.sockets, worker.app, worker.later = [], SimpleNamespace(callable=None), []
    worker.keepalived_conns = deque([SimpleNamespace(timeout=900.0)])
    worker.pending_conns = deque([SimpleNamespace(timeout=900.0)])
    worker.lingering = deque([SimpleNamespace(timeout=math.inf)])
    worker._cap_keepalive(5.0)
    assert [one.timeout for one in (*worker.keepalived_conns, *worker.pending_conns)] == [5.0, 5.0]
    assert worker.lingering[0].timeout <= time.monotonic() + 0.5


class Listener:
    """Of a socket where so many have connected."""

    def __init__(self, waiting: int) -> None:
        self.waiting, self.is_closed = waiting, False

    def accept(self) -> None:
        if not self.waiting:
            raise BlockingIOError
        self.waiting -= 1
        raise ConnectionAbortedError  # gone again: the next one is asked for

    def close(self) -> None:
        self.is_closed = True


def test_a_worker_that_stops_looks_at_all_who_came_listens_no_more_and_tells_the_pages() -> None:
    worker: Any = object.__new__(PatientWorker)
    told: list[str] = []
    runtime = SimpleNamespace(before_stop=lambda: told.append("stops"))
    worker.app = SimpleNamespace(callable=SimpleNamespace(extensions={"yima": runtime}))
    worker.cfg, worker.later = SimpleNamespace(backlog=64), []
    worker.keepalived_conns = worker.pending_conns = worker.lingering = deque()
    listener = Listener(3)
    worker.sockets = [listener]
    worker._cap_keepalive(5.0)
    assert (listener.waiting, listener.is_closed, told) == (0, True, ["stops"])


def test_what_was_loaded_before_the_fork_is_not_gone_through_again_at_the_end() -> None:
    try:
        gunicorn_settings.on_starting(None)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
