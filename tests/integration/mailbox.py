"""A recorder in front of the product: keeps each genuine notification, byte for byte."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.harness.product import Door, Product


@dataclass(frozen=True)
class Notice:
    """One notification as the wallet sent it."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Mailbox:
    """Holds notifications back (503, as a machine that is down) until the test delivers them."""

    app: Callable[..., Iterable[bytes]]
    url: str
    is_open: bool = False  # hand notifications on to the product, too
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def before(cls, product: Product, door: Door) -> Mailbox:
        made = cls(product.app, product.url)
        door.app = made
        return made

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        is_ours = environ.get("HTTP_X_FROM_TEST") == "1"
        if is_ours or not environ["PATH_INFO"].startswith("/notify/"):
            return self.app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith(("HTTP_WECHATPAY_", "HTTP_USER_AGENT"))
        }
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        self.notices.append(Notice(environ["PATH_INFO"], headers, body))
        if self.is_open:
            environ["wsgi.input"] = io.BytesIO(body)
            return self.app(environ, start_response)
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]

    def wait(self, count: int = 1, seconds: float = 30) -> Notice:
        """The newest one, once there are `count`."""
        deadline = time.monotonic() + seconds
        while len(self.notices) < count:
            assert time.monotonic() < deadline, f"{len(self.notices)} notifications of {count}"
            time.sleep(0.02)
        return self.notices[-1]

    def deliver(
        self,
        notice: Notice,
        *,
        body: bytes | None = None,
        path: str | None = None,
        url: str = "",
        change: Mapping[str, str | None] | None = None,
    ) -> requests.Response:
        """Post it to the product; `change` replaces headers, None takes one away."""
        sent = dict(notice.headers)
        for name, value in (change or {}).items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        return requests.post(
            (url or self.url) + (path or notice.path),
            data=notice.body if body is None else body,
            headers={**sent, "X-From-Test": "1"},
            timeout=20,
        )
