"""WeChat payment codes (付款码): pay and reverse over APIv2.

There is no notification, no close, and a number serves one payment. How a payment stands is asked
by APIv3's query, which knows these trades too. Source: wechat.md A8, pitfall 17.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from errors import GatewayRejected, GatewayUnknown
from gateways.base import (
    CodePayRequest,
    Reversal,
    ReversalState,
    Trade,
    TradeState,
    WechatAccount,
)
from gateways.http import ClientCache, Transport, timed
from gateways.leap import without_leap
from gateways.ordering import Basket, Extras
from gateways.strict_json import word
from gateways.wechat_pay import mapping
from gateways.wechat_pay.v2 import Presenting, V2Client

_SHANGHAI = timezone(timedelta(hours=8))
_STAMP = "%Y%m%d%H%M%S"
_BODY_BYTES = _ATTACH_BYTES = 127
_DETAIL_BYTES = 6000
_GOODS_ID_BYTES = 32
_GOODS_NAME_BYTES = 256

# A definite no to paying: no money moved, and none will under this number (wechat.md A8). Whatever
# is not here is unknown. ORDERPAID, ORDERCLOSED, ORDERREVERSED and OUT_TRADE_NO_USED speak of an
# earlier payment of the number, so they are left out on purpose: ask.
REFUSALS = frozenset(
    """
    PARAM_ERROR NOAUTH AUTHCODEEXPIRE AUTH_CODE_ERROR AUTH_CODE_INVALID NOTENOUGH NOTSUPORTCARD
    BUYER_MISMATCH APPID_NOT_EXIST MCHID_NOT_EXIST APPID_MCHID_NOT_MATCH INVALID_REQUEST TRADE_ERROR
    XML_FORMAT_ERROR REQUIRE_POST_METHOD SIGNERROR LACK_PARAMS NOT_UTF8
    """.split()  # noqa: SIM905 - eighteen quoted names read worse
)
NOT_EXIST = frozenset({"ORDERNOTEXIST", "ORDER_NOT_EXIST"})


class WechatCodePay:
    """A `CodePay`; clients are kept per (account_key, version)."""

    channel = mapping.CHANNEL

    def __init__(self, *, base: str, transport: Transport, presenting: Presenting) -> None:
        self._base, self._transport, self._presenting = base, transport, presenting
        self._clients: ClientCache[tuple[str, int], V2Client] = ClientCache()

    def is_ready(self, account: WechatAccount) -> bool:
        """Reversing wants the API certificate: without it no code is charged either."""
        return bool(account.apiv2_key and account.merchant_certificate)

    def pay_code(self, account: WechatAccount, req: CodePayRequest) -> Trade:
        """Charge once. USERPAYING (the payer types the password) is PAYING, no error."""
        client = self._client(account)
        with timed(self.channel, "pay_code", req.out_trade_no):
            found = client.call(
                "/pay/micropay", account.sub_mchid, _app(account) | _pay_fields(req)
            )
            code = found.get("err_code", "")
            if found.get("result_code") == "SUCCESS":
                return _paid(found, req)
            if code == "USERPAYING":
                return Trade(self.channel, req.out_trade_no, TradeState.PAYING, raw_state=code)
            if code in REFUSALS:
                raise GatewayRejected(code, found.get("err_code_des", "")[:200])
            raise GatewayUnknown(f"paying: {code}", upstream_code=code)

    def reverse(self, account: WechatAccount, out_trade_no: str) -> Reversal:
        """Reverse; may be repeated. `recall` Y means: call again."""
        client, fields = self._client(account), {**_app(account), "out_trade_no": out_trade_no}
        with timed(self.channel, "reverse", out_trade_no):
            return _reversal(client.call("/secapi/pay/reverse", account.sub_mchid, fields))

    def _client(self, account: WechatAccount) -> V2Client:
        return self._clients.get(
            (account.account_key, account.version),
            lambda: V2Client(
                account,
                base=self._base,
                transport=self._transport,
                presenting=self._presenting,
            ),
        )


def _app(account: WechatAccount) -> dict[str, str]:
    return {"sub_appid": account.sub_appid or ""}


def _pay_fields(req: CodePayRequest) -> dict[str, str]:
    return {
        "body": req.description.encode()[:_BODY_BYTES].decode(errors="ignore"),
        "out_trade_no": req.out_trade_no,
        "total_fee": str(req.amount_fen),
        "fee_type": "CNY",
        "spbill_create_ip": req.terminal_ip,
        "auth_code": req.auth_code,
        "goods_tag": req.goods_tag or "",
        "time_expire": req.expires_at.astimezone(_SHANGHAI).strftime(_STAMP),
        **_extras(req.extras),
    }


def _extras(extras: Extras) -> dict[str, str]:
    """`version` is what makes `detail` more than words: coupons on single goods (WeChat's page of
    micropay with 单品优惠)."""
    detail = _detail(extras.basket) if extras.basket else ""
    return {
        "attach": mapping.cut(extras.attach, _ATTACH_BYTES),
        "limit_pay": "no_credit" if extras.no_credit else "",
        "version": "1.0" if detail else "",
        "detail": detail,
    }


def _detail(basket: Basket) -> str:
    """The goods; without their names where those make it too long, for they decide nothing."""
    whole = _goods(basket, with_names=True)
    return whole if len(whole.encode()) <= _DETAIL_BYTES else _goods(basket, with_names=False)


def _goods(basket: Basket, *, with_names: bool) -> str:
    lines = [
        {
            "goods_id": mapping.cut(one.goods_id, _GOODS_ID_BYTES),
            "goods_name": mapping.cut(one.name, _GOODS_NAME_BYTES) if with_names else "",
            "quantity": one.quantity,
            "price": one.price_fen,
        }
        for one in basket.goods
    ]
    made: dict[str, Any] = {
        "cost_price": basket.cost_fen,
        "receipt_id": mapping.cut(basket.receipt_id, _GOODS_ID_BYTES),
        "goods_detail": [_said(line) for line in lines],
    }
    return json.dumps(_said(made), ensure_ascii=False, separators=(",", ":"))


def _said(members: dict[str, Any]) -> dict[str, Any]:
    """Without those that say nothing."""
    return {name: value for name, value in members.items() if value not in (None, "", [])}


def _paid(found: Mapping[str, str], req: CodePayRequest) -> Trade:
    try:
        trade = Trade(
            channel=mapping.CHANNEL,
            out_trade_no=req.out_trade_no,
            state=TradeState.SUCCESS,
            raw_state="SUCCESS",
            payee=found.get("sub_mch_id"),
            app=found.get("appid"),
            amount_fen=_fen(found.get("total_fee", "")),
            currency=found.get("fee_type") or "CNY",
            transaction_id=word(dict(found), "transaction_id"),
            paid_at=instant(found["time_end"]) if found.get("time_end") else None,
            payer=found.get("openid") or None,
        )
    except ValueError as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if found.get("out_trade_no") != req.out_trade_no or trade.transaction_id is None:
        raise GatewayUnknown("the answer is about another order")
    return trade


def _fen(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError("not an amount in fen")
    return mapping.fen(int(text))


def instant(stamp: str) -> datetime:
    return datetime.strptime(without_leap(stamp), _STAMP).replace(tzinfo=_SHANGHAI).astimezone(UTC)


def _reversal(found: Mapping[str, str]) -> Reversal:
    """`recall` Y wins over everything else; a definite no without it is for a query to decide."""
    code, recall = found.get("err_code", ""), found.get("recall", "")
    if recall == "Y":
        return Reversal(ReversalState.AGAIN, code or "recall")
    if found.get("result_code") == "SUCCESS":
        return Reversal(ReversalState.DONE, "reversed")
    if code in NOT_EXIST:
        return Reversal(ReversalState.NOT_EXIST, code)
    if recall == "N":
        return Reversal(ReversalState.REFUSED, code)
    raise GatewayUnknown(f"reversing: {code}", upstream_code=code)
