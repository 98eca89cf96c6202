"""One POST to a customer's server, to an address that was checked and no other.

The name is resolved once, every address it gives is judged, and the connection goes to one of
those: what DNS says a moment later counts for nothing. TLS is checked by the name. Redirects are
never followed, proxies of the environment never asked, and nothing lasts longer than it may.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import certifi

from errors import CallbackAddress
from gateways.outgoing.address import Target, read_url
from gateways.outgoing.inside import why_inside

log = logging.getLogger("gateways")

CONNECT_S, WHOLE_S = 3.0, 10.0
MOST_ADDRESSES = 4  # of one name that are tried, one after the other
MAX_ANSWER = 64 * 1024  # bytes of an answer's body that are read, and thrown away
AGENT = "yima-callback/1"

Resolver = Callable[[str, int], Sequence[str]]  # host, port: every address it has now


class SendFailed(Exception):
    """Nothing was heard that counts. `code` is stable, the text says it in words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def system_resolver(host: str, port: int) -> list[str]:
    """What this machine's resolver says, IPv4 and IPv6. OSError when it says nothing."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CallbackSender:
    """Sends; holds no connection between two calls. Seconds: `connect_s` of `whole_s` in all."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allow_http: bool = False,
        connect_s: float = CONNECT_S,
        whole_s: float = WHOLE_S,
        resolve: Resolver = system_resolver,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private, self._allow_http = allow_private, allow_http
        self._connect_s, self._whole_s = connect_s, whole_s
        self._resolve = resolve
        self._trust = trust
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Read the URL and look its host up. Raises CallbackAddress; nothing is connected."""
        try:
            self._addresses(self._read(url), time.monotonic() + self._whole_s)
        except SendFailed as failed:
            raise CallbackAddress(str(failed)) from None

    def post(self, url: str, body: bytes) -> int:
        """POST JSON once; the HTTP status of the answer, whatever its body says.

        Raises CallbackAddress when the address must not be called (nothing was connected), and
        SendFailed when no answer came in time. The receiver may have heard it all the same.
        """
        deadline = time.monotonic() + self._whole_s
        target = self._read(url)
        sock = self._connect(target, self._addresses(target, deadline), deadline)
        try:
            return _exchange(sock, target, body, deadline)
        except TimeoutError:
            raise SendFailed("CALLBACK_TIMEOUT", f"no answer within {self._whole_s:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as broken:
            kind = type(broken).__name__
            raise SendFailed("CALLBACK_BROKEN", f"the answer broke off ({kind})") from None
        finally:
            sock.close()

    @property
    def whole_s(self) -> float:
        """Seconds that one exchange may take in all."""
        return self._whole_s

    def connect(self, url: str, deadline: float) -> tuple[socket.socket, Target]:
        """A guarded connection for another kind of request; the caller closes it."""
        target = self._read(url)
        return self._connect(target, self._addresses(target, deadline), deadline), target

    def _read(self, url: str) -> Target:
        return read_url(url, allow_http=self._allow_http, allow_private=self._allow_private)

    def _addresses(self, target: Target, deadline: float) -> Sequence[str]:
        """Every address of the host, once; one that lies inside condemns all of them."""
        found = [target.host] if target.is_literal else self._look_up(target, deadline)
        if not found:
            raise SendFailed("CALLBACK_DNS", f"the name {target.host} has no address")
        for address in found:
            why = why_inside(address, allow_private=self._allow_private)
            if why is not None:
                raise CallbackAddress(f"{target.host} is {address} ({why}): it is not called")
        return found[:MOST_ADDRESSES]

    def _look_up(self, target: Target, deadline: float) -> Sequence[str]:
        """In a thread of its own, since the system's resolver knows no timeout that we could set.

        One that hangs ends by itself when the resolver gives up, after some ten seconds.
        """
        answer: list[Sequence[str]] = []

        def ask() -> None:
            with contextlib.suppress(OSError, UnicodeError):
                answer.append(self._resolve(target.host, target.port))

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(min(self._connect_s, _left(deadline)))
        if not answer:
            slow = "in time" if asking.is_alive() else "at all"
            raise SendFailed("CALLBACK_DNS", f"the name {target.host} did not resolve {slow}")
        return answer[0]

    def _connect(self, target: Target, addresses: Sequence[str], deadline: float) -> socket.socket:
        words = ""
        for address in addresses:
            try:
                plain = socket.create_connection(
                    (address, target.port), min(self._connect_s, _left(deadline))
                )
            except OSError as refused:
                words = f"{target.host} at {address}: {_why(refused)}"
                continue
            return self._secure(plain, target, deadline) if target.scheme == "https" else plain
        raise SendFailed("CALLBACK_CONNECT", f"no connection to {words}")

    def _secure(self, plain: socket.socket, target: Target, deadline: float) -> socket.socket:
        secured: ssl.SSLSocket | None = None
        try:
            secured = self._context().wrap_socket(
                plain, server_hostname=target.host, do_handshake_on_connect=False
            )
            secured.settimeout(_left(deadline))
            secured.do_handshake()
            return secured
        except ssl.SSLCertVerificationError as wrong:
            words = f"the certificate of {target.host} is refused: {wrong.verify_message}"
        except (OSError, ValueError) as broken:
            words = f"no TLS with {target.host}: {_why(broken)}"
        (secured or plain).close()
        raise SendFailed("CALLBACK_TLS", words)

    def _context(self) -> ssl.SSLContext:
        """The system's authorities and certifi's, read at the first use (it costs 20 ms)."""
        with self._lock:
            if self._trust is None:
                self._trust = ssl.create_default_context()
                self._trust.load_verify_locations(certifi.where())
            return self._trust


def _left(deadline: float) -> float:
    """Seconds until then. TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(problem: BaseException) -> str:
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    known = problem.strerror if isinstance(problem, OSError) else None
    return (known or type(problem).__name__)[:120]


class _Timed(io.RawIOBase):
    """Reads of a socket under one deadline for all of them: a dripping peer holds no thread."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


class _Wire:
    """What `http.client` needs of a socket, over one that is connected already."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._deadline))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._sock, self._deadline))

    def close(self) -> None:
        """The socket is its owner's to close."""


def _exchange(sock: socket.socket, target: Target, body: bytes, deadline: float) -> int:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.auto_open = 0  # it has its socket; it opens no other
    connection.sock = cast(Any, _Wire(sock, deadline))
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Connection": "close",
    }
    connection.request("POST", target.path, body, headers)
    answer = connection.getresponse()
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        _throw_away(answer)
    return answer.status


def _throw_away(answer: http.client.HTTPResponse) -> None:
    """Read what there is of the body, so that its sender ends in peace; it counts for nothing."""
    read = 0
    while read < MAX_ANSWER and (piece := answer.read1(MAX_ANSWER - read)):
        read += len(piece)
