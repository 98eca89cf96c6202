"""Who the payer is, as the provider's official account sees them: snsapi_base (wechat.md C1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.http import Transport, timed

if TYPE_CHECKING:
    from gateways.wechat_oa.sdk import OfficialAccountOAuth

SNAPSHOT_USER = "SNAPSHOT_USER"
# Codes of the exchange that a new redirect cures: invalid or another account's, used, expired,
# missing.
CODE_ERRORS = frozenset({"40029", "40163", "42003", "41008"})


class WechatOAuth:
    """Web authorisation of official accounts; the secret comes with each call and is not kept."""

    def __init__(self, *, api_base: str, open_base: str, transport: Transport) -> None:
        self._api_base, self._open_base, self._transport = api_base, open_base, transport

    def authorize_url(
        self,
        app_id: str,
        redirect_uri: str,
        state: str,
        *,
        component_appid: str | None = None,
        scope: str = "snsapi_base",
    ) -> str:
        """Where to send the payer; they come back to `redirect_uri` with code and state.

        `state` is at most 128 of `[a-zA-Z0-9]`: ValueError otherwise (WeChat cuts or refuses it).
        """
        if not (1 <= len(state) <= 128 and state.isascii() and state.isalnum()):
            raise ValueError("state is 1 to 128 of [a-zA-Z0-9]")
        sdk = self._sdk(app_id, "")
        sdk.scope = scope
        return sdk.authorize_page(redirect_uri, state, component_appid)

    def openid(self, app_id: str, secret: str, code: str) -> str:
        """Exchange the code, good once and for 5 minutes, for the openid under `app_id`.

        GatewayRejected: `upstream_code` is WeChat's errcode (CODE_ERRORS: redirect once more), or
        SNAPSHOT_USER for a snapshot page's throw-away identity, which must never pay or be bound.
        """
        with timed("wechat", "oauth"):
            return _openid(lambda: self._sdk(app_id, secret).fetch_access_token(code))

    def openid_through(
        self, app_id: str, component_appid: str, component_token: str, code: str
    ) -> str:
        """The same through a third-party platform, whose own token stands in for the secret."""
        with timed("wechat", "oauth"):
            sdk = self._sdk(app_id, "")
            return _openid(lambda: sdk.fetch_through(component_appid, component_token, code))

    def _sdk(self, app_id: str, secret: str) -> OfficialAccountOAuth:
        from gateways.wechat_oa.sdk import OfficialAccountOAuth  # wechatpy is slow to import

        return OfficialAccountOAuth(
            app_id,
            secret,
            api_base=self._api_base,
            open_base=self._open_base,
            transport=self._transport,
        )


def _openid(fetch: Callable[[], dict[str, Any]]) -> str:
    try:
        found = fetch()
    except KeyError:
        raise GatewayUnknown("an answer without token or openid") from None
    if found.get("is_snapshotuser"):
        raise GatewayRejected(SNAPSHOT_USER, "快照页访客")
    try:
        openid = strict_json.word(found, "openid")
    except ValueError:
        openid = None
    if openid is None:
        raise GatewayUnknown("no openid in the answer")
    return openid
