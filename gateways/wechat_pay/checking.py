"""Asking WeChat Pay whether each of an account's keys is right, without touching an order.

`GET /v3/certificates` is harmless and proves three keys: its door our signature (wechat.md A1), its
content the APIv3 key (A4), its signature WeChat's public key (A2). An account without platform
certificates is answered 404 there: then only an order that exists proves the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlencode

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa, strict_json
from gateways.base import WechatAccount
from gateways.http import Answer, Transport, timed
from gateways.looks import GOOD, Sure, WechatLook, Word
from gateways.wechat_pay.client import BadSignature, WechatPayClient
from gateways.wechat_pay.v2 import Presenting, V2Client

_TARGET = "/v3/certificates"
_ENDED = ("已过期", "已作废")  # WeChat tells these two by words alone
_UNSET = "未设置APIv3密钥"
SILENT = Word(Sure.UNKNOWN, why="微信支付没有回答，稍后再查")


class WechatChecking:
    """Builds a client of its own for every look: keys that were just changed are read anew."""

    def __init__(
        self,
        *,
        base: str,
        transport: Transport,
        presenting: Presenting,
        now: Callable[[], datetime],
    ) -> None:
        self._base, self._transport, self._presenting, self._now = base, transport, presenting, now

    def look(self, account: WechatAccount, known: str = "") -> WechatLook:
        """Never raises for what WeChat says. `known` is the number of an order that exists, ""
        for none; `account.sub_mchid` is whose it is."""
        try:
            client = WechatPayClient(
                account, base=self._base, transport=self._transport, now=self._now
            )
        except ValueError as error:
            return WechatLook(signed=Word(Sure.WRONG, why=f"密钥不能读取：{error}"))
        with timed("wechat", "look"):
            return self._look(client, account, known)

    def _look(self, client: WechatPayClient, account: WechatAccount, known: str) -> WechatLook:
        try:
            answer = client.ask(_TARGET, named="")
        except GatewayUnknown:
            return WechatLook(SILENT, SILENT, SILENT, SILENT)
        found = self._door(answer)
        if found.signed.sure is not Sure.GOOD:
            return found
        if answer.status == 200:
            found = self._content(client, answer, found)
        else:
            found = replace(
                found, sealed=Word(Sure.UNKNOWN, why="只有微信支付公钥的商户号无法主动询问这一项")
            )
        return replace(found, answered=self._answered(client, account, answer, known))

    def _door(self, answer: Answer) -> WechatLook:
        """401 says what of our own identity is wrong; any other answer that it was believed."""
        if answer.status in (200, 404):
            return WechatLook(certificate=GOOD, signed=GOOD)
        code, text = _said(answer)
        if answer.status != 401:
            silent = Word(Sure.UNKNOWN, code, text, "微信支付没有给出结论，稍后再查")
            return WechatLook(silent, silent, silent, silent)
        no = Word(Sure.WRONG, code, text)
        if any(word in text for word in _ENDED):
            return WechatLook(certificate=no)
        if _UNSET in text:
            return WechatLook(certificate=GOOD, signed=GOOD, sealed=no)
        return WechatLook(certificate=GOOD, signed=no)

    def _content(self, client: WechatPayClient, answer: Answer, found: WechatLook) -> WechatLook:
        """Whether the APIv3 key opens the certificates; the newest one's end."""
        ends: list[datetime] = []
        try:
            for item in strict_json.loads(answer.body)["data"]:
                pem = client.open(item["encrypt_certificate"])
                ends.append(rsa.certificate(pem).not_valid_after_utc)
        except (ValueError, KeyError, TypeError):
            return replace(found, sealed=Word(Sure.WRONG, why="用它解不开微信支付发来的内容"))
        return replace(found, sealed=GOOD, platform_until=max(ends, default=None))

    def _answered(
        self, client: WechatPayClient, account: WechatAccount, plain: Answer, known: str
    ) -> Word:
        named = account.public_key_id
        try:
            answer = client.ask(_TARGET, named=named) if named else plain
            if answer.status == 404 and known:
                answer = client.ask(_order(account, known), named=named)
        except GatewayUnknown:
            return SILENT
        if answer.status != 200:
            code, text = _said(answer)
            if answer.status == 400:
                return Word(Sure.WRONG, code, text)
            return Word(Sure.UNKNOWN, code, text, "还没有一笔订单可用来核对微信的签名")
        try:
            client.verify(answer.headers, answer.body, self._now())
        except BadSignature:
            return Word(Sure.WRONG, why="微信支付应答的签名与保存的公钥对不上")
        return GOOD

    def code_pay(self, account: WechatAccount, number: str) -> Word:
        """Whether the APIv2 key is right: asks about a number that nobody ordered."""
        try:
            client = V2Client(
                account, base=self._base, transport=self._transport, presenting=self._presenting
            )
        except ValueError:
            return Word(Sure.WRONG, why="APIv2 密钥应为 32 位，并且要有配套的 API 证书")
        try:
            with timed("wechat", "look_v2"):
                client.call("/pay/orderquery", account.sub_mchid, {"out_trade_no": number})
        except GatewayRejected as refused:  # pragma: no cover - a query is never refused so
            return Word(Sure.WRONG, refused.upstream_code, refused.upstream_message)
        except GatewayUnknown as unknown:
            is_key = "签名" in unknown.detail or "signature" in unknown.detail
            text = unknown.detail.removeprefix("not read: ")
            return Word(Sure.WRONG, "FAIL", text) if is_key else SILENT
        return GOOD


def _order(account: WechatAccount, number: str) -> str:
    who = urlencode({"sp_mchid": account.sp_mchid, "sub_mchid": account.sub_mchid})
    return f"/v3/pay/partner/transactions/out-trade-no/{quote(number, safe='')}?{who}"


def _said(answer: Answer) -> tuple[str, str]:
    """The code and text of a refusal, which is not signed."""
    try:
        found = strict_json.loads(answer.body)
    except ValueError:
        return f"HTTP {answer.status}", ""
    code = str(found.get("code") or f"HTTP {answer.status}")[:64]
    return code, str(found.get("message") or "")[:200]
