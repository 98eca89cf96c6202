"""What wechatpy's calls are made through: our host, our session, a token that is handed in.

wechatpy's own client opens a session each time, hard-codes its host, keeps the token in memory of
its own and carries the request in its exceptions: this stands in its place.
"""

from __future__ import annotations

from typing import Any

from errors import GatewayUnknown
from gateways.http import Transport
from gateways.wechat_oa.calls import called


class TokenClient:
    """Errors are those of `called`."""

    def __init__(self, api_base: str, token: str, transport: Transport) -> None:
        self._api_base, self._token, self._transport = api_base.rstrip("/"), token, transport

    def get(self, endpoint: str, **words: Any) -> Any:
        return called(self._transport, self._url(endpoint, words), None)

    def post(self, endpoint: str, **words: Any) -> Any:
        process = words.get("result_processor")
        found = called(self._transport, self._url(endpoint, words), words["data"])
        if process is None:
            return found
        try:
            return process(found)
        except (KeyError, TypeError):
            raise GatewayUnknown("an answer without what it was asked for") from None

    def _url(self, endpoint: str, words: dict[str, Any]) -> str:
        """wechatpy names a base of its own only for what is not below `/cgi-bin/`."""
        path = endpoint if "api_base_url" in words else f"cgi-bin/{endpoint}"
        return f"{self._api_base}/{path}?access_token={self._token}"
