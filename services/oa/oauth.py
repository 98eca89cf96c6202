"""Web authorisation through the provider's account, in both modes: who holds the phone."""

from __future__ import annotations

from services.accounts import OfficialAccount
from services.deps import Deps
from services.oa.tokens import component_call


def authorize_url(
    deps: Deps, official: OfficialAccount, back: str, state: str, *, scope: str = "snsapi_base"
) -> str:
    """Where to send a browser inside WeChat; it comes back to `back` with code and state."""
    return deps.gateways.wechat_oauth.authorize_url(
        official.app_id, back, state,
        component_appid=official.component_appid or None, scope=scope,
    )  # fmt: skip


def openid(deps: Deps, official: OfficialAccount, code: str) -> str:
    """The openid under this account. Raises GatewayRejected (see `WechatOAuth.openid`) and
    GatewayUnknown."""
    oauth = deps.gateways.wechat_oauth
    if not official.component_appid:
        return oauth.openid(official.app_id, official.secret, code)
    return component_call(
        deps,
        official.component_appid,
        lambda by: oauth.openid_through(official.app_id, by.app_id, by.token, code),
    )
