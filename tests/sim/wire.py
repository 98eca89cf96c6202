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
    (r"POST /pay/micropay", "wechat.micropay"),
    (r"POST /pay/orderquery", "wechat.orderquery_v2"),
    (r"POST /secapi/pay/reverse", "wechat.reverse"),
)
_METHODS = {
    "alipay.trade.create": "alipay.create",
    "alipay.trade.query": "alipay.query",
    "alipay.trade.close": "alipay.close",
    "alipay.trade.pay": "alipay.pay",
    "alipay.trade.cancel": "alipay.cancel",
    "alipay.trade.refund": "alipay.refund",
    "alipay.trade.fastpay.refund.query": "alipay.refund_query",
}


def operation(method: str, url: str) -> str:
    """The wallets' own name of what is asked; faults go by it."""
    parts = urlsplit(url)
    if parts.path.endswith("/gateway.do"):
        asked = parse_qs(parts.query).get("method", [""])[0]
        return _METHODS.get(asked, asked)
    if parts.path.startswith("/deposit/"):
        return f"wechat.deposit.{parts.path.removeprefix('/deposit/')}"
    said = f"{method} {parts.path}"
    return next((name for shape, name in _PATHS if re.fullmatch(shape, said)), said)


class Wire:
    """The product's transport. `through` is the play that is on."""

    def __init__(self) -> None:
        self.through: Send | None = None

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        assert self.through is not None, "a call outside of a play"
        return self.through(method, url, headers, body)

    def download(
        self,
        url: str,
        headers: Mapping[str, str],
        take: Callable[[bytes], None],
        *,
        most: int,
        within_s: float,
    ) -> Answer:
        answer = self.send("GET", url, headers)
        if answer.status != 200:
            return answer
        take(answer.body)
        return Answer(answer.status, answer.headers, b"")
