"""wechatpy's card calls over our hosts and our session. Import late: wechatpy is slow to import."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gateways.http import Transport
from gateways.wechat_oa.client import TokenClient

_WeChatCard: Any = import_module("wechatpy.client.api.card").WeChatCard
_Signer: Any = import_module("wechatpy.utils").WeChatSigner


class CardCalls(_WeChatCard):  # type: ignore[misc]
    """The card calls with one token."""

    def __init__(self, api_base: str, token: str, transport: Transport) -> None:
        super().__init__(TokenClient(api_base, token, transport))


def signed(*values: str) -> str:
    """SHA-1 of the values, sorted and joined: how `wx.addCard` is signed (wechat.md F)."""
    signer = _Signer()
    signer.add_data(*values)
    found: str = signer.signature
    return found
