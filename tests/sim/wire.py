"""The network between the product and the wallets: whoever runs the play decides what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from gateways.http import Answer

Send = Callable[[str, str, Mapping[str, str], bytes], Answer]

_PATHS = (
    (r"POST /v3/pay/partner/transactions/jsapi", "wechat.jsapi"),
    (r"GET /v3/pay/partner/transactions/out-trade-no/[^/]+", "wechat.query"),
    (r"POST /v3/pay/partner/transactions/out-trade-no/[^/]+/close", "wechat.close"),
    (r"POST /v3/refund/domestic/refunds", "wechat.refund"),
    (r"GET /v3/refund/domestic/refunds/[^/]+", "wechat.refund_query"),
)
_METHODS = {
    "alipay.trade.create": "alipay.create",
    "alipay.trade.query": "alipay.query",
    "alipay.trade.close": "alipay.close",
    "alipay.trade.refund": "alipay.refund",
    "alipay.trade.fastpay.refund.query": "alipay.refund_query",
}


def operation(method: str, url: str) -> str:
    """The wallets' own name of what is asked; faults go by it."""
    parts = urlsplit(url)
    if parts.path.endswith("/gateway.do"):
        asked = parse_qs(parts.query).get("method", [""])[0]
        return _METHODS.get(asked, asked)
    said = f"{method} {parts.path}"
    return next((name for shape, name in _PATHS if re.fullmatch(shape, said)), said)


class Wire:
    """The product's transport. `through` is the play that is on."""

    def __init__(self) -> None:
        self.through: Send | None = None

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        assert self.through is not None, "a call outside of a play"
        return self.through(method, url, headers, body)
