"""A customer's URL leads nowhere but to the public address that was checked (failures 41)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from errors import CallbackAddress
from gateways.outgoing.sender import CallbackSender, SendFailed
from tests.harness.receiver import Authority, Receiver, new_authority, receiver
from tests.integration.callbacks.watching import connections

BODY = b'{"request_content":"{}"}'
NAME = "erp.example.com"


class Names:
    """A resolver whose answers follow one another; it counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class Doors:
    """Sockets that really listen, on 127.0.0.1 and ::1, and count who comes."""

    def __init__(self) -> None:
        self.port, self.came = 0, 0
        self._sockets: list[socket.socket] = []
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            made = socket.socket(family)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, self.port))
            made.listen()
            self.port = made.getsockname()[1]
            self._sockets.append(made)
            threading.Thread(target=self._accept, args=(made,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                came, _ = listening.accept()
            except OSError:
                return
            self.came += 1
            came.close()

    def close(self) -> None:
        for made in self._sockets:
            made.shutdown(socket.SHUT_RDWR)
            made.close()


@pytest.fixture
def doors() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


def opened(**more: Any) -> CallbackSender:
    """One that may call this machine, so that a receiver here can be reached."""
    return CallbackSender(allow_private=True, allow_http=True, **more)


LITERALS = [
    *("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "0"),
    *("127.0.0.1.", "１２７.0.0.1", "localhost", "localhost.", "0.0.0.0", "[::]"),
    *("169.254.169.254", "[fd00:ec2::254]", "2852039166", "10.0.0.1", "[fe80::1]"),
]


@pytest.mark.parametrize("host", LITERALS)
def test_no_spelling_of_an_inner_address_is_connected(doors: Doors, host: str) -> None:
    sender = CallbackSender(connect_s=0.5, whole_s=1)
    with connections() as tried, pytest.raises(CallbackAddress):
        sender.post(f"https://{host}:{doors.port}/", BODY)
    assert (tried, doors.came) == ([], 0)


@pytest.mark.parametrize(
    "url",
    [
        "gopher://127.0.0.1:{port}/_x",
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/\r\nHost: x",
        "https://erp.example.com@127.0.0.1:{port}/",
    ],
)
def test_no_trick_of_the_url_is_connected(doors: Doors, url: str) -> None:
    with connections() as tried, pytest.raises(CallbackAddress):
        CallbackSender(connect_s=0.5).post(url.format(port=doors.port), BODY)
    assert (tried, doors.came) == ([], 0)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "::ffff:10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_not_connected(doors: Doors, addresses: list[str]) -> None:
    """One inner address among several condemns all of them."""
    names = Names(addresses)
    sender = CallbackSender(resolve=names, connect_s=0.5, whole_s=1)
    with connections() as tried, pytest.raises(CallbackAddress, match="it is not called"):
        sender.post(f"https://{NAME}:{doors.port}/", BODY)
    with connections() as more, pytest.raises(CallbackAddress, match="it is not called"):
        sender.check(f"https://{NAME}:{doors.port}/")
    assert (tried, more, doors.came) == ([], [], 0)


def test_these_doors_do_open_so_the_tests_above_could_fail(doors: Doors) -> None:
    with connections() as tried, pytest.raises(SendFailed):
        opened(whole_s=1).post(f"https://127.0.0.1:{doors.port}/", BODY)
    assert tried == [("127.0.0.1", doors.port)]
    assert doors.came == 1


def test_a_name_is_asked_about_once_and_what_it_says_next_counts_for_nothing(
    doors: Doors,
) -> None:
    """DNS rebinding: first public, then inside."""
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    with connections() as tried, pytest.raises(SendFailed) as failed:
        CallbackSender(resolve=names, connect_s=0.5).post(f"https://{NAME}:{doors.port}/", BODY)
    assert failed.value.code == "CALLBACK_CONNECT"
    assert names.asked == [NAME]
    assert tried == [("8.8.8.8", doors.port)]
    assert doors.came == 0
    with pytest.raises(CallbackAddress):
        CallbackSender(resolve=names).post(f"https://{NAME}:{doors.port}/", BODY)
    assert doors.came == 0


def test_the_checked_address_is_called_with_the_name_in_tls_and_in_the_host_header(
    authority: Authority,
) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    with receiver(authority.server(NAME)) as there, connections() as tried:
        sender = opened(resolve=names, trust=authority.client())
        assert sender.post(there.url("/paid?t=1", NAME), BODY) == 200
    (heard,) = there.heard
    assert tried == [("127.0.0.1", there.port)]
    assert names.asked == [NAME]
    assert heard.server_name == NAME
    assert heard.headers["Host"] == f"{NAME}:{there.port}"
    assert (heard.path, heard.body) == ("/paid?t=1", BODY)
    assert heard.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(authority: Authority, name: str) -> None:
    with receiver(authority.server(name)) as there:
        sender = opened(resolve=Names(["127.0.0.1"]), trust=authority.client())
        with pytest.raises(SendFailed, match=r"certificate of erp\.example\.com is") as failed:
            sender.post(there.url("/", NAME), BODY)
    assert failed.value.code == "CALLBACK_TLS"
    assert there.heard == []


def test_a_certificate_of_an_unknown_authority_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    with receiver(new_authority(tmp_path).server(NAME)) as there:
        for trust in (authority.client(), None):
            with pytest.raises(SendFailed, match="certificate"):
                opened(resolve=Names(["127.0.0.1"]), trust=trust).post(there.url("/", NAME), BODY)
    assert there.heard == []


def test_an_address_in_place_of_a_name_needs_its_own_certificate(authority: Authority) -> None:
    with receiver(authority.server("127.0.0.1")) as there:
        assert opened(trust=authority.client()).post(there.url("/"), BODY) == 200


def test_plain_http_where_tls_is_wanted_is_a_failed_try(authority: Authority) -> None:
    with receiver() as there:
        url = there.url("/").replace("http:", "https:")
        sender = opened(trust=authority.client(), whole_s=2)
        code, _ = timed(lambda: sender.post(url, BODY))
    assert code == "CALLBACK_TLS"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_inside_is_not_followed(doors: Doors, status: int) -> None:
    with receiver() as there, connections() as tried:
        there.answer = lambda _: (status, {"Location": f"http://127.0.0.1:{doors.port}/"}, b"")
        assert opened().post(there.url(), BODY) == status
    assert tried == [("127.0.0.1", there.port)]
    assert doors.came == 0


def test_proxies_of_the_environment_are_not_used(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{doors.port}")
    with receiver() as there:
        assert opened().post(there.url(), BODY) == 200
    assert doors.came == 0


def slow(there: Receiver, seconds: float) -> None:
    def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        time.sleep(seconds)
        return 200, {}, b""

    there.answer = answer


def timed(work: Callable[[], object]) -> tuple[str, float]:
    started = time.monotonic()
    with pytest.raises(SendFailed) as failed:
        work()
    return failed.value.code, time.monotonic() - started


def test_a_receiver_that_does_not_answer_is_given_up_in_time() -> None:
    with receiver() as there:
        slow(there, 3)
        code, took = timed(lambda: opened(whole_s=0.6).post(there.url(), BODY))
    assert code == "CALLBACK_TIMEOUT"
    assert took < 1.5


def served_by_hand(stack: ExitStack, answer: Callable[[socket.socket], None]) -> str:
    """A server that is none: it does with the connection what it likes."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def serve() -> None:
        came, _ = listening.accept()
        with came:
            came.settimeout(5)
            try:
                answer(came)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_a_dripping_receiver_holds_no_thread_longer_than_it_may() -> None:
    def drip(came: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100:
            came.sendall(bytes([byte]))
            time.sleep(0.1)

    with ExitStack() as stack:
        url = served_by_hand(stack, drip)
        code, took = timed(lambda: opened(whole_s=1).post(url, BODY))
    assert code == "CALLBACK_TIMEOUT"
    assert took < 2


def test_an_endless_answer_is_read_no_further_than_64_kib() -> None:
    sent = 0

    def pour(came: socket.socket) -> None:
        nonlocal sent
        came.recv(65536)
        came.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 50_000_000:
            sent += came.send(b"x" * 65536)

    with ExitStack() as stack:
        assert opened().post(served_by_hand(stack, pour), BODY) == 200
    assert sent < 20_000_000, "only what the kernel's own buffers take"


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01"])
def test_what_is_no_answer_is_a_failed_try(said: bytes) -> None:
    def answer(came: socket.socket) -> None:
        came.recv(65536)
        came.sendall(said)

    with ExitStack() as stack:
        code, _ = timed(lambda: opened(whole_s=2).post(served_by_hand(stack, answer), BODY))
    assert code == "CALLBACK_BROKEN"


def test_nobody_there_and_no_such_name_are_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    code, _ = timed(lambda: opened().post(f"http://127.0.0.1:{port}/", BODY))
    assert code == "CALLBACK_CONNECT"

    def silent(_host: str, _port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for resolve in (silent, unknown, Names([])):
        sender = CallbackSender(resolve=resolve, connect_s=0.3)
        code, took = timed(lambda s=sender: s.post(f"https://{NAME}/", BODY))  # type: ignore[misc]
        assert code == "CALLBACK_DNS"
        assert took < 1


def test_no_failure_tells_the_path_or_its_token() -> None:
    with receiver() as there:
        slow(there, 1)
        sender, url = opened(whole_s=0.3), there.url("/paid?token=sesame")
        with pytest.raises(SendFailed) as failed:
            sender.post(url, BODY)
    with pytest.raises(CallbackAddress) as refused:
        CallbackSender().post("https://127.0.0.1/paid?token=sesame", BODY)
    assert "sesame" not in f"{failed.value} {failed.value.__context__} {refused.value}"
