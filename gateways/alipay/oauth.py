"""Who the payer is: Alipay's auth_base (silent) and the exchange of its code."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from errors import GatewayUnknown
from gateways.alipay import mapping
from gateways.alipay.gateway import AlipayClients
from gateways.base import AlipayAccount
from gateways.http import timed


@dataclass(frozen=True, slots=True)
class AlipayPayer:
    """The payer as the app sees them; newer apps are given an open_id only. Personal: never log."""

    user_id: str | None = field(repr=False)
    open_id: str | None = field(repr=False)

    @property
    def payer(self) -> str:
        """What `PrepayRequest.payer` takes: the user id, or else the open_id."""
        return self.user_id or self.open_id or ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a merchant's consent gives: a token for our calls on its behalf, and who it is."""

    pid: str
    app_auth_token: str = field(repr=False)


class AlipayOAuth:
    """The provider's own app does this, not the merchant's: no app_auth_token (alipay.md 4.5)."""

    def __init__(self, clients: AlipayClients, *, auth_base: str) -> None:
        self._clients, self._auth_base = clients, auth_base.rstrip("/")

    def authorize_url(self, account: AlipayAccount, redirect_uri: str, state: str) -> str:
        """Where to send the payer; they come back to `redirect_uri` with auth_code and state."""
        names = {
            "app_id": account.app_id,
            "scope": "auth_base",
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return f"{self._auth_base}/oauth2/publicAppAuthorize.htm?{urlencode(names)}"

    def exchange(self, account: AlipayAccount, code: str) -> AlipayPayer:
        """Turn the code, good once and briefly, into who it is.

        GatewayRejected: isv.code-invalid (used, expired, another app's) and the like: ask again by
        a new redirect. grant_type and code are top-level parameters, there is no biz_content.
        """
        client = self._clients.get(account)
        with timed(mapping.CHANNEL, "oauth"):
            node = client.server_api(
                "alipay.system.oauth.token", grant_type="authorization_code", code=code
            )
        try:
            payer = AlipayPayer(mapping.word(node, "user_id"), mapping.word(node, "open_id"))
        except ValueError:
            raise GatewayUnknown("the answer can not be read") from None
        if not payer.payer:
            raise GatewayUnknown("the answer names nobody")
        return payer

    def grant_url(self, account: AlipayAccount, redirect_uri: str, state: str) -> str:
        """Where a merchant's owner consents; `redirect_uri` must be the app's 授权回调地址."""
        names = {"app_id": account.app_id, "redirect_uri": redirect_uri, "state": state}
        return f"{self._auth_base}/oauth2/appToAppAuth.htm?{urlencode(names)}"

    def exchange_grant(self, account: AlipayAccount, app_auth_code: str) -> Grant:
        """Turn the code that came back (good once, for 24 h) into a lasting token.

        GatewayRejected: AUTH_CODE_NOT_EXIST, AUTH_CODE_NOT_VALID and the like: let the merchant
        consent again. Source: alipay.open.auth.token.app (alipay.md 3.2).
        """
        client = self._clients.get(account)
        with timed(mapping.CHANNEL, "grant"):
            node = client.server_api(
                "alipay.open.auth.token.app",
                {"grant_type": "authorization_code", "code": app_auth_code},
            )
        try:
            pid, token = mapping.word(node, "user_id"), mapping.word(node, "app_auth_token")
        except ValueError:
            raise GatewayUnknown("the answer can not be read") from None
        if not pid or not token:
            raise GatewayUnknown("the answer has no token")
        return Grant(pid, token)
