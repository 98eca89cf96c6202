"""A stop of the web under load: what is inside is answered, whoever waits is sent away, nobody who
keeps a socket open is waited for, and it is over within the time that it may take."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from cli.supervise import STOP_WITHIN_S
from config import gunicorn as gunicorn_settings
from config.settings import ROOT, Settings
from tests.harness.cloudpay import Till
from tests.harness.phone import MAIN, Phone
from tests.harness.ports import free_port, wait_for
from tests.harness.product import Product
from tests.integration.cloudpay.helping import calls, scan, state
from tests.integration.cloudpay.raw import Line
from tests.integration.cloudpay.test_neighbours import envelope, until_asked
from tests.integration.codepay.helping import PAY
from tests.integration.webs import web_server

RUDE = 12  # clients that are told of the end, and keep their sockets all the same
GRACE_S = 40  # so that a busy machine is none of what is tested
SMALL = (
    *("--worker-class", "config.patient.PatientWorker", "--threads", "4", "--keep-alive", "150"),
    *("--no-control-socket", "tests.harness.small_app:app"),
)


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """Our worker of gunicorn, and next to no application."""
    port = free_port()
    words = ("--bind", f"127.0.0.1:{port}", *SMALL)
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", *words], cwd=ROOT)
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(GRACE_S)


@dataclass(eq=False)
class Client(threading.Thread):
    """Asks one thing after another, and never closes a connection itself."""

    url: str
    answers: int = 0
    torn: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __enter__(self) -> Client:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(60)
        for line in self.lines:
            line.sock.close()

    def check(self) -> None:
        self.join(60)
        assert not self.is_alive()
        assert self.torn == []
        assert self.answers > 0

    def run(self) -> None:
        try:
            while True:
                self.lines.append(Line(self.url))
                self._ask_all(self.lines[-1])
        except ConnectionRefusedError:
            return

    def _ask_all(self, line: Line) -> None:
        """Until it hears that it is the end. Who was never let in may meet a closed door."""
        before = self.answers
        try:
            while line.get("/healthz").header("Connection") == "keep-alive":
                self.answers += 1
            self.answers += 1
        except ConnectionError as problem:
            if self.answers > before or line._left:
                self.torn.append(repr(problem))


def pending_page(product: Product) -> str:
    """The address that a page of an order which nobody has paid yet waits at."""
    phone = Phone(product.url, product.simulator)
    made = phone.press(phone.form()).json()
    found = re.search(r"/o/([^/?]+)", made["result"])
    assert found
    return f"/q/{MAIN}/o/{found[1]}/state?seen=pending"


def test_a_stop_answers_what_is_inside_and_waits_for_nobody_else(product: Product) -> None:
    till, page = Till.of(product), pending_page(product)
    product.simulator.fault(PAY["wechat"], "delay", ms=2500)
    body = envelope(till, scan(product, till))
    patience = f"--graceful-timeout {GRACE_S}"
    with web_server(product, 2, GUNICORN_CMD_ARGS=patience) as (url, process), ExitStack() as stack:
        silent, kept, paying, waiting = (stack.enter_context(Line(url)) for _ in range(4))
        kept.get("/healthz")
        waiting.send(waiting.head("GET", page, None))
        paying.send(paying.head("POST", "/cpay/micro_pay", len(body)) + body)
        clients = [stack.enter_context(Client(url)) for _ in range(RUDE)]
        until_asked(product, 1)
        began = time.monotonic()
        process.terminate()
        answered = waiting.read()
        assert (answered.status, json.loads(answered.body)) == (
            200, {"state": "pending", "final": False},
        )  # fmt: skip
        assert answered.header("Retry-After") == "1", "it was sent away, and comes again"
        assert state(till.read(paying.read().body)["micro_pay"]) == 2
        for client in clients:
            client.check()
        assert process.wait(GRACE_S) == 0
        assert time.monotonic() - began < GRACE_S, "somebody was waited for"
        assert not silent.is_open()
        assert not kept.is_open()
    assert calls(product) == 1
    product.assert_books_agree()


def test_an_api_call_ends_within_the_time_of_a_stop() -> None:
    longest = Settings.model_fields["cpay_answer_s"].metadata
    most = next(one.le for one in longest if hasattr(one, "le"))
    assert most < gunicorn_settings.graceful_timeout < STOP_WITHIN_S


def test_connections_that_the_other_side_keeps_open_hold_up_nobody(small: str) -> None:
    """Each of these once cost everybody two seconds: the loop waited for it to be closed."""
    began = time.monotonic()
    with ExitStack() as stack:
        ended = [stack.enter_context(Line(small)) for _ in range(30)]
        for line in ended:
            line.send(line.head("GET", "/", None, more="Connection: close\r\n"))
        for line in ended:
            assert line.read().status == 200
            assert line.sock.recv(1) == b"", "our side is ended at once"
        with Line(small) as another:
            assert another.get("/").status == 200
        assert time.monotonic() - began < 15, "their end was waited for, one after another"


def test_an_answer_arrives_whole_though_its_request_was_not_read_to_the_end(small: str) -> None:
    """Closed at once, a connection with unread bytes is reset, and the answer with it."""
    with Line(small) as line:
        head = line.head("POST", "/", 60_000, more="Connection: close\r\n")
        line.send(head + b"x" * 30_000)
        assert line.read().status == 200
        line.send(b"x" * 30_000)
        assert line.sock.recv(1) == b""
        line.sock.close()


def test_a_connection_that_nobody_ends_is_ended_in_time(small: str) -> None:
    """Else each client that forgets its socket would cost an open file for ever."""
    with Line(small) as line:
        assert line.get("/", more="Connection: close\r\n").status == 200
        ends = time.monotonic() + 20
        while is_taken(line):
            assert time.monotonic() < ends
            time.sleep(0.1)


def is_taken(line: Line) -> bool:
    """Whether the other side still reads."""
    try:
        line.send(b"x")
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True
