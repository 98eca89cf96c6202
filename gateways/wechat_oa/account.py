"""An account's menu and its parametric codes, with its token. wechat.md C4, C7."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from errors import GatewayRejected, GatewayUnknown
from gateways.http import Transport, timed
from gateways.wechat_oa.client import TokenClient

NO_MENU = "46003"


class WechatMenus:
    """Every method may raise GatewayRejected with WeChat's errcode, and GatewayUnknown; each may
    be repeated."""

    def __init__(self, *, api_base: str, transport: Transport) -> None:
        self._api_base, self._transport = api_base.rstrip("/"), transport

    def get(self, token: str) -> list[dict[str, Any]]:
        """The buttons of the default menu, none where there is no menu."""
        with timed("wechat_oa", "menu_get"):
            try:
                found = self._menus(token).get()
            except GatewayRejected as problem:
                if problem.upstream_code != NO_MENU:
                    raise
                return []
        inside = found.get("menu")
        buttons = inside.get("button") if isinstance(inside, dict) else None
        if not isinstance(buttons, list):
            raise GatewayUnknown("a menu without buttons")
        return [one for one in buttons if isinstance(one, dict)]

    def create(self, token: str, buttons: list[dict[str, Any]]) -> None:
        """Put this menu in the place of the one there is."""
        with timed("wechat_oa", "menu_create"):
            self._menus(token).create({"button": buttons})

    def scene(self, token: str, scene: str, seconds: int) -> str:
        """The address inside a code of this scene: 1 to 64 characters, at most 30 days."""
        wanted = {
            "action_name": "QR_STR_SCENE",
            "expire_seconds": seconds,
            "action_info": {"scene": {"scene_str": scene}},
        }
        codes: Any = import_module("wechatpy.client.api.qrcode").WeChatQRCode
        with timed("wechat_oa", "qrcode"):
            found = codes(TokenClient(self._api_base, token, self._transport)).create(wanted)
        url = found.get("url")
        if not isinstance(url, str) or not url.startswith("http"):
            raise GatewayUnknown("a code without an address")
        return url

    def _menus(self, token: str) -> Any:
        menus: Any = import_module("wechatpy.client.api.menu").WeChatMenu
        return menus(TokenClient(self._api_base, token, self._transport))
