"""HTTP to upstreams: one pooled session per gateway, always with timeouts, never a second try.

Requests are prepared by the clients (they sign exactly what is sent) and handed straight to the
session's adapter: no environment, no cookies, no redirects, no hooks.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from threading import Lock
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import Timeout

from errors import GatewayRejected, GatewayUnknown

log = logging.getLogger("gateways")

MAX_ANSWER = 1 << 20  # bytes of a body that we are ready to hold
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it says. `body` is as received, at most 1 MiB."""

    status: int
    headers: Mapping[str, str]  # looked up without regard to case
    body: bytes


class Transport(Protocol):
    """The seam to the network."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer: ...


class Downloader(Protocol):
    """A transport that also fetches files too large to hold."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer: ...

    def download(
        self,
        url: str,
        headers: Mapping[str, str],
        take: Callable[[bytes], None],
        *,
        most: int,
        within_s: float,
    ) -> Answer: ...


class _Adapter(HTTPAdapter):
    """The pool of requests, without cookies: upstreams' cookies are neither kept nor sent."""

    def __init__(self, tls: SSLContext | None, **more: Any) -> None:
        self._tls = tls
        super().__init__(**more)

    def init_poolmanager(self, *words: Any, **more: Any) -> None:
        if self._tls is not None:
            more["ssl_context"] = self._tls
        super().init_poolmanager(*words, **more)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        found = requests.Response()
        found.status_code, found.headers, found.raw = resp.status, resp.headers, resp
        return found


class HttpTransport:
    """One pooled session. Seconds: `connect_timeout` to connect, `read_timeout` of silence.

    A whole answer may take no longer than both together, so a dripping peer holds no thread.
    """

    def __init__(
        self,
        *,
        connect_timeout: float,
        read_timeout: float,
        pool_size: int,
        tls: SSLContext | None = None,
    ) -> None:
        """`tls` presents a client certificate to an upstream that asks for one."""
        self._timeout = Timeout(connect=connect_timeout, read=read_timeout)
        self._whole_s = connect_timeout + read_timeout
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = _Adapter(tls, pool_connections=4, pool_maxsize=pool_size, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send once. GatewayUnknown when no whole answer came; `sent=False` when none could."""
        started = time.monotonic()
        failure = ""
        try:
            return self._exchange(_prepared(method, url, headers, body), started)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure, sent = type(error).__name__, not _never_connected(error)
        # Outside of the except block: the library's own message holds the URL, which may hold
        # a secret, and would travel along as __context__.
        raise GatewayUnknown(failure, sent=sent)

    def download(
        self,
        url: str,
        headers: Mapping[str, str],
        take: Callable[[bytes], None],
        *,
        most: int,
        within_s: float,
    ) -> Answer:
        """GET a file piece by piece: at most `most` bytes as sent, at most `within_s` seconds.

        Of another status than 200 the answer's body is returned and `take` sees nothing. Errors as
        `send`; what `take` raises goes on to the caller. A cut answer is GatewayUnknown.
        """
        started = time.monotonic()
        failure = ""
        try:
            return self._take(_prepared("GET", url, headers, b""), take, most, within_s, started)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure, sent = type(error).__name__, not _never_connected(error)
        raise GatewayUnknown(failure, sent=sent)

    def _take(
        self,
        prepared: requests.PreparedRequest,
        take: Callable[[bytes], None],
        most: int,
        within_s: float,
        started: float,
    ) -> Answer:
        adapter = self._session.get_adapter(prepared.url or "")
        found = adapter.send(prepared, stream=True, timeout=self._timeout)  # type: ignore[arg-type]
        raw, good = found.raw, found.status_code == 200
        limit = most if good else MAX_ANSWER
        body, size = b"", 0
        try:
            while piece := raw.read1(_CHUNK, decode_content=True):
                size += len(piece)
                if size > limit or time.monotonic() - started > within_s:
                    raise GatewayUnknown("file too long" if size > limit else "too slow")
                if good:
                    take(piece)
                else:
                    body += piece
        except BaseException:
            raw.close()  # what is left of it is not read
            raise
        raw.release_conn()
        return Answer(found.status_code, found.headers, body)

    def close(self) -> None:
        """Let go of the pooled connections."""
        self._session.close()

    def _exchange(self, prepared: requests.PreparedRequest, started: float) -> Answer:
        adapter = self._session.get_adapter(prepared.url or "")
        found = adapter.send(prepared, stream=True, timeout=self._timeout)  # type: ignore[arg-type]
        raw = found.raw
        body = b""
        while piece := raw.read1(_CHUNK, decode_content=True):
            body += piece
            if len(body) > MAX_ANSWER or time.monotonic() - started > self._whole_s:
                raw.close()
                raise GatewayUnknown("answer too long" if len(body) > MAX_ANSWER else "too slow")
        raw.release_conn()
        return Answer(found.status_code, found.headers, body)


def _never_connected(error: BaseException) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError)


def _prepared(
    method: str, url: str, headers: Mapping[str, str], body: bytes
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    request.headers = CaseInsensitiveDict(headers)
    request.hooks = default_hooks()
    if body or method == "POST":
        request.body = body
        request.headers["Content-Length"] = str(len(body))
    return request


class _NoQueries(logging.Filter):
    """Cut query strings out of urllib3's own log lines: OAuth secrets travel there by protocol."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_NoQueries())


class timed:
    """Log one upstream call: channel, operation, out_trade_no, duration_ms, outcome. No more."""

    __slots__ = ("_facts", "_started")

    def __init__(self, channel: str, operation: str, out_trade_no: str = "") -> None:
        self._facts: dict[str, object] = {
            "channel": channel,
            "operation": operation,
            "out_trade_no": out_trade_no,
        }

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._facts["duration_ms"] = round((time.perf_counter() - self._started) * 1000, 2)
        self._facts["outcome"] = _outcome(error)
        log.info("gateway call", extra=self._facts)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, GatewayRejected):
        return f"rejected {error.upstream_code}"
    if isinstance(error, GatewayUnknown):
        return "unknown"
    return f"failed {type(error).__name__}"


_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class ClientCache(Generic[_K, _V]):
    """The last `size` clients used, by (account_key, version). Thread-safe.

    A client is built under the lock: loading keys costs tens of milliseconds of CPU, and a burst
    after a start must pay that once, not once per thread.
    """

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._lock = Lock()
        self._clients: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K, build: Callable[[], _V]) -> _V:
        """Return the client of `key`, built if it is not held. An account that can not be used
        (a key that does not load) is GatewayRejected ACCOUNT_INVALID: nothing was sent."""
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = self._clients[key] = _built(build)
                while len(self._clients) > self._size:
                    self._clients.popitem(last=False)
            else:
                self._clients.move_to_end(key)
            return client


def _built(build: Callable[[], _V]) -> _V:
    try:
        return build()
    except ValueError as error:
        reason = str(error)
    raise GatewayRejected("ACCOUNT_INVALID", reason)
