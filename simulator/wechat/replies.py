"""What an account's server answers to a message, and what its person then sees. wechat.md C6."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from simulator.official import OfficialAccount
from simulator.wechat import push_crypto, v2_wire
from simulator.world import World

BROKEN = "该公众号提供的服务出现故障，请稍后再试"
CONTENT_MOST = 2048  # bytes
KINDS = ("text", "image", "voice", "video", "music", "news", "transfer_customer_service")


class BadReply(ValueError):
    """Not a reply that WeChat would show."""


def notice(world: World, appid: str, person: str, kind: str, **more: Any) -> dict[str, Any]:
    """One line of GET /sim/messages."""
    row = {
        "at": world.clock.time(),
        "appid": appid,
        "person": person,
        "openid": world.openid(appid, person),
        "kind": kind,
        **more,
    }
    with world.lock:
        world.oa.notices.append(row)
    return row


@dataclass
class Ear:
    """Judges the answers to one message. A broken one is not delivered again: the person is told.

    `key` empty: plain mode. `appid_inside` is the account's, or its platform's.
    """

    world: World
    appid: str
    person: str
    account: OfficialAccount
    key: str
    token: str
    appid_inside: str
    done: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def accepts(self, status: int, body: bytes) -> bool:
        if status != 200:
            return False
        with self.lock:
            first, self.done = not self.done, True
        if first and body.strip() not in (b"", b"success"):
            self._show(body)
        return True

    def _show(self, body: bytes) -> None:
        try:
            shown = self._read(body)
        except ValueError as problem:
            why = f"{type(problem).__name__}: {problem}"
            notice(self.world, self.appid, self.person, "broken_reply", text=BROKEN, why=why)
        else:
            notice(self.world, self.appid, self.person, "reply", **shown)

    def _read(self, body: bytes) -> dict[str, str]:
        text = self._opened(body) if self.key else body.decode()
        kind = re.search(r"<MsgType>(?:<!\[CDATA\[)?(\w+)", text)
        if kind is None or kind[1] not in KINDS:
            raise BadReply("MsgType")
        if kind[1] != "text":
            return {"type": kind[1], "text": text}
        said = v2_wire.read(text.encode())
        self._check_text(said)
        return {"type": "text", "text": said["Content"]}

    def _opened(self, body: bytes) -> str:
        said = v2_wire.read(body)
        if set(said) != {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}:
            raise BadReply("the envelope is Encrypt, MsgSignature, TimeStamp, Nonce")
        wanted = push_crypto.signature(
            self.token, said["TimeStamp"], said["Nonce"], said["Encrypt"]
        )
        if said["MsgSignature"] != wanted:
            raise BadReply("MsgSignature")
        text, inside = push_crypto.unseal(self.key, said["Encrypt"])
        if inside != self.appid_inside:
            raise BadReply(f"sealed with {inside}")
        return text

    def _check_text(self, said: dict[str, str]) -> None:
        if set(said) != {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"}:
            raise BadReply("fields of a text")
        if said["ToUserName"] != self.world.openid(self.appid, self.person):
            raise BadReply("ToUserName")
        if said["FromUserName"] != self.account.user_name:
            raise BadReply("FromUserName")
        if not re.fullmatch(r"[0-9]{1,10}", said["CreateTime"], re.ASCII):
            raise BadReply("CreateTime")
        if not 1 <= len(said["Content"].encode()) <= CONTENT_MOST:
            raise BadReply("Content")
