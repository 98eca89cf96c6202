"""WeChat Pay for the services: partner JSAPI orders, queries, closing, notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from errors import GatewayRejected, GatewayUnknown, NotEnough, NotifyInvalid
from gateways import strict_json
from gateways.base import (
    Prepay,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
    RefundState,
    RefundWord,
    Trade,
    TradeState,
    WechatAccount,
)
from gateways.http import ClientCache, Transport, timed
from gateways.ordering import Product
from gateways.wechat_pay import mapping, products
from gateways.wechat_pay.client import BadSignature, WechatPayClient

_ORDERS = "/v3/pay/partner/transactions"
_BY_NUMBER = f"{_ORDERS}/out-trade-no"
_REFUNDS = "/v3/refund/domestic/refunds"


class WechatPayGateway:
    """A `PayGateway`; clients are kept per (account_key, version)."""

    channel = mapping.CHANNEL

    def __init__(self, *, base: str, transport: Transport, now: Callable[[], datetime]) -> None:
        self._base, self._transport, self._now = base, transport, now
        self._clients: ClientCache[tuple[str, int], WechatPayClient] = ClientCache()

    def prepay(self, account: WechatAccount, req: PrepayRequest) -> Prepay:
        """Order, and sign the bridge or app. The same request again gives a fresh prepay_id (2 h)
        or code; an H5 address lives for 5 minutes.

        GatewayUnknown also when WeChat says the number is already paid: ask, do not refuse.
        """
        client = self._client(account)
        try:
            with timed(self.channel, "prepay", req.out_trade_no):
                body = products.body(account, req)
                answer = client.call("POST", f"{_ORDERS}/{req.product}", body)
        except GatewayRejected as refused:
            if _says_paid(refused):
                raise GatewayUnknown("already paid", upstream_code="ORDERPAID") from refused
            raise
        return products.prepay(client, account, req, answer)

    def bridge(
        self,
        account: WechatAccount,
        prepay_id: str,
        product: Product = Product.JSAPI,
        *,
        is_sub_payer: bool = False,
    ) -> Mapping[str, str]:
        """Sign again for a prepay_id that we hold; the signature's time is now."""
        client = self._client(account)
        return products.bridge(client, account, prepay_id, product, is_sub_payer=is_sub_payer)

    def query(self, account: WechatAccount, out_trade_no: str) -> Trade:
        """Ask by our number. GatewayUnknown also for an answer about something else, or a state
        that is in no table."""
        client, target = self._client(account), _order_target(account, out_trade_no)
        try:
            with timed(self.channel, "query", out_trade_no):
                wire = client.call("GET", target)
        except GatewayRejected as refused:
            if refused.upstream_code not in mapping.UNKNOWN_ORDER_CODES:
                raise
            return _no_trade(out_trade_no, refused.upstream_code)
        return _asked_trade(account, out_trade_no, wire)

    def close(self, account: WechatAccount, out_trade_no: str) -> TradeState:
        """Close; may be repeated. "Already paid" is not believed but asked about."""
        client = self._client(account)
        body = {"sp_mchid": account.sp_mchid, "sub_mchid": account.sub_mchid}
        try:
            with timed(self.channel, "close", out_trade_no):
                client.call("POST", f"{_BY_NUMBER}/{_quoted(out_trade_no)}/close", body)
        except GatewayRejected as refused:
            if refused.upstream_code in mapping.UNKNOWN_ORDER_CODES:
                return TradeState.NOT_EXIST
            if not _needs_a_query(refused):
                raise
            return self.query(account, out_trade_no).state
        return TradeState.CLOSED

    def refund(self, account: WechatAccount, req: RefundRequest) -> RefundWord:
        """Ask for money back. 200 means accepted, not done; 429 means perhaps accepted."""
        client = self._client(account)
        try:
            with timed(self.channel, "refund", req.out_trade_no):
                wire = client.call("POST", _REFUNDS, mapping.refund_body(account, req))
        except GatewayRejected as refused:
            if refused.upstream_code in mapping.NOT_ENOUGH_CODES:
                raise NotEnough(refused.upstream_code, refused.upstream_message) from refused
            raise
        return _asked_refund(wire, req.out_trade_no, req.out_refund_no)

    def query_refund(
        self, account: WechatAccount, out_trade_no: str, out_refund_no: str
    ) -> RefundWord:
        """Ask by our refund number, however old it is."""
        client = self._client(account)
        query = urlencode({"sub_mchid": account.sub_mchid})
        try:
            with timed(self.channel, "query_refund", out_trade_no):
                wire = client.call("GET", f"{_REFUNDS}/{_quoted(out_refund_no)}?{query}")
        except GatewayRejected as refused:
            if refused.upstream_code not in mapping.UNKNOWN_REFUND_CODES:
                raise
            return RefundWord(
                self.channel,
                out_trade_no,
                out_refund_no,
                RefundState.NOT_FOUND,
                refused.upstream_code,
            )
        return _asked_refund(wire, out_trade_no, out_refund_no)

    def parse_notify(
        self, account: WechatAccount, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Trade | RefundNotice:
        """Verify, decrypt and read; a refund is told by event_type, whatever URL it came to.

        NotifyInvalid: signature missing, stale or wrong, cipher or tag wrong, another provider's
        sp_mchid or sp_appid, not strict JSON. The sub_mchid (payee) is for the caller to compare.
        """
        try:
            _check_size(body)
            signed = {name.lower(): value for name, value in headers.items()}
            self._client(account).verify(signed, body, now)
        except (BadSignature, ValueError) as error:
            raise NotifyInvalid(str(error)) from None
        return self.read_kept(account, body)

    def read_kept(self, account: WechatAccount, body: bytes) -> Trade | RefundNotice:
        """Decrypt and read what was verified when it came: its signature is too old by now.

        The cipher's tag still says that whoever wrote it holds our APIv3 key. Raises as above.
        """
        try:
            kind, wire = _opened(self._client(account), strict_json.loads(body))
            _check_provider(account, kind, wire)
            return _read(kind, wire)
        except (BadSignature, ValueError) as error:
            raise NotifyInvalid(str(error)) from None
        except mapping.UnknownState as error:
            raise GatewayUnknown(f"unknown state {error}") from None

    def notify_serial(self, headers: Mapping[str, str]) -> str | None:
        """The serial of the key that a notification says it is signed with; not verified."""
        found = {name.lower(): value for name, value in headers.items()}
        return found.get("wechatpay-serial") or None

    def _client(self, account: WechatAccount) -> WechatPayClient:
        return self._clients.get(
            (account.account_key, account.version),
            lambda: WechatPayClient(
                account, base=self._base, transport=self._transport, now=self._now
            ),
        )


def _order_target(account: WechatAccount, out_trade_no: str) -> str:
    query = urlencode({"sp_mchid": account.sp_mchid, "sub_mchid": account.sub_mchid})
    return f"{_BY_NUMBER}/{_quoted(out_trade_no)}?{query}"


def _quoted(out_trade_no: str) -> str:
    """Encode before signing: what is signed is what is sent (`|` travels as `%7C`)."""
    return quote(out_trade_no, safe="*")


def _says_paid(refused: GatewayRejected) -> bool:
    return (
        refused.upstream_code in mapping.PAID_CODES
        or refused.facts.get("number") in mapping.PAID_NUMBERS
    )


def _needs_a_query(refused: GatewayRejected) -> bool:
    """Refusals to close that may mean "paid" or "closed already": a query decides, not the text."""
    return (
        _says_paid(refused)
        or refused.upstream_code in ("TRADE_ERROR", "ORDER_CLOSED")
        or (refused.upstream_code == "INVALID_REQUEST" and "已支付" in refused.upstream_message)
    )


def _no_trade(out_trade_no: str, code: str) -> Trade:
    return Trade(mapping.CHANNEL, out_trade_no, TradeState.NOT_EXIST, raw_state=code)


def _asked_trade(account: WechatAccount, out_trade_no: str, wire: dict[str, Any]) -> Trade:
    try:
        trade = mapping.trade_from_wire(wire)
        mchid = strict_json.word(wire, "sp_mchid")
    except (ValueError, mapping.UnknownState) as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if trade.out_trade_no != out_trade_no or mchid != account.sp_mchid:
        raise GatewayUnknown("the answer is about another order")
    return trade


def _asked_refund(wire: dict[str, Any], out_trade_no: str, out_refund_no: str) -> RefundWord:
    try:
        found = mapping.refund_word(wire, "status")
    except (ValueError, mapping.UnknownState) as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if (found.out_trade_no, found.out_refund_no) != (out_trade_no, out_refund_no):
        raise GatewayUnknown("the answer is about another refund")
    return found


def _read(kind: str, wire: dict[str, Any]) -> Trade | RefundNotice:
    return mapping.refund_from_wire(wire) if kind == "refund" else mapping.trade_from_wire(wire)


def _check_size(body: bytes) -> None:
    if len(body) > strict_json.MAX_BYTES:
        raise ValueError("too long")


def _opened(client: WechatPayClient, notice: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Decrypt the resource; its kind must be the event's."""
    event, resource = notice.get("event_type"), notice.get("resource")
    if not isinstance(event, str) or not isinstance(resource, dict):
        raise ValueError("not a notification")
    kind = {"TRANSACTION": "transaction", "REFUND": "refund"}.get(event.partition(".")[0])
    if kind is None or resource.get("original_type") != kind:
        raise ValueError("the event and its resource differ")
    return kind, strict_json.loads(client.open(resource))


def _check_provider(account: WechatAccount, kind: str, wire: dict[str, Any]) -> None:
    # The sample pages of refunds print `mchid` where the text says `sp_mchid` (wechat.md A10).
    mchid = strict_json.word(wire, "sp_mchid")
    if mchid is None and kind == "refund":
        mchid = strict_json.word(wire, "mchid")
    if mchid != account.sp_mchid:
        raise ValueError("another provider's notification")
    if kind == "transaction" and strict_json.word(wire, "sp_appid") != account.sp_appid:
        raise ValueError("another app's notification")
