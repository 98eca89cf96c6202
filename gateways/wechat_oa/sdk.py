"""wechatpy's web OAuth with our hosts and our session. Import late: wechatpy is slow to import."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.http import Transport

_WeChatOAuth: Any = import_module("wechatpy.oauth").WeChatOAuth


class OfficialAccountOAuth(_WeChatOAuth):  # type: ignore[misc]
    """One exchange for one official account. wechatpy's own hard-codes its hosts, has no timeout,
    opens a session each time, and carries the request, secret included, in its exceptions."""

    def __init__(
        self, app_id: str, secret: str, *, api_base: str, open_base: str, transport: Transport
    ) -> None:
        # Not super().__init__: it would build a session per call. These are all its attributes.
        self.app_id, self.secret, self.scope = app_id, secret, "snsapi_base"
        self.redirect_uri = self.state = ""
        self.API_BASE_URL = f"{api_base.rstrip('/')}/"
        self.OAUTH_BASE_URL = f"{open_base.rstrip('/')}/connect/"
        self._transport = transport

    def authorize_page(self, redirect_uri: str, state: str, component_appid: str | None) -> str:
        """The address in WeChat's own order of parameters; the component's comes last."""
        self.redirect_uri, self.state = redirect_uri, state
        url, _, fragment = self.authorize_url.rpartition("#")
        component = f"&component_appid={component_appid}" if component_appid else ""
        return f"{url}{component}#{fragment}"

    def fetch_through(self, component_appid: str, token: str, code: str) -> dict[str, Any]:
        """The exchange through a third-party platform (wechat.md D)."""
        return self._request(
            "get",
            "sns/oauth2/component/access_token",
            params={
                "appid": self.app_id,
                "code": code,
                "grant_type": "authorization_code",
                "component_appid": component_appid,
                "component_access_token": token,
            },
        )

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> dict[str, Any]:
        """GatewayRejected with WeChat's errcode; GatewayUnknown when it is busy or silent."""
        url = f"{self.API_BASE_URL}{url_or_endpoint}?{urlencode(kwargs.get('params') or {})}"
        headers = {"Accept": "application/json", "User-Agent": "yima/1"}
        answer = self._transport.send(method.upper(), url, headers)
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
