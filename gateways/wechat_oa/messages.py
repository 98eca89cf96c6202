"""Template messages of an official account, with its token. Source: wechat.md C5."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from errors import GatewayUnknown
from gateways.http import Transport, timed
from gateways.wechat_oa.client import TokenClient

CLIENT_ID_LIVES_S = 600  # within it a second message with the same client_msg_id is none
_KEYWORD = re.compile(r"([^\n:：{}]*)[:：]\s*\{\{\s*(\w+)\.DATA\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A template that the account has: its keywords with their labels, as it shows them."""

    template_id: str
    title: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person. `client_id` is the same at every repeat: 1 to 32 characters."""

    openid: str = field(repr=False)
    template_id: str
    data: dict[str, str] = field(repr=False)
    url: str
    client_id: str


class WechatNotices:
    """Every method may raise GatewayRejected (surely not sent, with WeChat's errcode) and
    GatewayUnknown; `sent=False` among its facts means that nothing had left."""

    def __init__(self, *, api_base: str, transport: Transport) -> None:
        self._api_base, self._transport = api_base.rstrip("/"), transport

    def send(self, token: str, message: Message) -> str:
        """WeChat's number of the message, "" where it gave none. May be repeated within
        `CLIENT_ID_LIVES_S` of the first time: WeChat shows it once."""
        wanted = {
            "touser": message.openid,
            "template_id": message.template_id,
            "url": message.url,
            "client_msg_id": message.client_id,
            "data": {key: {"value": value} for key, value in message.data.items()},
        }
        with timed("wechat_oa", "template_send"):
            found = self._client(token).post("message/template/send", data=wanted)
        number = found.get("msgid")
        return str(number) if isinstance(number, int | str) and len(str(number)) <= 32 else ""

    def templates(self, token: str) -> list[Template]:
        """Those that the account has chosen."""
        with timed("wechat_oa", "template_list"):
            found = self._client(token).get("template/get_all_private_template")
        rows = found.get("template_list")
        if not isinstance(rows, list):
            raise GatewayUnknown("an answer without templates")
        return [_template(row) for row in rows if isinstance(row, dict)]

    def _client(self, token: str) -> TokenClient:
        return TokenClient(self._api_base, token, self._transport)


def _template(row: dict[str, Any]) -> Template:
    keys = [(key, label.strip()) for label, key in _KEYWORD.findall(str(row.get("content", "")))]
    return Template(str(row.get("template_id", "")), str(row.get("title", "")), tuple(keys))
