"""The transport against a peer on this machine's own loopback, and the cache of clients."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways.http import MAX_ANSWER, ClientCache, HttpTransport

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok"


class Peer:
    """Answers each request with the next of `answers`; None says nothing."""

    def __init__(self, *answers: bytes | None, drip_s: float = 0.0) -> None:
        self.answers, self.drip_s = list(answers), drip_s
        self.requests: list[bytes] = []
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._done = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(link)
            self._threads.append(threading.Thread(target=self._serve, args=(link,)))
            self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        try:
            while request := _request(link):
                self.requests.append(request)
                self._say(link, self.answers.pop(0))
        except (OSError, IndexError):
            pass

    def _say(self, link: socket.socket, answer: bytes | None) -> None:
        if answer is None or not self.drip_s:
            link.sendall(answer or b"")
            return
        for byte in answer:
            if self._done.is_set():
                return
            link.sendall(bytes([byte]))
            time.sleep(self.drip_s)

    def stop(self) -> None:
        self._done.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._open:
            link.close()
        for thread in self._threads:
            thread.join(timeout=5)


def _request(link: socket.socket) -> bytes:
    """Head and body arrive in pieces: read on until both are whole; b"" once the peer left."""
    found = b""
    while True:
        head, end, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            return found
        piece = link.recv(1 << 16)
        if not piece:
            return b""
        found += piece


@contextmanager
def _talk(peer: Peer, read_s: float = 0.3) -> Iterator[HttpTransport]:
    transport = HttpTransport(connect_timeout=0.3, read_timeout=read_s, pool_size=2)
    try:
        yield transport
    finally:
        transport.close()
        peer.stop()


def test_headers_and_body_travel_unchanged_and_the_connection_is_kept() -> None:
    peer = Peer(_OK % b"X-A: 1\r\n", _OK % b"")
    with _talk(peer) as transport:
        answer = transport.send("POST", f"{peer.url}/a%7Cb?c=%2A", {"Authorization": "x y"}, b"hi")
        assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"ok", "1")
        assert transport.send("GET", peer.url, {}).body == b"ok"
    head = peer.requests[0]
    assert head.startswith(b"POST /a%7Cb?c=%2A HTTP/1.1\r\n")
    assert b"\r\nAuthorization: x y\r\n" in head
    assert head.endswith(b"\r\n\r\nhi")
    assert peer.connections == 1


def test_cookies_are_not_sent_back() -> None:
    peer = Peer(_OK % b"Set-Cookie: a=b\r\n", _OK % b"")
    with _talk(peer) as transport:
        transport.send("GET", peer.url, {})
        transport.send("GET", peer.url, {})
    assert b"cookie" not in peer.requests[1].lower()


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    peer = Peer(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
    with _talk(peer) as transport:
        assert transport.send("GET", peer.url, {}).status == 302
    assert len(peer.requests) == 1


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    peer = Peer(_OK % b"")
    with _talk(peer) as transport:
        assert transport.send("GET", peer.url, {}).body == b"ok"


def test_silence_is_unknown_and_asked_only_once() -> None:
    peer = Peer(None)
    with _talk(peer) as transport, pytest.raises(GatewayUnknown, match="ReadTimeout"):
        transport.send("GET", peer.url, {})
    assert len(peer.requests) == 1


def test_a_dripping_peer_is_unknown_in_the_end() -> None:
    peer = Peer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 900, drip_s=0.002)
    started = time.monotonic()
    with _talk(peer) as transport, pytest.raises(GatewayUnknown, match="too slow"):
        transport.send("GET", peer.url, {})
    assert time.monotonic() - started < 1.7


def test_an_answer_may_be_one_mebibyte_and_no_more() -> None:
    for length in (MAX_ANSWER, MAX_ANSWER + 1):
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
        peer = Peer(head + b"x" * length)
        with _talk(peer, read_s=5) as transport:
            if length <= MAX_ANSWER:
                assert len(transport.send("GET", peer.url, {}).body) == length
            else:
                with pytest.raises(GatewayUnknown, match="too long"):
                    transport.send("GET", peer.url, {})


def test_an_answer_that_breaks_off_is_unknown() -> None:
    for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"nonsense\r\n\r\n", b""):
        peer = Peer(answer)
        with _talk(peer) as transport, pytest.raises(GatewayUnknown):
            transport.send("GET", peer.url, {})


def test_a_peer_that_is_not_there_was_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    transport = HttpTransport(connect_timeout=0.3, read_timeout=0.3, pool_size=1)
    with pytest.raises(GatewayUnknown) as failed:
        transport.send("GET", f"http://127.0.0.1:{port}/?secret=s3cret", {})
    transport.close()
    assert failed.value.facts["sent"] is False
    assert failed.value.__context__ is None
    assert "s3cret" not in str(failed.value)


def test_a_query_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")  # the application may have quietened it
    peer = Peer(_OK % b"")
    with _talk(peer) as transport:
        transport.send("GET", f"{peer.url}/sns/oauth2/access_token?secret=s3cret", {})
    assert "/sns/oauth2/access_token" in caplog.text
    assert "s3cret" not in str([record.__dict__ for record in caplog.records])


def _counted(made: list[str], name: str) -> Callable[[], str]:
    def build() -> str:
        made.append(name)
        return name

    return build


def test_the_least_recently_used_client_goes_first() -> None:
    cache: ClientCache[str, str] = ClientCache(size=2)
    made: list[str] = []
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, _counted(made, name))
    assert made == ["a", "b", "c", "b"]


def test_threads_share_one_client() -> None:
    cache: ClientCache[str, object] = ClientCache()
    found: list[object] = []
    made: list[int] = []

    def build() -> object:
        time.sleep(0.01)
        made.append(1)
        return object()

    threads = [
        threading.Thread(target=lambda: found.append(cache.get("a", build))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(client) for client in found}) == 1


def test_a_client_that_can_not_be_built_is_refused_and_not_kept() -> None:
    cache: ClientCache[str, str] = ClientCache()

    def broken() -> str:
        raise ValueError("no key")

    with pytest.raises(GatewayRejected) as refused:
        cache.get("a", broken)
    assert refused.value.upstream_code == "ACCOUNT_INVALID"
    assert cache.get("a", lambda: "built") == "built"
