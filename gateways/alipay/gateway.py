"""Alipay for the services: trade.create and the bridge, wap.pay, query, close, notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from errors import GatewayRejected, GatewayUnknown, NotEnough, NotifyInvalid
from gateways import strict_json
from gateways.alipay import mapping
from gateways.base import (
    AlipayAccount,
    Prepay,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
    RefundState,
    RefundWord,
    Trade,
    TradeState,
)
from gateways.http import ClientCache, Transport, timed
from gateways.ordering import Product

if TYPE_CHECKING:
    from gateways.alipay.client import AlipayClient

_CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
_MAX_FIELDS = 100
_OPERATIONS = {  # in the log, the same words for both wallets
    "alipay.trade.create": "prepay",
    "alipay.trade.precreate": "prepay",
    "alipay.trade.query": "query",
    "alipay.trade.close": "close",
    "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "query_refund",
}


class AlipayClients:
    """The clients of the gateway and of OAuth, kept per (account_key, version, charset)."""

    def __init__(self, *, base: str, transport: Transport, now: Callable[[], datetime]) -> None:
        """`base` is scheme and host, with or without the path `/gateway.do`."""
        self._url = base if base.endswith("/gateway.do") else f"{base.rstrip('/')}/gateway.do"
        self._transport, self._now = transport, now
        self._clients: ClientCache[tuple[str, int, str], AlipayClient] = ClientCache()

    @property
    def gateway_url(self) -> str:
        return self._url

    def get(self, account: AlipayAccount, charset: str = "utf-8") -> AlipayClient:
        return self._clients.get(
            (account.account_key, account.version, charset), lambda: self._built(account, charset)
        )

    def _built(self, account: AlipayAccount, charset: str) -> AlipayClient:
        from gateways.alipay.client import AlipayClient  # the SDK is slow to import

        return AlipayClient(
            account,
            gateway_url=self._url,
            transport=self._transport,
            now=self._now,
            charset=charset,
        )


class AlipayGateway:
    """A `PayGateway` under the provider's app and the merchant's app_auth_token."""

    channel = mapping.CHANNEL

    def __init__(self, clients: AlipayClients) -> None:
        self._clients = clients

    def prepay(self, account: AlipayAccount, req: PrepayRequest) -> Prepay:
        """Create the trade (alipay.trade.create). The same request again returns the same trade.

        NATIVE gives a code (alipay.trade.precreate): no trade exists until it is scanned, so
        NOT_EXIST does not yet mean that nobody can pay (alipay.md 4.3). H5 and APP are not sold by
        this road. A business code that is in no list is GatewayUnknown, not a refusal (alipay.md
        4.9); so is TRADE_HAS_SUCCESS: ask.
        """
        by_code = req.product is Product.NATIVE
        method = "alipay.trade.precreate" if by_code else "alipay.trade.create"
        content = mapping.prepay_content(account, req)
        try:
            node = self._call(account, method, req.out_trade_no, content, req)
        except GatewayRejected as refused:
            if _is_business(refused) and not mapping.is_create_refusal(refused.upstream_code):
                code = refused.upstream_code
                raise GatewayUnknown(code, upstream_code=code) from refused
            raise
        if by_code:
            return Prepay(None, code_url=_qr_code(node, req.out_trade_no))
        trade_no = _trade_no(node, req.out_trade_no)
        return Prepay(trade_no, bridge=self.bridge(account, trade_no))

    def wap_pay(self, account: AlipayAccount, req: PrepayRequest) -> Prepay:
        """Sign the URL that the payer's browser opens; nothing is called, so nothing exists yet.

        The trade appears once the payer logs in there, until `expires_at`: NOT_EXIST before that
        time does not yet mean that nobody can pay (alipay.md 4.6).
        """
        client = self._clients.get(account)
        data = client.build_body(
            "alipay.trade.wap.pay",
            mapping.wap_content(account, req),
            app_auth_token=account.app_auth_token,
            notify_url=req.notify_url,
            return_url=req.return_url,
        )
        return Prepay(None, redirect=f"{self._clients.gateway_url}?{client.sign_data(data)}")

    def bridge(
        self,
        account: AlipayAccount,
        prepay_id: str,
        product: Product = Product.JSAPI,
        *,
        is_sub_payer: bool = False,
    ) -> Mapping[str, str]:
        """The parameters of AlipayJSBridge's tradePay: nothing in them is signed."""
        return {"tradeNO": prepay_id}

    def query(self, account: AlipayAccount, out_trade_no: str) -> Trade:
        """Ask by our number. A refund is seen only as TRADE_CLOSED after a pay date: a refund in
        part still says TRADE_SUCCESS here."""
        content = {"out_trade_no": out_trade_no}
        try:
            node = self._call(account, "alipay.trade.query", out_trade_no, content)
        except GatewayRejected as refused:
            if refused.upstream_code not in mapping.NOT_EXIST:
                raise
            code = refused.upstream_code
            return Trade(self.channel, out_trade_no, TradeState.NOT_EXIST, raw_state=code)
        return _asked_trade(account, out_trade_no, node)

    def close(self, account: AlipayAccount, out_trade_no: str) -> TradeState:
        """Close an unpaid trade; a refusal because of the trade's state is decided by a query."""
        content = {"out_trade_no": out_trade_no}
        try:
            self._call(account, "alipay.trade.close", out_trade_no, content)
        except GatewayRejected as refused:
            if refused.upstream_code in mapping.NOT_EXIST:
                return TradeState.NOT_EXIST
            if refused.upstream_code not in mapping.CLOSE_DECIDED_BY_QUERY:
                raise
            return self.query(account, out_trade_no).state
        return TradeState.CLOSED

    def refund(self, account: AlipayAccount, req: RefundRequest) -> RefundWord:
        """Ask for money back. A business code that is in no list is unknown, not a refusal."""
        content = mapping.refund_content(req)
        try:
            node = self._call(account, "alipay.trade.refund", req.out_trade_no, content)
        except GatewayRejected as refused:
            code = refused.upstream_code
            if code in mapping.NOT_ENOUGH:
                raise NotEnough(code, refused.upstream_message) from refused
            if _is_business(refused) and not mapping.is_refund_refusal(code):
                raise GatewayUnknown(code, upstream_code=code) from refused
            raise
        try:
            return mapping.refund_answer(req, node)
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None

    def query_refund(
        self, account: AlipayAccount, out_trade_no: str, out_refund_no: str
    ) -> RefundWord:
        """Ask by our refund number. NOT_FOUND also while it is not done: Alipay says no more."""
        content = {"out_trade_no": out_trade_no, "out_request_no": out_refund_no}
        method = "alipay.trade.fastpay.refund.query"
        try:
            node = self._call(account, method, out_trade_no, content)
            return mapping.refund_found(out_trade_no, out_refund_no, node)
        except GatewayRejected as refused:
            if refused.upstream_code not in mapping.NOT_EXIST:
                raise
            code = refused.upstream_code
            return RefundWord(
                self.channel, out_trade_no, out_refund_no, RefundState.NOT_FOUND, code
            )
        except (ValueError, mapping.UnknownState) as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None

    def parse_notify(
        self, account: AlipayAccount, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Trade | RefundNotice:
        """Verify and read a trade notice (a form). It has no freshness: Alipay repeats it for 25 h.

        NotifyInvalid: not a form, a field twice, sign missing or wrong, sign_type not RSA2, another
        app, no seller. The seller (payee) and the amount are for the caller to compare.
        """
        return self.read_kept(account, body)

    def read_kept(self, account: AlipayAccount, body: bytes) -> Trade | RefundNotice:
        """The same again, whenever it came: Alipay's signature does not age."""
        try:
            form, charset = _form(body)
            if form.get("sign_type") != "RSA2":
                raise ValueError("another signature type")
            if not self._clients.get(account, charset).is_signed_form(form):
                raise ValueError("the signature is missing or wrong")
            _check_parties(account, form)
            return mapping.notice_from_form(account, form)
        except ValueError as error:
            raise NotifyInvalid(str(error)) from None
        except mapping.UnknownState as error:
            raise GatewayUnknown(f"unknown state {error}") from None

    def _call(
        self,
        account: AlipayAccount,
        method: str,
        out_trade_no: str,
        content: Mapping[str, Any],
        req: PrepayRequest | None = None,
    ) -> dict[str, Any]:
        client = self._clients.get(account)
        with timed(self.channel, _OPERATIONS[method], out_trade_no):
            node: dict[str, Any] = client.server_api(
                method,
                content,
                app_auth_token=account.app_auth_token,
                notify_url=req.notify_url if req else None,
            )
            return node


def _is_business(refused: GatewayRejected) -> bool:
    return refused.facts.get("code") == "40004"


def _trade_no(node: Mapping[str, Any], out_trade_no: str) -> str:
    try:
        found, number = mapping.word(node, "trade_no"), mapping.word(node, "out_trade_no")
    except ValueError:
        found = number = None
    if found is None or number not in (out_trade_no, None):
        raise GatewayUnknown("no trade_no in the answer")
    return found


def _qr_code(node: Mapping[str, Any], out_trade_no: str) -> str:
    found, number = node.get("qr_code"), node.get("out_trade_no")
    is_address = isinstance(found, str) and 0 < len(found) <= 512 and found.isascii()
    if not is_address or number not in (out_trade_no, None):
        raise GatewayUnknown("no qr_code in the answer")
    return str(found)


def _asked_trade(account: AlipayAccount, out_trade_no: str, node: Mapping[str, Any]) -> Trade:
    try:
        trade = mapping.trade_from_wire(account, node)
    except (ValueError, mapping.UnknownState) as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if trade.out_trade_no != out_trade_no:
        raise GatewayUnknown("the answer is about another order")
    return trade


def _form(body: bytes) -> tuple[dict[str, str], str]:
    """Decode a form once, in the charset that it names. ValueError for a field that comes twice."""
    if len(body) > strict_json.MAX_BYTES:
        raise ValueError("too long")
    text = body.decode("ascii")
    first = dict(parse_qsl(text, errors="replace", max_num_fields=_MAX_FIELDS))
    charset = _CHARSETS.get(first.get("charset", "utf-8").lower())
    if charset is None:
        raise ValueError("another charset")
    pairs = parse_qsl(
        text, keep_blank_values=True, strict_parsing=True, encoding=charset, errors="strict"
    )
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("a field comes twice")
    return form, charset


def _check_parties(account: AlipayAccount, form: Mapping[str, str]) -> None:
    if form.get("app_id") != account.app_id:
        raise ValueError("another app's notification")
    if not form.get("seller_id"):
        raise ValueError("no seller_id")
    if form.get("notify_type") != "trade_status_sync":
        raise ValueError("not a trade's notification")
