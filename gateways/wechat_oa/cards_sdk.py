"""wechatpy's card calls over our hosts and our session. Import late: wechatpy is slow to import."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.http import Transport

_WeChatCard: Any = import_module("wechatpy.client.api.card").WeChatCard
_Signer: Any = import_module("wechatpy.utils").WeChatSigner


class CardCalls(_WeChatCard):  # type: ignore[misc]
    """wechatpy's own client opens a session each time, hard-codes its host, keeps the token in
    memory of its own and carries the request in its exceptions: this stands in its place."""

    def __init__(self, api_base: str, token: str, transport: Transport) -> None:
        super().__init__(_Client(api_base, token, transport))


class _Client:
    def __init__(self, api_base: str, token: str, transport: Transport) -> None:
        self._api_base, self._token, self._transport = api_base.rstrip("/"), token, transport

    def post(self, endpoint: str, **words: Any) -> Any:
        process = words.get("result_processor")
        found = called(
            self._transport, f"{self._api_base}/{endpoint}?access_token={self._token}",
            words["data"],
        )  # fmt: skip
        if process is None:
            return found
        try:
            return process(found)
        except (KeyError, TypeError):
            raise GatewayUnknown("an answer without what it was asked for") from None


def called(transport: Transport, url: str, data: dict[str, Any] | None) -> dict[str, Any]:
    """One call: POST with a body, else GET. GatewayRejected with WeChat's errcode; GatewayUnknown
    when it is busy or silent, then it may have been done."""
    headers = {"Accept": "application/json", "User-Agent": "yima/1"}
    if data is None:
        answer = transport.send("GET", url, headers)
    else:
        body = json.dumps(data, ensure_ascii=False).encode()
        answer = transport.send("POST", url, headers | {"Content-Type": "application/json"}, body)
    if answer.status != 200:
        raise GatewayUnknown(f"HTTP {answer.status}")
    try:
        found = strict_json.loads(answer.body)
    except ValueError:
        raise GatewayUnknown("the answer can not be read") from None
    errcode = found.get("errcode") or 0
    if errcode == -1:
        raise GatewayUnknown("WeChat is busy", upstream_code="-1")
    if errcode != 0:
        raise GatewayRejected(str(errcode), str(found.get("errmsg") or "")[:200])
    return found


def signed(*values: str) -> str:
    """SHA-1 of the values, sorted and joined: how `wx.addCard` is signed (wechat.md F)."""
    signer = _Signer()
    signer.add_data(*values)
    found: str = signer.signature
    return found
