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
